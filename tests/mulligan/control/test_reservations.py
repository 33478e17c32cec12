"""What a reservation needs, look by look. Times are in minutes."""

from datetime import timedelta

import pytest

from mulligan.control import operations
from mulligan.control import reservations as course
from mulligan.control.reservations import Ended
from mulligan.resource import offers
from mulligan.resource.network_values import AddressMode, NicWanted
from mulligan.values.errors import FailedPreconditionError, NotFoundError
from tests.mulligan.control.reservation_stage import Stage, later, minutes, started, without_end
from tests.mulligan.resource.fleet import at, new_id, window

# The start


def test_it_waits_for_its_start_provisions_runs_and_ends(each: Stage) -> None:
    host = each.host()
    reservation = each.reserve(window(10, 60))
    before = each.look(reservation, 0)
    assert (before.act, before.state, before.next.until) == ("wait", "reserved", at(10))
    assert before.row.next_action == "its machine is provisioned"
    begun = each.look(reservation, 10)
    assert (begun.act, begun.state, begun.row.deadline) == ("provision", "starting", at(60))
    assert begun.reason == "its machine is being provisioned"
    assert begun.next.wish["name"] == "web"
    assert begun.next.machine == begun.row.machine
    machine = each.machine(reservation, 11, "provisioning")
    assert each.look(reservation, 12).next.until == at(13)
    each.becomes(machine, "active", 12)
    running = each.look(reservation, 12, Ended(begun.next.operation))
    assert (running.act, running.state, running.next.until) == ("wait", "active", at(45))
    over = each.look(reservation, 60)
    assert (over.act, over.state, over.next.machine) == ("decommission", "ending", machine)
    assert over.next.operation != begun.next.operation
    each.becomes(machine, "gone", 61)
    ended = each.look(reservation, 61)
    assert (ended.act, ended.state, ended.reason) == ("end", "ended", "its window is over")
    assert each.operation(reservation).state == "done"
    assert each.fleet.usage(host, window(10, 70)) == {}


def test_what_is_held_is_the_projects_from_its_start_on(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(10, 60), machine=False)
    assert stage.look(reservation, 0).row.next_action == "it is the project's"
    held = stage.look(reservation, 10)
    assert (held.act, held.state, held.next.until) == ("wait", "active", at(45))
    assert stage.look(reservation, 60).state == "ended"


def test_a_look_that_comes_late_takes_nothing_back(stage: Stage) -> None:
    """The workflow's was on its way when somebody moved the start to now."""
    stage.host()
    reservation = stage.reserve(window(10, 60), machine=False)
    stage.change(reservation, window(5, 60), 5)
    assert stage.look(reservation, 5).state == "active"
    assert stage.look(reservation, 4).state == "active"


def test_without_end_it_lasts_until_it_is_cancelled(stage: Stage) -> None:
    stage.host()
    reservation, _ = started(stage, without_end(0))
    running = stage.look(reservation, 60 * 24 * 400)
    assert (running.state, running.next.until, running.row.deadline) == ("active", None, None)
    assert "ends_soon" not in str(stage.told("ends_soon"))
    assert stage.cancel(reservation, 60 * 24 * 400).act == "decommission"
    assert course.deadline_of(without_end(0)) == at(0) + timedelta(days=366)
    assert course.deadline_of(window(0, 10)) == at(10) + timedelta(days=1)


def test_what_passes_has_a_deadline_without_an_end_too(stage: Stage) -> None:
    server = stage.server()
    reservation = stage.reserve(without_end(10), SERVER=1)
    stage.put(server, "in_use", new_id())
    first = stage.look(reservation, 10)
    assert (first.state, first.row.deadline) == ("handover", at(10) + timedelta(days=366))
    told = stage.told()
    again = stage.look(reservation, 20)
    assert (again.state, again.row.deadline) == ("handover", at(10) + timedelta(days=366))
    assert stage.told() == told, "it is no news"
    stage.put(server, "available")
    begun = stage.look(reservation, 30)
    assert (begun.state, begun.row.deadline) == ("starting", at(30) + timedelta(hours=4))


def test_a_start_that_was_missed_is_honoured_and_said_to_be_late(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(10, 60))
    begun = stage.look(reservation, 30)
    assert begun.act == "provision"
    assert begun.reason == "its machine is being provisioned, 0:20:00 after its start"
    assert stage.claim(reservation, 30).window == window(10, 60)


def test_a_window_that_was_missed_wholly_is_missed(each: Stage) -> None:
    each.host()
    reservation = each.reserve(window(10, 60))
    missed = each.look(reservation, 61)
    assert (missed.act, missed.state) == ("end", "missed")
    assert missed.reason == "its window is over, and it never started"
    assert each.operation(reservation).reason == missed.reason
    assert each.claim(reservation, 61).status.state == "released"


