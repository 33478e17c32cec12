"""Reconciling a region, and showing what differed."""

from datetime import UTC

from sqlalchemy.orm import Session

from activities.contracts.reconcile import RunReconcile
from api import messages
from api.call import current_call
from api.operations import Operations, Starter
from api.page_tokens import foreign_token
from api.regions import Regions
from mulligan import events
from mulligan.control import differences
from mulligan.control.differences import Place
from mulligan.control.tables import Difference
from mulligan.meta.names import is_uuid
from mulligan.values import told
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from workflows.reconcile import Reconcile


class Reconciliations:
    """The RPCs that compare and show differences."""

    def __init__(self, starter: Starter, shown: Operations, regions: Regions) -> None:
        self._starter = starter
        self._operations = shown
        self._regions = regions

    async def reconcile(self, request: control_pb2.ReconcileRequest) -> control_pb2.Operation:
        """Start comparing a region."""
        await self._regions.require(request.region)
        asked = self._starter.asked(request, "", request.region)
        await self._starter.start(
            Reconcile.run,
            Reconcile.accepted,
            RunReconcile(asked=asked),
            asked,
            summary="compare a region's records with Temporal and hardware",
        )
        return await self._operations.get(asked.operation)

    async def list(
        self, request: control_pb2.ListDifferencesRequest
    ) -> control_pb2.ListDifferencesResponse:
        """List what the last comparisons found."""
        size, after = messages.page_size(request.page), _after(request.page)

        def read(session: Session) -> control_pb2.ListDifferencesResponse:
            revision = events.current_revision(session)
            rows = differences.list_differences(session, request.region, after=after, limit=size)
            return control_pb2.ListDifferencesResponse(
                differences=map(_message, rows),
                next_page_token=_token(rows[-1]) if len(rows) == size else "",
                revision=revision,
            )

        return await current_call().read(read)


def _token(row: Difference) -> str:
    mended = "mended" if row.mended_at else "open"
    at = row.found_at.astimezone(UTC).isoformat()
    return messages.token_of(mended, at, row.kind, row.object_id, row.region)


def _after(page: common_pb2.Page) -> Place | None:
    cursor = messages.cursor_of(page)
    if not cursor:
        return None
    if len(cursor) != 5 or cursor[0] not in ("mended", "open") or not is_uuid(cursor[4]):
        raise foreign_token()
    mended, at, kind, object_id, region = cursor
    return Place(mended == "mended", messages.cursor_time(at), kind, object_id, region)


def _message(row: Difference) -> control_pb2.Difference:
    return control_pb2.Difference(
        region=row.region,
        kind=row.kind,
        object_type=row.object_type,
        object_id=row.object_id,
        message=told.read(row.message, operators=True),
        action=row.action,
        mends_itself=row.mends_itself,
        found_at=messages.timestamp(row.found_at),
        mended_at=messages.timestamp(row.mended_at),
    )
