"""The audit, from questions to events and back."""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.page_tokens import foreign_token
from mulligan import audit
from mulligan.audit import Wanted
from mulligan.events import NO_OBJECT, REFUSED, EventRow, told_revision
from mulligan.values import told
from mulligan.values.caller import Caller
from mulligan.values.errors import PermissionDeniedError
from mulligan_client.gen.mulligan.common.v1 import common_pb2 as pb


async def list_page(request: pb.ListAuditEventsRequest, kept_by: str) -> pb.ListAuditEventsResponse:
    """List who did what and who was refused, as far as the caller may see it; newest first.

    `kept_by` is the service that is asked: its database's revisions are told.
    """
    call = current_call()
    places = _places(call.caller)
    shown = partial(_event, kept_by=kept_by, reader=call.caller, places=places and set(places))
    size, before = messages.page_size(request.page), _before(request.page)
    wanted = Wanted(
        places=places,
        within=_within(call.caller),
        revision=request.revision,
        account=request.account,
        object_id=request.object_id,
        project=request.project,
        region=request.region,
        method=request.method,
        result=request.result,
        kind=request.kind,
        since=_time(request, "since"),
        until=_time(request, "until"),
    )

    def read(session: Session) -> pb.ListAuditEventsResponse:
        revision = told_revision(session)
        rows = audit.list_events(session, wanted, before, size)
        return pb.ListAuditEventsResponse(
            events=[shown(row) for row in rows],
            next_page_token=(
                messages.token_of(str(rows[-1].revision)) if len(rows) == size else ""
            ),
            revision=revision,
        )

    return await call.read(read)


def _places(caller: Caller) -> list[str] | None:
    """The projects and regions whose events the caller may see; None for all events.

    Raises:
        PermissionDeniedError: it is an admin of none.
    """
    if caller.has("operator"):
        return None
    places = caller.places_with("admin")
    if places == []:
        raise PermissionDeniedError(
            "the audit is for operators of the system, and for admins of projects and regions; ask "
            "one of them"
        )
    return places


def _within(caller: Caller) -> list[str] | None:
    """The regions to which an application credential is limited, if it is."""
    return caller.region_tree.below([caller.region]) if caller.region else None


def _before(page: pb.Page) -> int:
    cursor = messages.cursor_of(page)
    if not cursor:
        return 0
    if len(cursor) != 1 or not cursor[0].isascii() or not cursor[0].isdecimal():
        raise foreign_token()
    before = int(cursor[0][:20])
    if not 0 < before < 1 << 63:
        raise foreign_token()
    return before


def _time(request: pb.ListAuditEventsRequest, field: str) -> datetime | None:
    stamp: Timestamp = getattr(request, field)
    return messages.time_of(stamp) if request.HasField(field) else None  # type: ignore[arg-type]


def _event(
    row: EventRow, kept_by: str, reader: Caller, places: Collection[str] | None
) -> pb.AuditEvent:
    """Write an event for a reader; `places` are those that it is an admin of, None for all.

    Of who is not at home there an admin learns neither from where the call came nor words that it
    chose. From where it came for which nobody signed in, is told: that may be an attack.
    """
    own = places is None or row.author == reader.account or row.home in places
    words = told.read(
        row.message or row.reason, operators=reader.has_in("reader", row.region or "")
    )
    return pb.AuditEvent(
        kept_by=kept_by,
        revision=row.revision,
        at=messages.timestamp(row.at),
        kind=row.kind,
        result=row.result or audit.DONE,
        count=row.count or 1,
        author=row.author or "",
        session=(row.session or "") if own else "",
        address=(row.address or "") if own or row.author is None else "",
        method=row.method or "",
        request_id=(row.request_id or "") if own else "",
        operation=row.operation or "",
        object_type=row.object_type,
        object_id="" if row.object_id == NO_OBJECT else row.object_id,
        project=row.project or "",
        region=row.region or "",
        state=row.state,
        message=words if own or row.kind != REFUSED else "",
    )
