"""Watch: changes from a revision on, in order, none missed."""

from collections.abc import AsyncIterator

from api import messages
from api.call import current_call
from api.feed import Feed
from mulligan.events import EventRow, Narrowed
from mulligan.values import told
from mulligan.values.caller import Caller
from mulligan_client.gen.mulligan.common.v1 import common_pb2


class Watch:
    """Streams the events of one database to any number of watchers."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def stream(self, request: common_pb2.WatchRequest) -> AsyncIterator[common_pb2.Event]:
        """Give what changed after the request's revision, then what changes from now on."""
        caller = current_call().caller
        version, narrowed = caller.version, _narrowed(caller, request)

        def narrow(cursor: int) -> Narrowed:
            nonlocal version, narrowed
            # With a new token it goes on from there, also when there was no event so far.
            caller.refuse_if_expired(revision=str(cursor))
            if caller.version != version:
                # Only then: there are thousands of projects, and as many events as watchers.
                version, narrowed = caller.version, _narrowed(caller, request)
            return narrowed

        revision = request.after_revision if request.HasField("after_revision") else None
        async for row in self._feed.after(revision, narrow):
            yield _event(row, caller)


def _narrowed(caller: Caller, request: common_pb2.WatchRequest) -> Narrowed:
    projects = caller.projects
    return Narrowed(
        projects=None if projects is None else frozenset(projects),
        regions=frozenset(caller.regions or ()),
        project=request.project,
        object_id=request.object_id,
        operation=request.operation,
        object_types=tuple(request.object_types),
    )


def _event(row: EventRow, caller: Caller) -> common_pb2.Event:
    operators = caller.has_in("reader", row.region or "")
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
            reason=told.read(row.reason, operators=operators),
            since=messages.timestamp(row.since),
            deadline=messages.timestamp(row.deadline),
            next_action=row.next_action,
        ),
        message=told.read(row.message, operators=operators),
    )