def test_one_that_waited_for_a_hand_over_to_its_end_is_missed(stage: Stage) -> None:
    stage.host()
    stage.fleet.claim(window(0, 10), VCPU=8, consumer=new_id())
    reservation = stage.reserve(window(10, 60))
    assert stage.look(reservation, 10).state == "handover"
    assert stage.look(reservation, 60).state == "missed"


def test_who_waits_for_capacity_is_told_of_an_end_as_often_as_it_is_asked_for(
    stage: Stage,
) -> None:
    stage.host()
    reservation = stage.reserve(window(10, 60))
    waiting = new_id()
    ask = operations.Ask(
        waiting, "claim", stage.region, stage.project, new_id(), "id", "digest", "claim", new_id()
    )
    stage.write(lambda session: operations.begin(session, ask))
    assert stage.cancel(reservation, 5).next.waiting == (waiting,)


def test_a_reservation_that_is_not_there_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFoundError, match="no reservation"):
        stage.write(lambda session: course.advance(session, new_id(), at(0)))


# Held


def test_what_nobody_uses_is_given_up_after_its_grace(each: Stage) -> None:
    host = each.host()
    reservation = each.reserve(window(0, 600), machine=False, reclaim_s=minutes(10))
    held = each.look(reservation, 1)
    assert (held.next.until, held.row.deadline) == (at(11), at(11))
    assert held.row.next_action == "given up unless a machine uses it"
    assert each.look(reservation, 10).state == "active"
    given_up = each.look(reservation, 11)
    assert (given_up.act, given_up.state) == ("end", "reclaimed")
    assert given_up.reason == "nobody used it for 0:10:00"
    assert each.fleet.usage(host, window(11, 600)) == {}


def test_grace_begins_anew_after_its_machine_was_decommissioned(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 600), machine=False, reclaim_s=minutes(10))
    stage.look(reservation, 0)
    machine = stage.machine(reservation, 9)
    used = stage.look(reservation, 20)
    assert (used.state, used.reason) == ("active", "its machine runs")
    stage.becomes(machine, "decommissioning", 30)
    ending = stage.look(reservation, 30)
    assert (ending.act, ending.state) == ("wait", "ending")
    assert ending.reason == "its machine is being decommissioned"
    stage.becomes(machine, "gone", 31)
    held = stage.look(reservation, 31)
    assert (held.state, held.row.machine, held.next.until) == ("active", None, at(41))
    assert stage.claim(reservation, 31).consumer is None
    assert stage.look(reservation, 41).state == "reclaimed"


def test_grace_does_not_run_while_it_can_not_be_used(stage: Stage) -> None:
    host = stage.host()
    reservation = stage.reserve(window(0, 600), machine=False, reclaim_s=minutes(10))
    stage.look(reservation, 0)
    stage.mark(host)
    assert stage.look(reservation, 5).state == "degraded"
    assert stage.look(reservation, 30).state == "degraded"
    stage.mark(host, lifted=True)
    held = stage.look(reservation, 31)
    assert (held.state, held.next.until) == ("active", at(41))


def test_its_end_is_told_once_and_again_when_it_is_another(stage: Stage) -> None:
    stage.host()
    reservation, _ = started(stage, window(0, 60), warn_s=minutes(10))
    assert stage.look(reservation, 49).next.until == at(50)
    assert stage.told("ends_soon") == []
    assert stage.look(reservation, 50).next.until == at(60)
    stage.look(reservation, 55)
    assert stage.told("ends_soon") == ["reservation ends at 2030-01-01 01:00:00 UTC"]
    stage.change(reservation, window(0, 120), 56)
    assert stage.look(reservation, 56).next.until == at(110)
    stage.look(reservation, 111)
    assert stage.told("ends_soon")[1:] == ["reservation ends at 2030-01-01 02:00:00 UTC"]


# The hand-over


@pytest.mark.parametrize("machine", [False, True])
def test_it_starts_when_what_overruns_its_plan_ends(stage: Stage, machine: bool) -> None:
    stage.host()
    first = stage.fleet.claim(window(0, 10), VCPU=8, consumer=new_id())
    reservation = stage.reserve(window(10, 60), machine=machine)
    waits = stage.look(reservation, 10)
    assert (waits.act, waits.state, waits.next.until) == ("wait", "handover", at(11))
    assert (waits.row.deadline, "past its plan" in waits.reason) == (at(60), True)
    operation = stage.row(reservation).operation
    assert operation in stage.database.read(
        lambda session: operations.waiting_for_capacity(session, stage.region)
    )
    stage.fleet.now = at(30)
    stage.fleet.release(first)
    begun = stage.look(reservation, 30)
    assert (begun.act, begun.state) == (
        ("provision", "starting") if machine else ("wait", "active")
    )
    assert not machine or "0:20:00 after its start" in begun.reason


