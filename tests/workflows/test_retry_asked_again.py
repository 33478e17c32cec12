"""A retry that Temporal did not take, or took without a word: the caller asks for it again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import hypervisor
from mulligan.events import EventRow
from tests.fakes.caller import refused
from tests.fakes.place import Place
from workflows import policies
from workflows.operation import TRY_AGAIN


@dataclass
class Line:
    """The way to Temporal: the first workflow signal to try again fails, sent or not."""

    sends_first: bool = False
    signals: int = 0


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    found, real = Line(), WorkflowHandle.signal

    async def signal(self: Any, name: Any, *words: Any, **more: Any) -> None:
        found.signals += name == TRY_AGAIN
        fails = name == TRY_AGAIN and found.signals == 1
        if not fails or found.sends_first:
            await real(self, name, *words, **more)
        if fails:
            raise RPCError("Temporal is away", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(WorkflowHandle, "signal", signal)
    return found


def asks_told(place: Place, operation: str) -> list[str]:
    asks = select(EventRow.message).where(EventRow.object_id == operation, EventRow.kind == "asked")
    return list(place.site.database.read(lambda session: session.scalars(asks).all()))


def test_what_failed_before_the_retry_reached_it_is_asked_for_anew(
    sqlite_place: Place, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "BEATS", timedelta(milliseconds=1))
    place = sqlite_place
    place.host()
    held = place.executor.holds(hypervisor.start)
    operation = place.provision().metadata.id
    held.wait()
    asked = {"id": operation, "request_id": str(uuid4())}
    with refused("UNAVAILABLE"):
        place.member.RetryOperation(**asked)
    place.executor.breaks(hypervisor.start, "HOST_BROKEN")
    held.release()
    assert place.site.end_of(operation).status.state == "failed"
    place.executor.mends(hypervisor.start)
    again = place.member.RetryOperation(**asked).metadata.id
    assert again != operation
    assert place.site.end_of(again).status.state == "done"
    assert place.member.RetryOperation(**asked).metadata.id == again
    assert (asks_told(place, operation), line.signals) == (["asked to try again"], 1)


def test_what_runs_is_tried_again_once_the_retry_reaches_it(
    sqlite_place: Place, line: Line
) -> None:
    place = sqlite_place
    place.host()
    held = place.executor.holds(hypervisor.stage)
    operation = place.provision().metadata.id
    held.wait()
    held.reached.clear()
    asked = {"id": operation, "request_id": str(uuid4())}
    with refused("UNAVAILABLE"):
        place.member.RetryOperation(**asked)
    for _ in range(2):
        assert place.member.RetryOperation(**asked).metadata.id == operation
    held.wait()
    held.release()
    assert place.site.end_of(operation).status.state == "done"
    assert (asks_told(place, operation), line.signals) == (["asked to try again"], 2)


def test_a_retry_that_was_taken_without_a_word_is_not_refused_once_all_is_done(
    sqlite_place: Place, line: Line
) -> None:
    line.sends_first = True
    place = sqlite_place
    place.host()
    held = place.executor.holds(hypervisor.stage)
    operation = place.provision().metadata.id
    held.wait()
    held.reached.clear()
    asked = {"id": operation, "request_id": str(uuid4())}
    with refused("UNAVAILABLE"):
        place.member.RetryOperation(**asked)
    held.wait()
    held.release()
    assert place.site.end_of(operation).status.state == "done"
    assert place.member.RetryOperation(**asked).status.state == "done"
    with refused("FAILED_PRECONDITION"):
        place.member.RetryOperation(id=operation)
