"""Servers and hosts are enrolled, and what was said of them then is changed later."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events, marks, states
from mulligan.control.endpoints import Endpoint, get_host, get_server
from mulligan.control.tables import Host, Server
from mulligan.generations import refuse_stale
from mulligan.meta import names
from mulligan.renaming import rename
from mulligan.resource import providers
from mulligan.values.errors import AlreadyExistsError
from mulligan.values.sealed import require_sealed


def enrol_server(
    session: Session,
    *,
    server: str,
    region: str,
    name: str,
    address: str,
    sealed_credentials: str,
    insecure_tls: bool,
    system: str,
    author: str,
    project: str = "",
) -> Server:
    """Write a server's row, its name and its provider.

    Raises:
        AlreadyExistsError: another server has this BMC address, or its name.
        InvalidArgumentError: the credentials are not sealed.
    """
    if session.get(Server, server) is not None:
        raise AlreadyExistsError(
            f"there is a server {server} already", object_type="server", object_id=server
        )
    at_bmc = select(Server).where(Server.address == address)
    taken = next((row for row in session.scalars(at_bmc) if _same(row.system, system)), None)
    if taken is not None:
        has = f"the BMC at {address} already; when it has several systems, say which each server is"
        raise _taken(session, "server", taken, region, has, field="spec.address")
    require_sealed(sealed_credentials, "spec.sealed_credentials")
    row = Server(
        id=server,
        region=region,
        address=address,
        sealed_credentials=sealed_credentials,
        insecure_tls=insecure_tls,
        system=system,
        created_at=datetime.now(UTC),
    )
    row.status = states.enter("server", "enrolled", "it is being verified")
    _enrol(session, "server", row, name, project, author)
    return row


def update_server(
    session: Session,
    server: str,
    *,
    generation: int,
    name: str | None,
    sealed_credentials: str | None,
    insecure_tls: bool | None,
    author: str,
    project: str | None = None,
) -> Server:
    """Change a server's name or owner, or how its BMC is reached; None leaves a part as it is.

    Raises:
        AlreadyExistsError: another server of its region has the name.
        NotFoundError: there is no such server.
        InvalidArgumentError: the credentials are not sealed.
        FailedPreconditionError: the server is locked, or USED_BY_OTHERS.
        StaleError: it is not at that generation any more.
    """
    row = get_server(session, server)
    session.refresh(row, with_for_update=True)
    refuse_stale(session, "server", server, generation=row.generation, read_at=generation)
    marks.refuse_if_marked(session, "server", server, "locked")
    if name is not None:
        rename(session, "server", row, name, author=author, status=row.status)
    changed = []
    if sealed_credentials is not None:
        require_sealed(sealed_credentials, "spec.sealed_credentials")
        row.sealed_credentials = sealed_credentials
        changed.append("the BMC's credentials were changed")
    if insecure_tls is not None and insecure_tls != row.insecure_tls:
        row.insecure_tls = insecure_tls
        now = "no longer" if insecure_tls else "now"
        changed.append(f"the BMC's certificate is {now} verified")
    changed += _give(session, server, project)
    _tell_updated(session, "server", row, changed, author)
    return row


def _give(session: Session, endpoint: str, project: str | None) -> list[str]:
    """Give a server or host to a project, "" for nobody; says what changed, if anything."""
    if project is None or not providers.set_owner(session, endpoint, project):
        return []
    return [f"it is project {project}'s now" if project else "it is nobody's now"]


def _tell_updated(
    session: Session, object_type: str, row: Endpoint, changed: Sequence[str], author: str
) -> None:
    if changed:
        row.generation += 1
        event = events.Event(
            object_type, row.id, "updated", region=row.region, author=author, status=row.status,
            message=" and ".join(changed), generation=row.generation,
        )  # fmt: skip
        events.append(session, event)


def _taken(
    session: Session, object_type: str, by: Endpoint, region: str, has: str, *, field: str
) -> AlreadyExistsError:
    """Refuse what another end-point has; which one it is, only its region's operators are told."""
    if by.region != region:
        return AlreadyExistsError(f"a {object_type} of another region has {has}", field=field)
    words = f"{object_type} {names.name_of(session, by.id)} has {has}"
    return AlreadyExistsError(words, field=field, object_type=object_type, object_id=by.id)


def _same(system: str, other: str) -> bool:
    """Say whether two Redfish paths may be the same system; an empty one is the BMC's only one."""
    return not system or not other or system == other


def enrol_host(
    session: Session,
    *,
    host: str,
    region: str,
    name: str,
    uri: str,
    pool: str,
    author: str,
    project: str = "",
) -> Host:
    """Write a host's row, its name and its provider.

    Raises:
        AlreadyExistsError: another host has this URI, or its name.
    """
    taken = session.scalar(select(Host).where(Host.uri == uri))
    if taken is not None:
        raise _taken(session, "host", taken, region, f"the URI {uri} already", field="spec.uri")
    row = Host(id=host, region=region, uri=uri, pool=pool, created_at=datetime.now(UTC))
    row.status = states.enter("host", "enrolled", "it is being verified")
    _enrol(session, "host", row, name, project, author)
    return row


def update_host(
    session: Session,
    host: str,
    *,
    generation: int,
    name: str | None,
    project: str | None,
    author: str,
) -> Host:
    """Change a host's name or owner; None leaves a part as it is.

    Raises:
        AlreadyExistsError: another host of its region has it.
        NotFoundError: there is no such host.
        FailedPreconditionError: the host is locked, or USED_BY_OTHERS.
        StaleError: it is not at that generation any more.
    """
    row = get_host(session, host)
    session.refresh(row, with_for_update=True)
    refuse_stale(session, "host", host, generation=row.generation, read_at=generation)
    marks.refuse_if_marked(session, "host", host, "locked")
    if name is not None:
        rename(session, "host", row, name, author=author, status=row.status)
    _tell_updated(session, "host", row, _give(session, host, project), author)
    return row


def _enrol(
    session: Session, object_type: str, row: Endpoint, name: str, project: str, author: str
) -> None:
    session.add(row)
    names.give_name(session, object_type, row.id, name, region=row.region)
    providers.create_provider(
        session, id=row.id, region=row.region, type=object_type, project=project or None
    )
    providers.set_availability(session, row.id, False, f"{object_type} is enrolled, not verified")
    events.append(
        session,
        events.Event(
            object_type, row.id, "created", region=row.region, author=author, status=row.status
        ),
    )