def test_who_overruns_elsewhere_or_leaves_room_holds_nobody_up(stage: Stage) -> None:
    stage.host()
    stage.fleet.claim(window(0, 10), VCPU=4, consumer=new_id())
    reservation = stage.reserve(window(10, 60), VCPU=4)
    assert stage.look(reservation, 10).act == "provision"


@pytest.mark.parametrize("state", ["in_use", "cleaning"])
def test_a_server_is_handed_over_when_it_is_clean(stage: Stage, state: str) -> None:
    server = stage.server()
    reservation = stage.reserve(window(10, 60), SERVER=1)
    stage.put(server, state, new_id())
    waits = stage.look(reservation, 10)
    assert (waits.state, "being cleaned" in waits.reason) == ("handover", True)
    with pytest.raises(FailedPreconditionError, match="waits for a hand-over"):
        stage.machine(reservation, 10)
    stage.put(server, "available")
    assert stage.look(reservation, 11).act == "provision"


def test_one_waits_for_the_name_of_its_machine(each: Stage) -> None:
    each.host()
    before = each.reserve(window(0, 10), VCPU=4)
    each.look(before, 0)
    web = each.machine(before, 1, name="web")
    reservation = each.reserve(window(10, 60), VCPU=4)
    waits = each.look(reservation, 10)
    assert (waits.act, waits.state, waits.row.deadline) == ("wait", "handover", at(60))
    assert waits.reason == f"another machine, {web}, is still named 'web'"
    each.becomes(web, "gone", 11)
    assert each.look(reservation, 11).act == "provision"


def test_a_server_that_an_operation_works_on_is_waited_for(stage: Stage) -> None:
    server = stage.server()
    reservation = stage.reserve(window(10, 60), SERVER=1)
    stage.write(
        lambda session: operations.take_slot(
            session, operations.For("server", server), server, new_id()
        )
    )
    assert stage.look(reservation, 10).state == "handover"


# A provider fails


def test_before_its_start_it_goes_elsewhere(each: Stage) -> None:
    first = each.host()
    reservation = each.reserve(window(10, 60), provider="")
    second = each.host()
    each.mark(first)
    assert each.look(reservation, 1).state == "reserved"
    assert each.claim(reservation).provider == second


def test_what_can_go_nowhere_is_degraded_and_back(stage: Stage) -> None:
    host = stage.host()
    reservation = stage.reserve(window(10, 60))
    stage.mark(host)
    degraded = stage.look(reservation, 1)
    assert (degraded.act, degraded.state, degraded.next.until) == ("wait", "degraded", at(2))
    assert degraded.reason == "what it claims is not offered: host is marked maintenance"
    assert degraded.row.deadline == at(10)
    assert stage.look(reservation, 10).state == "degraded"
    stage.mark(host, lifted=True)
    assert stage.look(reservation, 11).act == "provision"


def test_one_that_stays_does_not_go_elsewhere(stage: Stage) -> None:
    first = stage.host()
    reservation = stage.reserve(window(10, 60), heals=False)
    stage.host()
    stage.mark(first)
    assert stage.look(reservation, 1).state == "degraded"
    assert stage.look(reservation, 10).state == "degraded"
    assert stage.claim(reservation).provider == first
    stage.mark(first, lifted=True)
    assert stage.look(reservation, 10).act == "provision"


def test_at_its_start_it_goes_elsewhere(stage: Stage) -> None:
    first = stage.host()
    reservation = stage.reserve(window(10, 60))
    stage.put(first, "quarantined")
    assert stage.look(reservation, 10).state == "degraded"
    second = stage.host()
    assert stage.look(reservation, 11).act == "provision"
    assert stage.claim(reservation).provider == second


def test_one_beyond_a_quota_that_was_lowered_is_degraded_rather_than_lost(stage: Stage) -> None:
    first = stage.host()
    reservation = stage.reserve(window(10, 60))
    stage.host()
    stage.quota(VCPU=4)
    stage.mark(first)
    assert stage.look(reservation, 1).state == "degraded"


def test_a_machine_whose_provider_fails_is_left_alone(stage: Stage) -> None:
    host = stage.host()
    reservation, machine = started(stage, window(0, 60))
    stage.host()
    stage.mark(host)
    assert stage.look(reservation, 5).state == "active"
    stage.put(host, "quarantined")
    degraded = stage.look(reservation, 5)
    assert (degraded.act, degraded.state, degraded.next.until) == ("wait", "degraded", at(6))
    assert "its machine may still run" in degraded.reason
    assert (degraded.row.machine, stage.claim(reservation).provider) == (machine, host)
    stage.put(host, "available")
    assert stage.look(reservation, 6).reason == "its machine runs"
    assert stage.look(reservation, 60).act == "decommission"


