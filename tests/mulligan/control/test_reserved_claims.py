"""What reservations claim: who may use it, who gets it back, and what fits beside it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from mulligan.control import snapshots
from mulligan.control.reconcile import compare_records
from mulligan.control.reserved_claims import use_reservation
from mulligan.iam.tables import Region
from mulligan.resource import claims, providers, reservations
from mulligan.resource.claim_sets import ClaimChange, Move, change_claims
from mulligan.resource.demands import DomainLimit
from mulligan.resource.network_values import AddressMode, NicWanted
from mulligan.resource.reservation_values import ReservationSpec
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
    NotFoundError,
    QuotaExceededError,
)
from mulligan.values.regions import DomainKind
from tests.mulligan.control.reservation_stage import Stage
from tests.mulligan.resource.fleet import Fleet, at, new_id, window

# What is asked for


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"purpose": "p" * 1001}, "spec.purpose"),
        ({"at_end": "explode"}, "spec.at_end"),
        ({"at_end": "keep"}, "spec.keep_for"),
        ({"keep_s": 60}, "spec.keep_for"),
        ({"at_end": "keep", "keep_s": -1}, "spec.keep_for"),
        ({"at_end": "keep", "keep_s": 367 * 86_400}, "spec.keep_for"),
        ({"warn_s": -1}, "spec.warn_before"),
        ({"reclaim_s": 367 * 86_400}, "spec.reclaim_after"),
    ],
)
def test_what_can_not_become_of_one_is_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        ReservationSpec(**wrong)
    assert refusal.value.details["field"] == field


def test_a_quota_holds_for_what_is_reserved_and_extended(each: Stage) -> None:
    each.host()
    each.quota(VCPU=8, longest=timedelta(hours=1), advance=timedelta(hours=2))
    for when in (window(200, 210), window(10, 80)):
        with pytest.raises(QuotaExceededError):
            each.reserve(when)
    reservation = each.reserve(window(10, 60))
    each.host()
    with pytest.raises(QuotaExceededError, match="8 VCPU"):
        each.reserve(window(30, 80), VCPU=1)
    with pytest.raises(QuotaExceededError):
        each.change(reservation, window(10, 90), 0)
    assert each.claim(reservation).window == window(10, 60)
    each.change(reservation, window(20, 80), 0)
    assert each.claim(reservation).window == window(20, 80)


# What others may not take


def test_of_two_in_one_transaction_only_what_fits_is_committed(each: Stage) -> None:
    host = each.host()
    request = each.fleet.request(window(10, 60), VCPU=5)

    def commit(session: Session) -> list[str]:
        found = []
        for _ in range(2):
            try:
                claim = claims.commit_claim(
                    session, claim_id=new_id(), project=each.project, request=request, now=at(0)
                )
                found.append(claim.provider)
            except NoCapacityError:
                found.append("")
        return found

    assert each.write(commit) == [host, ""]
    assert each.fleet.usage(host, window(10, 60)) == {"VCPU": 5}


def test_of_two_that_move_in_one_change_only_what_fits_goes(each: Stage) -> None:
    old = each.host()
    moving = [each.fleet.claim(window(10, 60), VCPU=4) for _ in range(2)]
    new = each.fleet.add(VCPU=6)
    request = each.fleet.request(window(10, 60), VCPU=4, provider=new)
    changes = [ClaimChange(one.id, move=Move(request)) for one in moving]
    with pytest.raises(NoCapacityError):
        each.write(lambda session: change_claims(session, changes, now=at(0)))
    assert each.fleet.usage(old, window(10, 60)) == {"VCPU": 8}
    [moved] = each.write(lambda session: change_claims(session, changes[:1], now=at(0)))
    assert moved.provider == new


def test_five_are_reserved_or_none(stage: Stage) -> None:
    hosts = [stage.host(), stage.host()]

    def reserve(count: int) -> Any:
        def write(session: Session) -> list[str]:
            rows = [
                reservations.reserve(
                    session, reservation=new_id(), operation=new_id(), author=new_id(),
                    project=stage.project, request=stage.fleet.request(window(10, 60), VCPU=3),
                    spec=ReservationSpec(), now=at(0),
                )
                for _ in range(count)
            ]  # fmt: skip
            return [claims.get_claim(session, row.claim, now=at(0)).provider for row in rows]

        return stage.write(write)

    with pytest.raises(NoCapacityError):
        reserve(5)
    assert [stage.fleet.usage(host, window(0, 90)) for host in hosts] == [{}, {}]
    assert sorted(reserve(4)) == sorted(hosts * 2)


# Who may use it


@pytest.mark.parametrize(
    ("now", "refusal"), [(5, "begins at 2030-01-01 00:10:00 UTC"), (60, "lapsed|released|is over")]
)
def test_outside_its_window_nobody_uses_it(stage: Stage, now: int, refusal: str) -> None:
    stage.host()
    reservation = stage.reserve(window(10, 60), machine=False)
    with pytest.raises(FailedPreconditionError, match=refusal):
        stage.machine(reservation, now)


def test_one_machine_at_a_time_uses_it(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 60), machine=False)
    machine = stage.machine(reservation, 1)
    with pytest.raises(FailedPreconditionError, match=machine):
        use(stage, reservation, 2, VCPU=1)
    stage.cancel(reservation, 3)
    with pytest.raises(FailedPreconditionError, match="make a new one"):
        use(stage, reservation, 3, VCPU=1)


def use(stage: Stage, reservation: str, now: float, **wanted: Any) -> None:
    """Have another machine use it."""
    nics = wanted.pop("nics", ())
    project = wanted.pop("project", stage.project)
    request = stage.fleet.request(window(now, 600), **wanted)
    stage.write(
        lambda session: use_reservation(
            session, reservation, project=project, machine=new_id(), wanted=request, nics=nics,
            now=at(now),
        )
    )  # fmt: skip


def test_another_projects_reservation_is_not_there(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 60), machine=False)
    with pytest.raises(NotFoundError):
        use(stage, reservation, 1, VCPU=1, project=new_id())


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"VCPU": 5}, "has 4 VCPU, and the machine needs 5"),
        ({"VCPU": 1, "MEMORY_MIB": 1}, "has 0 MEMORY_MIB"),
        ({"VCPU": 1, "provider_type": "server"}, "is on a host, and the machine needs a server"),
        ({"VCPU": 1, "required_capabilities": ("virt:kvm",)}, "lacks virt:kvm"),
        ({"VCPU": 1, "minimum_properties": {"cpus": 64}}, "lacks cpus of at least 64"),
    ],
)
def test_a_larger_machine_or_one_of_another_kind_is_refused(
    stage: Stage, wanted: dict[str, Any], words: str
) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 60), machine=False, VCPU=4)
    with pytest.raises(InvalidArgumentError, match=words):
        use(stage, reservation, 1, **wanted)
    use(stage, reservation, 1, VCPU=4, provider_type="host")


def test_a_machine_has_the_nics_that_are_reserved(stage: Stage) -> None:
    stage.host()
    here, there = (
        NicWanted(stage.fleet.network(prefix), AddressMode.AUTO)
        for prefix in ("10.0.2.0/24", "10.0.3.0/24")
    )
    reservation = stage.reserve(window(0, 60), machine=False, nics=(here,))
    for nics in ((), (there,), (here, there)):
        with pytest.raises(InvalidArgumentError, match="ask for the same") as refusal:
            use(stage, reservation, 1, VCPU=1, nics=nics)
        assert refusal.value.details["field"] == "spec.nics"
    use(stage, reservation, 1, VCPU=1, nics=(here,))


# Who gets it back


def test_what_a_machine_used_is_its_reservations_again(stage: Stage) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 60), machine=False)
    one, other = (
        NicWanted(stage.fleet.network(prefix), AddressMode.AUTO)
        for prefix in ("10.0.2.0/24", "10.0.3.0/24")
    )
    machine = stage.machine(reservation, 1, nics=(one,))
    assert stage.claim(reservation, 2).consumer == machine
    stage.becomes(machine, "gone", 5)
    claim = stage.claim(reservation, 5)
    assert (claim.consumer, claim.status.state, claim.addresses) == (None, "confirmed", ())
    stage.look(reservation, 5)
    stage.machine(reservation, 6, nics=(one, other))


def test_what_is_nobodys_or_over_is_not_taken_back(stage: Stage) -> None:
    host = stage.host()
    alone = stage.fleet.claim(window(0, 60), VCPU=1, consumer=new_id())
    ended = stage.reserve(window(0, 60), machine=False, VCPU=1)
    stopped = stage.reserve(window(0, 60), machine=False, VCPU=1)
    for reservation in (ended, stopped):
        stage.machine(reservation, 1)
    stage.cancel(stopped, 2)
    for claim, now in (
        (alone.id, 5), (stage.claim(ended).id, 60), (stage.claim(stopped).id, 5),
    ):  # fmt: skip
        assert not stage.write(lambda s, c=claim, n=now: reservations.take_back(s, c, at(n)))
    assert stage.fleet.usage(host, window(0, 60)) == {"VCPU": 3}


def test_one_below_a_region_has_its_machine_there_whatever_becomes_of_what_it_is_apart_from(
    stage: Stage,
) -> None:
    stage.host()
    top, other = Fleet(stage.database, project=stage.project), new_id()
    stage.place(top.region, None)
    stage.place(stage.region, top.region, "feed-b")
    stage.place(other, None, "feed-a")
    nics = (NicWanted(top.network()),)
    apart = (DomainLimit(DomainKind.POWER, other),)
    where = {"region": top.region, "or_below": True, "domains": apart}
    reservation = stage.reserve(window(0, 60), where=where, nics=nics)
    asked = stage.claim(reservation).request
    stage.place(stage.region, top.region, "feed-a")
    with pytest.raises(InvalidArgumentError, match="ask for another machine"):
        stage.machine(reservation, 0, wanted=asked, nics=nics)
    stage.write(lambda session: session.delete(session.get_one(Region, other)))
    assert stage.look(reservation, 0).act == "provision"
    machine = stage.machine(reservation, 0, wanted=asked, nics=nics)
    stage.becomes(machine, "failed", 5, by_force=True)
    stage.look(reservation, 5)
    again = stage.claim(reservation, 5)
    assert (again.status.state, again.region) == ("confirmed", stage.region)
    assert [nic.network for nic in again.addresses] == [nics[0].network]
    assert (again.request.region, again.request.domains) == (top.region, apart)


# Servers are offered for later


def server_in_use(stage: Stage) -> tuple[str, str]:
    """A server that a machine uses until minute 60."""
    server = stage.server()
    reservation = stage.reserve(window(0, 60), machine=False, SERVER=1)
    machine = stage.machine(reservation, 0)
    stage.put(server, "in_use", machine)
    return server, reservation


@pytest.mark.parametrize("state", ["in_use", "cleaning"])
def test_a_server_in_use_is_offered_for_later_and_never_for_now(each: Stage, state: str) -> None:
    server, reservation = server_in_use(each)
    each.put(server, state, each.row(reservation).machine)
    [found] = each.fleet.propose(each.fleet.request(window(60, 90), SERVER=1))
    assert found.tree == server
    for when in (window(0, 10), window(0), window(59, 90)):
        with pytest.raises(NoCapacityError):
            each.fleet.propose(each.fleet.request(when, SERVER=1))
    each.fleet.now = at(70)  # and it overruns its plan
    with pytest.raises(NoCapacityError):
        each.fleet.propose(each.fleet.request(window(70, 90), SERVER=1))
    assert each.fleet.propose(each.fleet.request(window(71, 90), SERVER=1))


@pytest.mark.parametrize(
    ("state", "mark", "why"),
    [
        ("quarantined", "", "server is quarantined"),
        ("in_use", "maintenance", "server is marked maintenance"),
    ],
)
def test_a_server_that_is_not_to_be_used_is_not_offered_for_later(
    stage: Stage, state: str, mark: str, why: str
) -> None:
    server, reservation = server_in_use(stage)
    stage.put(server, state, stage.row(reservation).machine)
    if mark:
        stage.mark(server, mark)
    with pytest.raises(NoCapacityError):
        stage.fleet.propose(stage.fleet.request(window(60, 90), SERVER=1))
    shown = stage.database.read(lambda s: providers.get_provider(s, server))
    assert shown.unavailable_reason == why


def test_reconcile_agrees_that_a_server_in_use_is_offered(each: Stage) -> None:
    server, reservation = server_in_use(each)

    def wrong() -> list[str]:
        records = each.database.read(lambda s: snapshots.read_records(s, each.region))
        found = compare_records(records, {}, at(10))
        return [one.object_id for one in found if one.kind == "OFFER_WRONG"]

    assert wrong() == []
    each.write(lambda s: providers.set_availability(s, server, False, "by mistake"))
    assert wrong() == [server]
    each.put(server, "cleaning", each.row(reservation).machine)
    assert wrong() == []
    each.put(server, "available")
    assert wrong() == []
