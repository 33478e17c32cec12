"""Freeze and thaw: an operator's stop of everything that powers, wipes, deletes or starts."""

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.operations import Starter
from api.page_tokens import foreign_token
from api.regions import Regions
from mulligan import events
from mulligan.control import freezes
from mulligan.control.freezes import WHOLE_SITE
from mulligan.control.tables import Freeze
from mulligan.meta.names import is_uuid
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from workflows.operation import FREEZE_CHANGED


class Freezes:
    """The RPCs of freezes."""

    def __init__(self, starter: Starter, regions: Regions) -> None:
        self._starter = starter
        self._regions = regions

    async def freeze(self, request: control_pb2.FreezeRequest) -> control_pb2.FreezeResponse:
        """Freeze a region or the site, and stop what runs there at its next write."""
        if request.region:
            await self._regions.require(request.region)
        call = current_call()

        def write(session: Session) -> control_pb2.FreezeResponse:
            row = freezes.freeze(session, request.region, request.reason, call.caller.account)
            return control_pb2.FreezeResponse(freeze=_message(row))

        answer = await call.write(request, control_pb2.FreezeResponse, write)
        await self._tell(request.region)
        return answer

    async def thaw(self, request: control_pb2.ThawRequest) -> control_pb2.ThawResponse:
        """Take a freeze back, and have what waited go on."""
        call = current_call()

        def write(session: Session) -> control_pb2.ThawResponse:
            freezes.thaw(session, request.region, call.caller.account)
            return control_pb2.ThawResponse()

        answer = await call.write(request, control_pb2.ThawResponse, write)
        await self._tell(request.region)
        return answer

    async def list(
        self, request: control_pb2.ListFreezesRequest
    ) -> control_pb2.ListFreezesResponse:
        """List what is frozen."""
        size, after = messages.page_size(request.page), _after(request.page)

        def read(session: Session) -> control_pb2.ListFreezesResponse:
            revision = events.current_revision(session)
            rows = freezes.list_freezes(session, after=after, limit=size)
            return control_pb2.ListFreezesResponse(
                freezes=[_message(row) for row in rows],
                next_page_token=messages.token_of(rows[-1].region) if len(rows) == size else "",
                revision=revision,
            )

        return await current_call().read(read)

    async def _tell(self, region: str) -> None:
        """Tell running operations; one that misses it looks for itself before its next step."""

        def concerned(session: Session) -> list[tuple[str, str]]:
            rows = freezes.concerned(session, region)
            return [(row.id, freezes.why_frozen(session, row.region)) for row in rows]

        for operation, frozen in await current_call().read(concerned):
            await self._starter.signal([operation], FREEZE_CHANGED, frozen)


def _after(page: common_pb2.Page) -> str | None:
    cursor = messages.cursor_of(page)
    if cursor and (len(cursor) != 1 or not (cursor[0] == WHOLE_SITE or is_uuid(cursor[0]))):
        raise foreign_token()
    return cursor[0] if cursor else None


def _message(row: Freeze) -> control_pb2.Freeze:
    return control_pb2.Freeze(
        region=row.region,
        reason=row.reason,
        author=row.author,
        since=messages.timestamp(row.since),
    )