def test_one_on_an_unhealthy_provider_is_degraded_until_the_mark_expires(stage: Stage) -> None:
    host = stage.host()
    reservation, _ = started(stage, window(0, 60))
    stage.write(
        lambda session: offers.mark_providers(
            session, [host], "unhealthy", "it coughs", expires_at=at(10), author=new_id(), now=at(0)
        )
    )
    assert "unhealthy" in stage.look(reservation, 5).reason
    assert stage.look(reservation, 10).state == "active"


# A machine fails


def test_a_machine_that_can_not_be_made_is_tried_elsewhere_and_then_no_more(each: Stage) -> None:
    hosts = [each.host(), each.host()]
    reservation = each.reserve(window(0, 600))
    places, seen = [], set()
    for now, patience_s in ((0.0, 10), (1.0, 60), (5.0, 300)):
        begun = each.look(reservation, now)
        assert begun.act == "provision"
        seen.add((begun.next.operation, begun.next.machine))
        places.append(each.claim(reservation).provider)
        machine = each.machine(reservation, now, "provisioning")
        each.becomes(machine, "failed", now, "it broke")
        failed = each.look(reservation, now, Ended(begun.next.operation, "it broke"))
        if now < 5:
            assert (failed.state, failed.next.until) == ("starting", later(now, patience_s))
            assert "failed: it broke" in failed.reason
    assert sorted(places[:2]) == sorted(hosts)
    assert len(seen) == 3
    degraded = each.look(reservation, 30)
    assert (degraded.act, degraded.state, degraded.next.until) == ("wait", "degraded", at(600))
    assert degraded.reason == "its machine could not be made: it broke"
    assert each.claim(reservation).status.state == "confirmed"
    each.change(reservation, window(0, 700), 30)
    assert each.look(reservation, 30).act == "provision"


def test_a_try_that_ended_without_machine_counts(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 600))
    begun = stage.look(reservation, 0)
    failed = stage.look(reservation, 1, Ended(begun.next.operation, "its name is taken"))
    assert failed.reason == "try 1 of 3 failed: its name is taken"
    assert (failed.row.machine, failed.next.until) == (None, later(1, 10))
    assert stage.look(reservation, 1, Ended(new_id(), "not mine")).reason == failed.reason
    again = stage.look(reservation, 2)
    assert again.next.operation != begun.next.operation
    assert again.next.machine != begun.next.machine


def test_a_machine_that_somebody_ended_ends_its_reservation(stage: Stage) -> None:
    stage.host()
    reservation, machine = started(stage, window(0, 60))
    stage.becomes(machine, "gone", 5, "decommissioned")
    ended = stage.look(reservation, 5)
    assert (ended.act, ended.state) == ("end", "ended")
    assert ended.reason == "its machine ended: decommissioned"


def test_a_machine_that_was_lost_with_its_provider_is_made_elsewhere(stage: Stage) -> None:
    first = stage.host()
    reservation, machine = started(stage, window(0, 60))
    second = stage.host()
    stage.put(first, "quarantined")
    stage.becomes(machine, "gone", 5, "force-released", by_force=True)
    again = stage.look(reservation, 6)
    assert (again.act, stage.claim(reservation, 6).provider) == ("provision", second)
    assert again.next.machine != machine


def test_a_claim_that_was_lost_is_claimed_anew(each: Stage) -> None:
    host = each.host()
    network = each.fleet.network("10.0.2.0/24")
    nics = (NicWanted(network, AddressMode.AUTO),)
    reservation = each.reserve(window(0, 60), machine=False, nics=nics)
    lost = each.claim(reservation)
    machine = each.machine(reservation, 1, nics=nics)
    each.becomes(machine, "gone", 5, "force-released", by_force=True)
    held = each.look(reservation, 6)
    assert (held.act, held.state) == ("wait", "active")
    anew = each.claim(reservation, 6)
    assert anew.id != lost.id
    assert (anew.status.state, anew.window) == ("confirmed", window(6, 60))
    assert anew.addresses[0].address != lost.addresses[0].address
    assert each.fleet.usage(host, window(6, 60)) == {"VCPU": 8}


def test_a_claim_whose_address_is_still_kept_is_claimed_when_it_is_free(stage: Stage) -> None:
    stage.host()
    nics = (NicWanted(stage.fleet.network(), AddressMode.STATIC, "10.0.2.9"),)
    reservation = stage.reserve(window(0, 60), machine=False, nics=nics)
    machine = stage.machine(reservation, 1, nics=nics)
    stage.becomes(machine, "gone", 5, "force-released", by_force=True)
    degraded = stage.look(reservation, 6)
    assert (degraded.state, "10.0.2.9" in degraded.reason) == ("degraded", True)
    stage.free_addresses(machine, 7)
    assert stage.look(reservation, 7).state == "active"
    [address] = stage.claim(reservation, 7).addresses
    assert address.address == "10.0.2.9"
