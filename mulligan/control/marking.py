"""Setting and clearing marks on servers, hosts and machines, and what follows for their offer."""

from sqlalchemy.orm import Session

from mulligan import events, marks
from mulligan.control import endpoints
from mulligan.control.tables import Host, Machine, Server
from mulligan.meta import names
from mulligan.values.caller import Caller
from mulligan.values.errors import NotFoundError, PermissionDeniedError


def find_markable(session: Session, object_id: str) -> Server | Host | Machine:
    """Find what an id means.

    Raises:
        NotFoundError: there is no such object.
    """
    row: Server | Host | Machine | None = None
    if names.is_uuid(object_id):
        row = (
            session.get(Server, object_id)
            or session.get(Host, object_id)
            or session.get(Machine, object_id)
        )
    if row is None:
        raise NotFoundError(f"there is no server, host or machine {object_id}", object_id=object_id)
    return row


def region_of(session: Session, object_id: str) -> str:
    """Give the region of a server, host or machine.

    Raises:
        NotFoundError: there is no such object.
    """
    return find_markable(session, object_id).region


def set_mark(
    session: Session, caller: Caller, object_id: str, kind: str, reason: str, *, is_set: bool
) -> list[marks.Mark]:
    """Set or clear a mark on a server, host or machine, and offer or withdraw its provider.

    Raises:
        NotFoundError: there is no such object.
        PermissionDeniedError: it is a machine, and the caller no operator of its project.
    """
    row = find_markable(session, object_id)
    if isinstance(row, Machine) and not caller.has("operator", row.project):
        raise PermissionDeniedError(
            "marking a machine needs the role operator on its project, too; ask an administrator "
            "for it"
        )
    object_type = type(row).__name__.lower()
    if is_set:
        marks.set_mark(session, object_id, kind, reason, caller.account)
    else:
        marks.clear_mark(session, object_id, kind)
    session.flush()
    if isinstance(row, (Server, Host)):
        endpoints.retire_or_restore(session, object_type, row, kind, reason, is_set=is_set)
        endpoints.refresh_offer(session, object_type, row)
    events.append(
        session,
        events.Event(
            object_type,
            object_id,
            "mark",
            project=row.project,
            region=row.region,
            author=caller.account,
            status=row.status,
            message=f"{kind} {'set: ' + reason if is_set else 'cleared'}",
        ),
    )
    return marks.marks_of(session, [object_id])[object_id]
