"""Watch: changes from a revision on, in order, none missed."""

from collections.abc import AsyncIterator

from api import messages
from api.call import current_call
from mulligan import events
from mulligan.events import EventRow
from mulligan.wakeups import Wakeups
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2


class Watch:
    """Streams events to any number of watchers; each reads from its own cursor."""

    def __init__(self, wakeups: Wakeups) -> None:
        self._wakeups = wakeups

    async def stream(self, request: control_pb2.WatchRequest) -> AsyncIterator[common_pb2.Event]:
        """Give what changed after the request's revision, then what changes from now on."""
        call = current_call()
        cursor = request.after_revision or await call.read(events.current_revision)
        async with self._wakeups.reader() as reader:
            while True:
                reader.expect()
                call.caller.refuse_if_expired()
                rows, seen = await call.read(
                    lambda session, cursor=cursor: events.read_on(  # type: ignore[misc]
                        session,
                        cursor,
                        projects=call.caller.projects,
                        project=request.project,
                        object_id=request.object_id,
                        operation=request.operation,
                    )
                )
                for row in rows:
                    yield _event(row)
                cursor = seen
                if not rows:
                    await reader.wait()


def _event(row: EventRow) -> common_pb2.Event:
    return common_pb2.Event(
        revision=row.revision,
        at=messages.timestamp(row.at),
        object_type=row.object_type,
        object_id=row.object_id,
        project=row.project or "",
        region=row.region or "",
        kind=row.kind,
        author=row.author or "",
        operation=row.operation or "",
        status=common_pb2.Status(
            state=row.state,
            reason=row.reason,
            since=messages.timestamp(row.since),
            deadline=messages.timestamp(row.deadline),
            next_action=row.next_action,
        ),
        message=row.message,
    )
