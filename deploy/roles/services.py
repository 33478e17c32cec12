"""The gRPC services as a role."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.iam_at import HERE, IamAt
from api.server import SERVICES, Backends, Tls, running_server
from deploy.connect import connect
from deploy.roles.databases import open_database
from deploy.roles.forgetting import forgetting
from deploy.settings import Settings
from mulligan.database import Database
from mulligan.iam import bootstrap, copies
from mulligan.log_level import LogLevel
from mulligan.resource.leftovers import clear_leftovers
from mulligan.values.errors import InvalidArgumentError
from mulligan_client.transport import Target


async def run_services(
    stack: AsyncExitStack,
    services: Sequence[str],
    settings: Settings,
    site: Database,
    log_level: LogLevel,
) -> str | None:
    """Serve for as long as the stack lasts; gives the bootstrap token of a new installation.

    Raises:
        InvalidArgumentError: iam's address or half of the TLS settings is missing.
        FailedPreconditionError: the port is taken, or the site's database is iam's own.
    """
    iam, tls = _iam_at(services, settings), _tls(settings)
    installation = None
    if "iam" in services:
        installation = await open_database(stack, settings.iam_database)
    needs_temporal = {"resource", "control"} & set(services)
    temporal = await connect(settings) if needs_temporal else None
    ui_url = settings.temporal_ui_url.rstrip("/")
    backends = Backends(
        site,
        installation,
        temporal,
        f"{ui_url}/namespaces/{settings.temporal_namespace}" if ui_url else "",
    )
    token = None
    if installation is not None:
        first_region = settings.region or None
        token = await asyncio.to_thread(
            installation.write, lambda session: bootstrap.prepare(session, first_region)
        )
    if set(services) - {"iam"}:
        await asyncio.to_thread(site.read, copies.refuse_own)
    if "resource" in services:
        await asyncio.to_thread(
            site.write, lambda session: clear_leftovers(session, datetime.now(UTC))
        )
    kept = timedelta(days=settings.keep_events_days)
    refusals_kept = timedelta(days=settings.keep_refusals_days)
    for name, database in (("iam", installation), ("control", site)):
        if name in services and database is not None:
            await stack.enter_async_context(forgetting(database, kept, refusals_kept))
    server = running_server(
        services,
        backends,
        listen=settings.listen,
        iam=iam,
        tls=tls,
        share_port=settings.share_port,
        log_level=log_level,
    )
    await stack.enter_async_context(server)
    return token


def services_of(roles: Sequence[str]) -> list[str]:
    """Pick the services among roles."""
    return [name for name in SERVICES if name in roles]


def _iam_at(services: Sequence[str], settings: Settings) -> IamAt:
    if "iam" in services:
        return HERE
    if not settings.iam_address:
        raise InvalidArgumentError(
            "these services need to know where iam is: give --iam-address HOST:PORT, or serve iam "
            "too",
            field="iam_address",
        )
    secret = _text(settings.iam_secret_file, "iam_secret_file")
    if not settings.iam_account or secret is None:
        raise InvalidArgumentError(
            "these services need an account at iam, an application credential with the role "
            "reader of the system: give --iam-account and --iam-secret-file",
            field="iam_account",
        )
    try:
        Target.parse(settings.iam_address)
    except ValueError as error:
        raise InvalidArgumentError(
            f"iam's address can't be read: {error}", field="iam_address"
        ) from error
    ca_file = settings.tls_ca
    return IamAt(settings.iam_address, settings.iam_account, secret.decode().strip(), ca_file)


def _tls(settings: Settings) -> Tls:
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise InvalidArgumentError(
            "TLS needs both --tls-certificate and --tls-key", field="tls_certificate"
        )
    return Tls(
        certificate=_text(settings.tls_certificate, "tls_certificate"),
        key=_text(settings.tls_key, "tls_key"),
        ca=_text(settings.tls_ca, "tls_ca"),
    )


def _text(path: Path | None, field: str) -> bytes | None:
    try:
        return path.read_bytes() if path else None
    except OSError as error:
        raise InvalidArgumentError(f"{path} can't be read: {error}", field=field) from error
