"""Claims: peaks in windows, holds, overruns, release, order of candidates, explanations."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.database import Database
from mulligan.resource import choice, claims, providers
from mulligan.resource.choice import Taken, take_candidate
from mulligan.resource.claims import Claim
from mulligan.resource.networks import NicWanted
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.values import Inventory, Placement
from mulligan.values.amount import Amount
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
    NotFoundError,
    StaleError,
)
from mulligan.values.listing import Listing
from mulligan.values.window import WITHOUT_END, Window
from tests.mulligan.resource.fleet import Fleet, at, new_id, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def refused(fleet: Fleet, *arguments: Window, **wanted: Any) -> NoCapacityError:
    with pytest.raises(NoCapacityError) as caught:
        fleet.claim(*arguments, **wanted)
    return caught.value


class TestPeak:
    def test_use_is_the_peak_of_what_is_used_at_the_same_time(self, fleet: Fleet) -> None:
        host = fleet.add(VCPU=6)
        fleet.claim(window(0, 10), VCPU=4)
        fleet.claim(window(10, 20), VCPU=4)
        fleet.claim(window(5, 15), VCPU=2)
        assert fleet.usage(host, window(0, 20)) == {"VCPU": 6}
        assert fleet.usage(host, window(0, 5)) == {"VCPU": 4}
        refused(fleet, window(9, 11), VCPU=1)
        fleet.claim(window(15, 20), VCPU=2)

    def test_back_to_back_windows_do_not_meet(self, fleet: Fleet) -> None:
        server = fleet.add(SERVER=1)
        for start in (10, 20, 0):
            assert fleet.claim(window(start, start + 10), SERVER=1).provider == server
        assert fleet.usage(server, window(0, 30)) == {"SERVER": 1}
        assert refused(fleet, window(19, 20), SERVER=1).details["earliest"] == at(30).isoformat()

    def test_a_window_that_contains_another_meets_it(self, fleet: Fleet) -> None:
        server = fleet.add(SERVER=1)
        fleet.claim(window(10, 20), SERVER=1)
        for containing in (window(0, 30), window(0)):
            error = refused(fleet, containing, SERVER=1)
            assert error.details["earliest"] == at(20).isoformat()
        assert fleet.usage(server, window(0)) == {"SERVER": 1}

    @pytest.mark.parametrize("known", [False, True], ids=["in the call", "asked before"])
    def test_a_claim_begins_after_what_made_room_for_it(
        self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, known: bool
    ) -> None:
        """Another transaction releases while this one, which has read the clock, waits."""
        fleet.add(SERVER=1)
        fleet.now = datetime.now(UTC)
        first = fleet.claim(SERVER=1)
        released: list[Claim] = []

        def wait(session: Session, *arguments: Any, **options: Any) -> Taken:
            fleet.now = datetime.now(UTC)
            released.append(claims.release_claim(session, first.id, fleet.now))
            return take_candidate(session, *arguments, **options)

        monkeypatch.setattr(choice, "take_candidate", wait)
        second = fleet.database.write(
            lambda session: claims.commit_claim(
                session,
                claim_id=new_id(),
                project=fleet.project,
                request=fleet.request(SERVER=1),
                asked_at=fleet.now if known else None,
            )
        )
        assert second.window.acquire_at >= released[0].status.since > first.created_at

    def test_who_asked_by_a_clock_that_is_ahead_is_believed(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        claim = fleet.database.write(
            lambda session: claims.commit_claim(
                session,
                claim_id=new_id(),
                project=fleet.project,
                request=fleet.request(SERVER=1),
                asked_at=fleet.now,
            )
        )
        assert claim.window.acquire_at == fleet.now > datetime.now(UTC)

    def test_all_amounts_come_from_one_provider(self, fleet: Fleet) -> None:
        fleet.add(VCPU=8, MEMORY_MIB=1024)
        fleet.add(VCPU=1, MEMORY_MIB=8192)
        assert refused(fleet, VCPU=2, MEMORY_MIB=2048).details["earliest"] == "never"
        both = fleet.add(VCPU=2, MEMORY_MIB=2048)
        assert fleet.claim(VCPU=2, MEMORY_MIB=2048).provider == both

    def test_the_allocation_ratio_is_exact_and_rounded_down(self, fleet: Fleet) -> None:
        fleet.add_with([Inventory("VCPU", 100, allocation_ratio=1.15)])
        fleet.claim(VCPU=115)
        assert Inventory("VCPU", 3, reserved=1, allocation_ratio=1.7).capacity == 3

    def test_amounts_keep_to_min_max_and_step(self, fleet: Fleet) -> None:
        fleet.add_with([Inventory("DISK_GIB", 100, min_unit=10, max_unit=50, step_size=5)])
        for amount in (5, 55, 12):
            error = refused(fleet, DISK_GIB=amount)
            assert "min, max unit and step" in error.details["last_straw"]
        fleet.claim(DISK_GIB=15)

    def test_the_greatest_amounts_do_not_overflow(self, fleet: Fleet) -> None:
        host = fleet.add(BYTES=2**53 - 1)
        fleet.claim(BYTES=2**53 - 2)
        fleet.claim(BYTES=1)
        refused(fleet, BYTES=2**53 - 1)
        assert fleet.usage(host, window(0)) == {"BYTES": 2**53 - 1}


class TestHold:
    def test_a_hold_counts_until_its_deadline_and_then_as_nothing(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        held = fleet.claim(SERVER=1, hold_until=at(5))
        assert (held.status.state, held.status.deadline) == ("held", at(5))
        error = refused(fleet, SERVER=1)
        assert error.details["next_hold_ends"] == at(5).isoformat()
        fleet.now = at(5)
        assert fleet.read(held).status.state == "lapsed"
        fleet.claim(SERVER=1)
        with pytest.raises(FailedPreconditionError, match="lapsed"):
            fleet.confirm(held)
        assert fleet.release(held).status.state == "lapsed"

    def test_confirming_keeps_the_whole_window(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        held = fleet.claim(window(0, 60), SERVER=1, hold_until=at(5))
        fleet.now = at(4)
        confirmed = fleet.confirm(held)
        assert (confirmed.status.state, confirmed.release_at) == ("confirmed", at(60))
        assert fleet.confirm(held) == confirmed
        fleet.now = at(6)
        refused(fleet, window(6, 10), SERVER=1)

    def test_a_hold_in_the_future_promises_its_window(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        held = fleet.claim(window(100, 200), SERVER=1, hold_until=at(5))
        fleet.claim(window(0, 100), SERVER=1)
        refused(fleet, window(150, 160), SERVER=1)
        fleet.now = at(5)
        fleet.claim(window(150, 160), SERVER=1)
        assert fleet.read(held).status.state == "lapsed"

    def test_a_stale_write_is_refused_with_what_changed_since(self, fleet: Fleet) -> None:
        fleet.add(VCPU=4)
        held = fleet.claim(VCPU=1, hold_until=at(5))
        assert fleet.confirm(held, generation=1).generation == 2
        for call in (fleet.confirm, fleet.release):
            with pytest.raises(StaleError, match="committed for its whole window") as caught:
                call(held, generation=1)
            assert f"claim {held.id} is at generation 2, not 1" in caught.value.message
        assert fleet.release(held, generation=2).generation == 3

    def test_a_hold_that_a_later_clock_overtook_is_not_confirmed(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        held = fleet.claim(SERVER=1, hold_until=at(5))
        fleet.now = at(5)
        fleet.claim(SERVER=1)
        fleet.now = at(4.99)
        with pytest.raises(FailedPreconditionError, match="another one took its place"):
            fleet.confirm(held)

    def test_an_address_that_a_later_clock_took_is_not_confirmed(self, fleet: Fleet) -> None:
        fleet.add(SERVER=2)
        nic = NicWanted(fleet.network("10.0.0.0/30", gateway="10.0.0.2"))
        held = fleet.claim(SERVER=1, hold_until=at(5), nics=[nic])
        fleet.now = at(5)
        fleet.claim(SERVER=1, nics=[nic])
        fleet.now = at(4.99)
        with pytest.raises(FailedPreconditionError, match="another one took its place"):
            fleet.confirm(held)

    def test_a_hold_that_is_over_is_refused(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        with pytest.raises(InvalidArgumentError) as caught:
            fleet.claim(SERVER=1, hold_until=at(0))
        assert caught.value.details["field"] == "hold_until"


class TestOccupation:
    def test_a_used_claim_past_its_end_occupies_now_but_not_later(self, fleet: Fleet) -> None:
        host = fleet.add(SERVER=1)
        machine = new_id()
        claim = fleet.claim(window(0, 10), SERVER=1, consumer=machine)
        fleet.now = at(12)
        assert machine in fleet.read(claim).status.reason
        error = refused(fleet, window(12, 20), SERVER=1)
        assert "past its planned end is released (claims: 1)" in error.message
        assert claim.id not in error.message, "it may be another project's"
        assert fleet.usage(host, window(12, 13)) == {"SERVER": 1}
        fleet.claim(window(13, 20), SERVER=1)
        fleet.release(claim)
        fleet.claim(window(12, 13), SERVER=1)

    def test_a_claim_that_nobody_uses_ends_with_its_window(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        claim = fleet.claim(window(0, 10), SERVER=1)
        fleet.now = at(10)
        assert fleet.read(claim).status.state == "released"
        fleet.claim(SERVER=1)

    def test_an_overrun_does_not_keep_the_next_hold_from_being_confirmed(
        self, fleet: Fleet
    ) -> None:
        fleet.add(SERVER=1)
        fleet.claim(window(0, 10), SERVER=1, consumer=new_id())
        following = fleet.claim(window(10, 20), SERVER=1, hold_until=at(15))
        fleet.now = at(12)
        assert fleet.confirm(following).status.state == "confirmed"

    def test_release_frees_the_rest_of_the_window_and_keeps_history(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        claim = fleet.claim(window(0, 60), SERVER=1)
        fleet.now = at(10)
        released = fleet.release(claim)
        assert (released.status.state, released.released_at) == ("released", at(10))
        assert fleet.release(claim) == released
        fleet.claim(window(10, 60), SERVER=1)
        assert (fleet.read(claim).window, fleet.read(claim).release_at) == (window(0, 60), at(10))

    def test_a_claim_released_before_it_began_never_was(self, fleet: Fleet) -> None:
        host = fleet.add(SERVER=1)
        fleet.release(fleet.claim(window(10, 20), SERVER=1))
        fleet.claim(window(5, 15), SERVER=1)
        assert fleet.usage(host, window(0, 30)) == {"SERVER": 1}

    def test_outsiders_do_not_release_what_a_machine_uses(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        claim = fleet.claim(SERVER=1, consumer=new_id())
        with pytest.raises(FailedPreconditionError, match="decommission"):
            fleet.release(claim, unless_used=True)

    def test_a_machine_takes_a_claim_over(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        claim, machine = fleet.claim(window(0, 10), SERVER=1), new_id()
        assert fleet.confirm(claim, consumer=machine).consumer == machine
        with pytest.raises(FailedPreconditionError, match="already"):
            fleet.confirm(claim, consumer=new_id())
        fleet.now = at(11)
        refused(fleet, window(11, 12), SERVER=1)


class TestWindow:
    def test_a_window_that_is_over_is_refused(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        fleet.now = at(10)
        with pytest.raises(InvalidArgumentError) as caught:
            fleet.claim(window(0, 10), SERVER=1)
        assert caught.value.details["field"] == "window.release_at"

    def test_the_past_is_not_claimed(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        fleet.claim(window(0, 5), SERVER=1)
        fleet.now = at(7)
        assert fleet.claim(window(0, 10), SERVER=1).window == window(7, 10)

    def test_without_end_is_an_ordinary_value(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        claim = fleet.claim(window(10), SERVER=1)
        assert claim.release_at == WITHOUT_END
        fleet.claim(window(0, 10), SERVER=1)
        assert refused(fleet, window(11, 12), SERVER=1).details["earliest"] == "never"


class TestIdempotency:
    def test_the_same_id_with_the_same_content_gives_the_same_claim(self, fleet: Fleet) -> None:
        fleet.add(VCPU=4)
        claim_id = new_id()
        first = fleet.claim(VCPU=1, claim_id=claim_id)
        fleet.now = at(1)
        assert fleet.claim(VCPU=1, claim_id=claim_id) == first
        with pytest.raises(AlreadyExistsError):
            fleet.claim(VCPU=2, claim_id=claim_id)

    def test_nothing_stays_of_a_claim_without_its_addresses(self, fleet: Fleet) -> None:
        host = fleet.add(VCPU=8)
        nic = NicWanted(fleet.network("10.0.0.0/30", gateway="10.0.0.1"))
        first = fleet.claim(VCPU=1, nics=[nic])

        def go_on_from_the_error(session: Session) -> None:
            with pytest.raises(NoCapacityError):
                claims.commit_claim(
                    session,
                    claim_id=new_id(),
                    project=fleet.project,
                    request=fleet.request(VCPU=1),
                    now=fleet.now,
                    nics=[nic],
                )

        fleet.database.write(go_on_from_the_error)
        found = fleet.database.read(lambda s: claims.list_claims(s, now=fleet.now))
        assert found.items == [first]
        assert fleet.usage(host, window(0)) == {"VCPU": 1}


class TestPlacement:
    def test_spread_takes_the_emptiest_and_pack_the_fullest(self, fleet: Fleet) -> None:
        small, large, fitting = sorted(new_id() for _ in range(3))
        for provider, total in ((small, 1), (large, 9), (fitting, 4)):
            fleet.add(provider, VCPU=total)
        assert fleet.claim(VCPU=2).provider == large
        assert fleet.claim(VCPU=2, placement=Placement.PACK).provider == fitting
        assert fleet.claim(VCPU=1, placement=Placement.PACK).provider == small

    def test_ties_go_by_id(self, fleet: Fleet) -> None:
        first, second = sorted(new_id() for _ in range(2))
        for provider in (second, first):
            fleet.add(provider, SERVER=1)
        assert [fleet.claim(SERVER=1).provider for _ in range(2)] == [first, second]


class TestExplanation:
    def test_each_constraint_says_how_many_it_removed(self, fleet: Fleet) -> None:
        Fleet(fleet.database).add(SERVER=1)
        fleet.add(SERVER=1)
        one = [Inventory("SERVER", 1)]
        broken = fleet.add_with(one, kind="server", capabilities=["uefi"], cpus=8)
        fleet.database.write(
            lambda s: providers.set_availability(s, broken, False, "maintenance: new fan")
        )
        fleet.add_with(one, kind="server", capabilities=["bios"], cpus=8)
        fleet.add_with(one, kind="server", capabilities=["uefi", "slow"], cpus=8)
        fleet.add_with(one, kind="server", capabilities=["uefi"], cpus=2)
        fleet.add_with(one, kind="server", capabilities=["uefi"], cpus=4)
        wanted: dict[str, Any] = {
            "provider_type": "server",
            "required_capabilities": ("uefi",),
            "forbidden_capabilities": ("slow",),
            "minimum_properties": {"cpus": 4},
        }
        fleet.claim(window(0, 10), SERVER=1, **wanted)
        error = refused(fleet, window(5, 15), SERVER=1, **wanted)
        steps = json.loads(error.details["explanation"])
        assert [(s["constraint"], s["removed"], s["left"]) for s in steps] == [
            ("in the region", 1, 6),
            ("of type server", 1, 5),
            ("available", 1, 4),
            ("with capability uefi", 1, 3),
            ("with cpus of at least 4", 1, 2),
            ("without capability slow", 1, 1),
            ("handing out 1 SERVER at once (min, max unit and step)", 0, 1),
            ("large enough for 1 SERVER when empty", 0, 1),
            ("with 1 SERVER free in the window", 1, 0),
        ]
        assert steps[2]["reasons"] == {"maintenance: new fan": 1}
        assert error.details["last_straw"] == "with 1 SERVER free in the window"
        assert error.details["earliest"] == at(10).isoformat()
        assert "1 removed (1 because maintenance: new fan), 4 left" in error.message
        fleet.claim(window(10, 20), SERVER=1, **wanted)

    def test_too_large_a_request_never_fits(self, fleet: Fleet) -> None:
        fleet.add(VCPU=4)
        error = refused(fleet, VCPU=5)
        assert error.details["earliest"] == "never"
        assert error.details["last_straw"] == "large enough for 5 VCPU when empty"

    def test_the_earliest_start_leaves_room_for_the_whole_length(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        fleet.claim(window(0, 10), SERVER=1)
        fleet.claim(window(15, 30), SERVER=1)
        error = refused(fleet, window(5, 11), SERVER=1)
        assert error.details["earliest"] == at(30).isoformat()
        assert refused(fleet, window(5, 9), SERVER=1).details["earliest"] == at(10).isoformat()
        assert refused(fleet, window(5, 10), SERVER=1).details["earliest"] == at(10).isoformat()
        assert refused(fleet, window(5), SERVER=1).details["earliest"] == at(30).isoformat()

    def test_a_named_provider_is_a_constraint(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        nowhere = new_id()
        error = refused(fleet, SERVER=1, provider=nowhere)
        assert error.details["last_straw"] == f"provider {nowhere}"

    def test_there_are_no_providers_at_all(self, fleet: Fleet) -> None:
        assert "in the region: 0 removed, 0 left" in refused(fleet, SERVER=1).message

    def test_another_projects_provider_looks_as_if_it_did_not_exist(self, fleet: Fleet) -> None:
        theirs = new_id()
        fleet.database.write(
            lambda s: providers.create_provider(
                s, id=theirs, region=fleet.region, type="host", project=new_id()
            )
        )
        assert "among 0 providers" in refused(fleet, SERVER=1).message


class TestRequest:
    @pytest.mark.parametrize(
        ("wanted", "field"),
        [
            ({}, "amounts"),
            ({"VCPU": 0}, "amounts.amount"),
            ({"VCPU": 2**63}, "amounts.amount"),
            ({"VCPU": 1, "provider": "x"}, "provider"),
            ({"VCPU": 1, "provider_type": "a toaster"}, "provider_type"),
            ({"VCPU": 1, "placement": "best"}, "placement"),
            ({"VCPU": 1, "required_capabilities": ("a b",)}, "capabilities"),
            (
                {"VCPU": 1, "required_capabilities": ("a",), "forbidden_capabilities": ("a",)},
                "capabilities",
            ),
            ({"VCPU": 1, "minimum_properties": {"cpus": -1}}, "properties"),
        ],
    )
    def test_bad_values_are_refused_by_field(self, wanted: dict[str, object], field: str) -> None:
        fleet = Fleet(Database("sqlite://"))
        with pytest.raises(InvalidArgumentError) as caught:
            fleet.request(window(0, 1), **wanted)
        assert caught.value.details["field"] == field

    def test_json_keeps_everything(self) -> None:
        request = ClaimRequest.for_one_provider(
            (Amount("VCPU", 2),),
            window(0),
            new_id(),
            required_capabilities=("uefi",),
            minimum_properties={"cpus": 4},
            provider=new_id(),
            provider_type="host",
            placement=Placement.PACK,
        )
        assert ClaimRequest.from_json(request.as_json()) == request


class TestReading:
    def test_another_projects_claim_is_not_found(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        claim = fleet.claim(SERVER=1)

        def get(missing: str) -> claims.Claim:
            return fleet.database.read(
                lambda s: claims.get_claim(s, missing, now=fleet.now, project=new_id())
            )

        for missing in (claim.id, new_id()):
            with pytest.raises(NotFoundError, match=f"there is no claim {missing}"):
                get(missing)

    def test_lists_are_paged_and_filtered(self, fleet: Fleet) -> None:
        fleet.add(VCPU=10)
        made = sorted(fleet.claim(VCPU=1).id for _ in range(5))
        Fleet(fleet.database).add(VCPU=1)

        def page(*after: str) -> tuple[list[str], tuple[str, ...]]:
            asked = Listing(after=after, limit=2)
            found = fleet.database.read(
                lambda s: claims.list_claims(s, now=fleet.now, project=fleet.project, listing=asked)
            )
            return [claim.id for claim in found.items], found.end

        assert page() == (made[:2], (made[1],))
        assert page(made[1]) == (made[2:4], (made[3],))
        assert page(made[3]) == (made[4:], ())

    def test_ended_claims_are_listed_only_when_asked_for(self, fleet: Fleet) -> None:
        fleet.add(VCPU=10)
        fleet.release(fleet.claim(VCPU=1))
        fleet.claim(VCPU=1, hold_until=at(1))
        fleet.claim(window(0, 1), VCPU=1)
        lasting = {fleet.claim(VCPU=1).id, fleet.claim(window(0, 1), VCPU=1, consumer=new_id()).id}
        fleet.now = at(1)
        current = fleet.database.read(lambda s: claims.list_claims(s, now=fleet.now))
        everything = fleet.database.read(
            lambda s: claims.list_claims(s, now=fleet.now, include_ended=True)
        )
        assert {claim.id for claim in current.items} == lasting
        assert len(everything.items) == 5

    def test_changes_are_told(self, fleet: Fleet) -> None:
        fleet.add(SERVER=1)
        claim = fleet.claim(SERVER=1, hold_until=at(5))
        fleet.confirm(claim)
        fleet.now += timedelta(minutes=1)
        fleet.release(claim)
        told = fleet.database.read(
            lambda s: [
                (e.object_type, e.kind, e.state, e.project)
                for e in events.read_after(s, 0, object_id=claim.id)
            ]
        )
        assert told == [
            ("claim", "created", "held", fleet.project),
            ("claim", "state", "confirmed", fleet.project),
            ("claim", "state", "released", fleet.project),
        ]
