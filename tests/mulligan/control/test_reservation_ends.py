"""How reservations end: cancelled, over, or with a machine that is kept for a while."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from mulligan.control import operations
from mulligan.control import reservations as course
from mulligan.control.reservations import Ended
from mulligan.resource import reservations
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
)
from mulligan.values.states import RESERVATION_ENDED
from tests.mulligan.control.reservation_stage import Stage, later, minutes, started
from tests.mulligan.resource.fleet import at, new_id, window

# It is cancelled


def _reserved(stage: Stage) -> str:
    return stage.reserve(window(10, 60))


def _handover(stage: Stage) -> str:
    stage.fleet.claim(window(0, 4), VCPU=8, consumer=new_id())
    reservation = stage.reserve(window(4, 60))
    stage.look(reservation, 4)
    return reservation


def _degraded(stage: Stage) -> str:
    reservation = stage.reserve(window(10, 60))
    stage.mark(stage.claim(reservation).provider)
    stage.look(reservation, 4)
    return reservation


def _starting(stage: Stage) -> str:
    reservation = stage.reserve(window(0, 60))
    stage.look(reservation, 0)
    return reservation


def _held(stage: Stage) -> str:
    reservation = stage.reserve(window(0, 60), machine=False)
    stage.look(reservation, 0)
    return reservation


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (_reserved, "reserved"), (_handover, "handover"), (_degraded, "degraded"),
        (_starting, "starting"), (_held, "active"),
    ],
)  # fmt: skip
def test_without_machine_it_is_cancelled_at_once(
    stage: Stage, before: Callable[[Stage], str], state: str
) -> None:
    stage.host()
    reservation = before(stage)
    assert stage.row(reservation).state == state
    ended = stage.cancel(reservation, 5)
    assert (ended.act, ended.state) == ("end", "cancelled")
    assert ended.reason == "somebody cancelled it"
    assert stage.operation(reservation).state == "cancelled"
    assert stage.claim(reservation, 5).status.state == "released"
    with pytest.raises(FailedPreconditionError, match="is cancelled already"):
        stage.cancel(reservation, 6)
    with pytest.raises(FailedPreconditionError, match="make a new one"):
        stage.change(reservation, window(0, 100), 6)


@pytest.mark.parametrize("looked", [False, True])
def test_a_machine_that_is_being_made_is_undone(stage: Stage, looked: bool) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 60), machine=looked)
    begun = stage.look(reservation, 0) if looked else None
    machine = stage.machine(reservation, 1, "provisioning")
    stopped = stage.cancel(reservation, 2)
    assert (stopped.act, stopped.state, stopped.next.machine) == ("abort", "ending", machine)
    stage.becomes(machine, "failed", 3, "somebody cancelled it")
    over = Ended(begun.next.operation, "cancelled") if begun else None
    assert stage.look(reservation, 3, over).state == "cancelled"


@pytest.mark.parametrize("at_end", ["decommission", "keep"])
def test_a_machine_that_runs_is_decommissioned_first(stage: Stage, at_end: str) -> None:
    stage.host()
    keep_s = minutes(30) if at_end == "keep" else 0
    reservation, machine = started(stage, window(0, 60), at_end=at_end, keep_s=keep_s)
    ending = stage.cancel(reservation, 5)
    assert (ending.act, ending.state, ending.reason) == (
        "decommission", "ending", "somebody cancelled it",
    )  # fmt: skip
    with pytest.raises(FailedPreconditionError):
        stage.change(reservation, window(0, 100), 6)
    stage.becomes(machine, "gone", 7)
    assert stage.look(reservation, 7).state == "cancelled"


@pytest.mark.parametrize("is_off", [True, False], ids=["kept", "being powered off"])
def test_a_machine_that_is_kept_is_decommissioned_when_it_is_cancelled(
    stage: Stage, is_off: bool
) -> None:
    host = stage.host()
    reservation, machine = started(stage, window(0, 60), at_end="keep", keep_s=minutes(30))
    kept = stage.look(reservation, 60)
    if is_off:
        stage.becomes(machine, "kept", 61)
        stage.look(reservation, 61, Ended(kept.next.operation))
    ending = stage.cancel(reservation, 62)
    assert (ending.act, ending.state) == ("decommission", "ending")
    assert ending.reason == "somebody cancelled it"
    stage.becomes(machine, "gone", 63)
    assert stage.look(reservation, 63).state == "cancelled"
    assert stage.fleet.usage(host, window(63, 90)) == {}


def test_what_can_not_end_yet_stays_cancelled_and_says_why(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.host()
    reservation, _ = started(stage, window(0, 60))

    def refuse(*_: object) -> None:
        raise FailedPreconditionError("somebody else is at it")

    with monkeypatch.context() as patch:
        patch.setattr(course.Course, "_decommission", refuse)
        stage.write(lambda s: course.cancel(s, reservation, at(5), "somebody cancelled it"))
    row = stage.row(reservation)
    assert row.stop == "somebody cancelled it"
    assert row.reason == "it can't go on: somebody else is at it"
    assert stage.look(reservation, 6).act == "decommission"


def test_what_is_cancelled_while_it_is_ending_ends_once_as_cancelled(stage: Stage) -> None:
    stage.host()
    reservation, machine = started(stage, window(0, 60))
    assert stage.look(reservation, 60).state == "ending"
    assert stage.cancel(reservation, 61).state == "ending"
    stage.becomes(machine, "gone", 62)
    assert stage.look(reservation, 62).state == "cancelled"
    assert stage.row(reservation).reason == "somebody cancelled it"


def test_what_is_stopped_with_its_operation_is_cancelled(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(10, 60))
    stage.write(lambda session: course.stop(session, reservation, "somebody aborted it"))
    assert stage.look(reservation, 1).reason == "somebody aborted it"
    stage.write(lambda session: course.stop(session, reservation, "again"))
    assert stage.row(reservation).stop == "somebody aborted it"


# The end


def test_a_decommissioning_that_failed_is_tried_again(stage: Stage) -> None:
    stage.host()
    reservation, machine = started(stage, window(0, 60))
    first = stage.look(reservation, 60)
    stage.becomes(machine, "decommissioning", 60)
    assert stage.look(reservation, 60).act == "wait"
    stage.finish_work_on(machine)
    failed = stage.look(reservation, 61, Ended(first.next.operation, "its BMC is silent"))
    assert (failed.act, failed.state, failed.next.until) == ("wait", "ending", later(61, 10))
    assert failed.reason == "its window is over; try 1 failed: its BMC is silent"
    again = stage.look(reservation, 62)
    assert (again.act, again.next.operation != first.next.operation) == ("decommission", True)
    stage.becomes(machine, "gone", 63)
    assert stage.look(reservation, 63, Ended(again.next.operation)).state == "ended"


def test_a_machine_that_is_still_made_at_the_end_is_undone(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 60))
    stage.look(reservation, 0)
    stage.machine(reservation, 1, "provisioning")
    over = stage.look(reservation, 60)
    assert (over.act, over.reason) == ("abort", "its window is over")


@pytest.mark.parametrize("code", ["CANCELLED", "BMC_UNREACHABLE"])
def test_of_a_machine_that_was_undone_at_the_end_only_a_problem_is_told(
    stage: Stage, code: str
) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 60))
    stage.look(reservation, 0)
    machine = stage.machine(reservation, 1, "provisioning")
    assert stage.look(reservation, 60).act == "abort"
    stage.finish_work_on(machine, "why it ended", code)
    stage.becomes(machine, "failed", 61, "why it ended")
    ended = stage.look(reservation, 61)
    problem = "" if code == "CANCELLED" else "; why it ended"
    assert (ended.state, ended.reason) == ("ended", f"its window is over{problem}")


def test_at_the_end_a_machine_is_kept_for_a_while(stage: Stage) -> None:
    host = stage.host()
    reservation, machine = started(stage, window(0, 60), at_end="keep", keep_s=minutes(30))
    assert stage.row(reservation).next_action == "its machine is powered off and kept"
    kept = stage.look(reservation, 60)
    assert (kept.act, kept.state, kept.row.kept_until) == ("keep", "kept", at(90))
    assert stage.claim(reservation, 60).window == window(0, 90)
    stage.becomes(machine, "kept", 61)
    rests = stage.look(reservation, 61, Ended(kept.next.operation))
    assert (rests.act, rests.state, rests.next.until) == ("wait", "kept", at(90))
    assert stage.fleet.usage(host, window(60, 90)) == {"VCPU": 8}
    over = stage.look(reservation, 90)
    assert (over.act, over.state) == ("decommission", "ending")
    stage.becomes(machine, "gone", 91)
    assert stage.look(reservation, 91).state == "ended"


def test_what_the_next_one_needs_is_not_kept(each: Stage) -> None:
    each.host()
    reservation, _ = started(each, window(0, 60), at_end="keep", keep_s=minutes(30))
    each.reserve(window(80, 120))
    over = each.look(reservation, 60)
    assert (over.act, over.row.kept_until) == ("decommission", None)
    assert "it could not be kept: claim" in over.reason
    assert "others have claimed VCPU" in over.reason
    assert each.claim(reservation, 60).window == window(0, 60)


def test_what_a_quota_forbids_is_not_kept(stage: Stage) -> None:
    stage.host()
    reservation, _ = started(stage, window(0, 60), at_end="keep", keep_s=minutes(30))
    stage.quota(longest=timedelta(hours=1))
    over = stage.look(reservation, 60)
    assert (over.act, "could not be kept" in over.reason) == ("decommission", True)


def test_what_should_have_been_kept_while_the_system_was_down_is_not(stage: Stage) -> None:
    stage.host()
    reservation, _ = started(stage, window(0, 60), at_end="keep", keep_s=minutes(30))
    over = stage.look(reservation, 100)
    assert (over.act, "could not be kept" in over.reason) == ("decommission", True)


def test_a_kept_machine_runs_again_when_it_is_extended(stage: Stage) -> None:
    stage.host()
    reservation, machine = started(stage, window(0, 60), at_end="keep", keep_s=minutes(30))
    stage.look(reservation, 60)
    stage.becomes(machine, "kept", 61)
    stage.look(reservation, 61)
    stage.change(reservation, window(0, 200), 70)
    restored = stage.look(reservation, 70)
    assert (restored.act, restored.state, restored.row.kept_until) == ("restore", "starting", None)
    stage.becomes(machine, "active", 71)
    assert stage.look(reservation, 71, Ended(restored.next.operation)).state == "active"
    kept = stage.look(reservation, 200)
    assert (kept.act, kept.row.kept_until) == ("keep", at(230))


def test_what_is_kept_may_be_kept_longer_or_no_more(stage: Stage) -> None:
    stage.host()
    reservation, machine = started(stage, window(0, 60), at_end="keep", keep_s=minutes(30))
    stage.look(reservation, 60)
    stage.becomes(machine, "kept", 61)
    stage.keep_for(reservation, minutes(50), 70)
    longer = stage.look(reservation, 70)
    assert (longer.act, longer.state, longer.row.kept_until) == ("wait", "kept", at(110))
    assert stage.claim(reservation, 70).window == window(0, 110)
    with pytest.raises(InvalidArgumentError, match="kept for longer than 0:10:00"):
        stage.keep_for(reservation, minutes(10), 75)
    stage.reserve(window(120, 180))
    with pytest.raises(NoCapacityError):
        stage.keep_for(reservation, minutes(70), 75)
    stage.keep_for(reservation, 0, 80)
    ended = stage.look(reservation, 80)
    assert (ended.act, ended.state) == ("decommission", "ending")
    assert ended.reason == "its window is over"
    stage.becomes(machine, "gone", 81)
    assert stage.look(reservation, 81).state == "ended"


def test_a_kept_machine_that_the_project_ends_ends_its_reservation(stage: Stage) -> None:
    host = stage.host()
    reservation = stage.reserve(window(0, 60), machine=False, at_end="keep", keep_s=minutes(30))
    stage.look(reservation, 0)
    machine = stage.machine(reservation, 1)
    stage.look(reservation, 1)
    stage.look(reservation, 60)
    stage.becomes(machine, "kept", 61)
    stage.becomes(machine, "gone", 70)
    assert stage.look(reservation, 70).state == "ended"
    assert stage.fleet.usage(host, window(70, 90)) == {}


def test_a_machine_that_became_active_unseen_is_kept(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 60), at_end="keep", keep_s=minutes(30))
    stage.look(reservation, 0)
    stage.machine(reservation, 1)
    assert stage.look(reservation, 61).act == "keep"


def test_one_that_is_extended_while_it_ends_goes_on(stage: Stage) -> None:
    server = stage.server()
    reservation = stage.reserve(window(0, 60), machine=False, SERVER=1)
    stage.look(reservation, 0)
    machine = stage.machine(reservation, 1)
    stage.look(reservation, 60)
    stage.becomes(machine, "decommissioning", 60)
    stage.look(reservation, 60)
    stage.change(reservation, window(0, 100), 61)
    stage.becomes(machine, "gone", 62)
    slot = new_id()
    stage.write(
        lambda session: operations.take_slot(
            session, operations.For("server", server), server, slot
        )
    )
    assert stage.look(reservation, 62).state == "handover"
    stage.write(lambda session: operations.free_slots(session, slot))
    assert stage.look(reservation, 63).state == "active"


def test_an_extension_is_refused_where_others_have_claimed(stage: Stage) -> None:
    stage.host()
    reservation, _ = started(stage, window(0, 60))
    stage.reserve(window(80, 120))
    stage.host()
    with pytest.raises(NoCapacityError, match="others have claimed VCPU"):
        stage.change(reservation, window(0, 90), 10)
    unused = stage.reserve(window(0, 60), machine=False)
    stage.change(unused, window(0, 200), 10)
    assert stage.claim(unused).window == window(0, 200)


def test_what_ended_stays_as_it_ended(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(10, 60))
    stage.look(reservation, 61)
    assert stage.row(reservation).state in RESERVATION_ENDED
    with pytest.raises(FailedPreconditionError, match="make a new one"):
        stage.write(
            lambda session: reservations.change_end(
                session, reservations.lock(session, reservation), 60, at(62)
            )
        )
