"""Has a process that serves a site stand in iam's catalogue for as long as it runs."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from api.iam_copy import IamCopy
from api.places import Places
from api.wellformed import VERSION
from mulligan.iam.processes import LEASE
from mulligan.values.errors import MulliganError
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2

RENEWED_EVERY_S = LEASE.total_seconds() / 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Advertised:
    """What a site's services say of themselves.

    Clients reach them at `address`, and where iam is if that is empty; the site serves the regions
    (UUIDs) with what is below them, and without any all that no other site serves.
    """

    address: str = ""
    regions: Sequence[str] = ()


def reachable(listen: str, *, tls: bool) -> str:
    """Make an address for clients of the one that services listen on."""
    host, _, port = listen.rpartition(":")
    if host.strip("[]") in ("", "0.0.0.0", "::"):  # noqa: S104 - it is told from others here
        host = socket.getfqdn()
    return f"{'https' if tls else 'http'}://{host}:{port}"


@asynccontextmanager
async def registered(
    copy: IamCopy, places: Places, site: str, kinds: Sequence[str], advertised: Advertised
) -> AsyncIterator[None]:
    """Register services and renew that while the context lasts; withdraw them at its end.

    Places are told each time which sites serve what. Nothing waits for it: while iam is away, or
    refuses, the site serves those who know of it, with what was told last.
    """
    request = iam_pb2.RegisterServiceRequest(
        id=str(uuid4()),
        site=site,
        kinds=kinds,
        address=advertised.address,
        version=VERSION,
        regions=advertised.regions,
    )
    running = asyncio.create_task(_stay_registered(copy, places, request), name="registration")
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with suppress(MulliganError, MulliganCallError):
            await copy.ask(partial(_withdraw, service=request.id))


async def _stay_registered(
    copy: IamCopy, places: Places, request: iam_pb2.RegisterServiceRequest
) -> None:
    is_registered, logged = False, ""
    while True:
        copy.sites_changed.clear()
        try:
            ask = partial(_renew if is_registered else _register, request=request)
            places.take_served(request.site, await copy.ask(ask))
            is_registered, logged = True, ""
        except MulliganCallError as error:
            if is_registered and error.grpc_status == "NOT_FOUND":
                is_registered = False
                continue
            if error.message != logged:
                logged = error.message
                _log.warning("iam's catalogue does not have these services: %s", logged)
            with suppress(MulliganError, MulliganCallError):
                # Others may serve its regions by now: then nothing is to begin there.
                places.take_served(request.site, await copy.ask(_listed))
        except MulliganError:
            pass  # Who follows iam says already what is wrong with it.
        except Exception as error:  # Whatever it is, they must not stay out of it for good.
            _log.warning("the services can't be registered, tries again", exc_info=error)
        with suppress(TimeoutError):
            async with asyncio.timeout(RENEWED_EVERY_S):
                await copy.sites_changed.wait()


def _register(client: Client, *, request: iam_pb2.RegisterServiceRequest) -> Mapping[str, str]:
    return {one.region: one.site for one in client.iam.RegisterService(request).served}


def _renew(client: Client, *, request: iam_pb2.RegisterServiceRequest) -> Mapping[str, str]:
    renewed = client.iam.RenewService(iam_pb2.RenewServiceRequest(id=request.id))
    return {one.region: one.site for one in renewed.served}


def _listed(client: Client) -> Mapping[str, str]:
    sites = client.iam.ListServices(iam_pb2.ListServicesRequest()).sites
    return {region: one.id for one in sites for region in one.regions}


def _withdraw(client: Client, *, service: str) -> None:
    client.iam.WithdrawService(iam_pb2.WithdrawServiceRequest(id=service))
