"""Requests of several groups: trees, sharing, isolation, subtrees, distances, being alone."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mulligan.database import Database
from mulligan.resource import claims, distances, groups, registry
from mulligan.resource.demands import Demand, DistanceLimit, Near, PropertyRange
from mulligan.resource.groups import GroupChange, MembersChange
from mulligan.resource.requests import Candidate, ClaimRequest, RequestGroup
from mulligan.resource.reshape import AllocationMove, reshape_providers
from mulligan.resource.tables import ProviderTypeRow
from mulligan.resource.values import Inventory, Placement
from mulligan.values.amount import Amount
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
)
from tests.mulligan.resource.fleet import Fleet, at, new_id, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def vcpu(n: int) -> Amount:
    return Amount("VCPU", n)


def gpu(n: int = 1) -> Amount:
    return Amount("GPU", n)


def group_of(fleet: Fleet, *members: str, sharing: tuple[str, ...] = ()) -> str:
    group = new_id()
    fleet.database.write(
        lambda session: groups.create_group(
            session,
            id=group,
            region=fleet.region,
            change=GroupChange(MembersChange(add=members), MembersChange(add=sharing)),
            now=fleet.now,
        )
    )
    return group


def machine(fleet: Fleet, *, cards: int = 2, cpus: int = 8) -> tuple[str, list[str]]:
    """A host of that many CPUs with cards of one GPU each below it."""
    host = fleet.rack(kind="box", inventories=[Inventory("VCPU", cpus)])
    below = [
        fleet.rack(host, kind="card", inventories=[Inventory("GPU", 1)], capabilities=[])
        for _ in range(cards)
    ]
    return host, below


def chosen(candidate: Candidate) -> dict[str, str]:
    return {part.group: part.provider for part in candidate.parts}


def refused(call: Callable[[], object]) -> NoCapacityError:
    with pytest.raises(NoCapacityError) as caught:
        call()
    return caught.value


def test_groups_come_from_one_tree(fleet: Fleet) -> None:
    machine(fleet, cards=0)
    host, cards = machine(fleet)
    request = fleet.ask(
        RequestGroup((vcpu(4),), name="cpu"), RequestGroup((gpu(),), name="gpu"), when=window(0, 9)
    )
    found = fleet.propose(request)
    assert [chosen(one) for one in found] == [{"cpu": host, "gpu": card} for card in sorted(cards)]
    claim = fleet.commit(request)
    assert {(a.provider, a.resource_type, a.amount) for a in claim.allocations} == {
        (host, "VCPU", 4),
        (min(cards), "GPU", 1),
    }
    assert fleet.read(claim).request == request


def test_isolated_groups_have_different_providers(fleet: Fleet) -> None:
    _, cards = machine(fleet)
    fleet.rack(kind="box", inventories=[Inventory("VCPU", 9), Inventory("GPU", 4)])
    two = [
        RequestGroup((vcpu(1),), name="cpu"),
        RequestGroup((gpu(),), name="a", isolated_from=("b",)),
        RequestGroup((gpu(),), name="b"),
    ]
    found = fleet.propose(fleet.ask(*two, when=window(0, 9)))
    assert {frozenset((chosen(one)["a"], chosen(one)["b"])) for one in found} == {frozenset(cards)}


def test_what_groups_take_from_one_provider_fits_together(fleet: Fleet) -> None:
    box = fleet.rack(kind="box", inventories=[Inventory("GPU", 3)])
    two = [RequestGroup((gpu(2),), name="a"), RequestGroup((gpu(2),), name="b")]
    error = refused(lambda: fleet.propose(fleet.ask(*two, when=window(0, 9))))
    assert "fits together" in error.details["last_straw"]
    one = [RequestGroup((gpu(2),), name="a"), RequestGroup((gpu(1),), name="b")]
    claim = fleet.commit(fleet.ask(*one, when=window(0, 9)))
    assert [(a.provider, a.amount) for a in claim.allocations] == [(box, 3)]


def test_across_a_tree_amounts_come_from_several_providers(fleet: Fleet) -> None:
    host, cards = machine(fleet)
    fleet.rack(kind="box", inventories=[Inventory("GPU", 3)])
    request = fleet.ask(
        RequestGroup((gpu(), vcpu(2)), across_tree=True, provider_type="box"), when=window(0, 9)
    )
    found = [{p.amounts[0].resource_type: p.provider for p in c.parts} for c in
             fleet.propose(request)]  # fmt: skip
    assert found == [{"GPU": card, "VCPU": host} for card in sorted(cards)]


def test_sharing_providers_give_to_the_trees_of_their_groups(fleet: Fleet) -> None:
    near, _ = machine(fleet, cards=0)
    machine(fleet, cards=0)
    pool = fleet.rack(kind="pool", inventories=[Inventory("DISK_GIB", 100)])
    group_of(fleet, near, sharing=(pool,))
    request = fleet.ask(
        RequestGroup((vcpu(1),), name="cpu"),
        RequestGroup((Amount("DISK_GIB", 60),), name="disk"),
        when=window(0, 9),
    )
    assert [chosen(one) for one in fleet.propose(request)] == [{"cpu": near, "disk": pool}]
    fleet.commit(request)
    error = refused(lambda: fleet.propose(request))
    assert error.details["last_straw"] == "group 'disk': with 60 DISK_GIB free in the window"
    assert error.details["earliest"] == at(9).isoformat()


def test_one_provider_of_a_subtree_is_above_the_others(fleet: Fleet) -> None:
    box = fleet.rack(kind="box", inventories=[Inventory("MEMORY_MIB", 9)])
    cells = [fleet.rack(box, kind="cell", inventories=[Inventory("VCPU", 4)]) for _ in range(2)]
    card = fleet.rack(cells[0], kind="card", inventories=[Inventory("GPU", 1)])
    fleet.rack(box, kind="card", inventories=[Inventory("GPU", 1)])
    both = (RequestGroup((vcpu(1),), name="cpu"), RequestGroup((gpu(),), name="gpu"))
    assert len(fleet.propose(fleet.ask(*both, when=window(0, 9)))) == 4
    request = fleet.ask(*both, when=window(0, 9), same_subtree=(("cpu", "gpu"),))
    assert [chosen(one) for one in fleet.propose(request)] == [{"cpu": cells[0], "gpu": card}]


def test_groups_and_properties_are_required_forbidden_or_any(fleet: Fleet) -> None:
    fast = fleet.add_with([Inventory("VCPU", 4)], kind="server", cpus=64)
    slow = fleet.add_with([Inventory("VCPU", 4)], kind="server", cpus=8)
    rack = fleet.rack()
    below = fleet.rack(rack, kind="box", inventories=[Inventory("VCPU", 4)])
    a, b = group_of(fleet, fast), group_of(fleet, rack)

    def fits(**demands: Any) -> set[str]:
        request = fleet.ask(RequestGroup((vcpu(1),), **demands), when=window(0, 9))
        return {one.parts[0].provider for one in fleet.propose(request)}

    assert fits(groups=Demand((b,))) == {below}
    assert fits(groups=Demand(any=((a, b),))) == {fast, below}
    assert fits(groups=Demand(forbid=(a,))) == {slow, below}
    assert fits(properties=Demand((PropertyRange("cpus", 16),))) == {fast}
    assert fits(properties=Demand(forbid=(PropertyRange("cpus", 16),))) == {slow, below}
    assert fits(properties=Demand(any=((PropertyRange("cpus", at_most=9),),))) == {slow}
    with pytest.raises(NoCapacityError, match=f"not in group {a}: 1 removed"):
        fits(groups=Demand(forbid=(a,)), properties=Demand((PropertyRange("cpus", 99),)))


class TestDistances:
    @pytest.fixture
    def racks(self, fleet: Fleet) -> dict[str, str]:
        """Hosts a and b in one rack, c in another one of the row, d elsewhere."""
        hosts = {name: fleet.add(VCPU=8) for name in "abcd"}
        self.one = group_of(fleet, hosts["a"], hosts["b"])
        self.two = group_of(fleet, hosts["c"])
        said = {
            distances.Pair(self.one, self.one): "rack",
            distances.Pair(self.two, self.two): "rack",
            distances.Pair(self.one, self.two): "row",
        }
        fleet.database.write(lambda s: distances.set_distances(s, "location", said, now=fleet.now))
        return hosts

    def fits(self, fleet: Fleet, *limits: DistanceLimit) -> list[str]:
        request = fleet.ask(RequestGroup((vcpu(1),), distances=limits), when=window(0, 9))
        return [one.parts[0].provider for one in fleet.propose(request)]

    def test_from_a_provider(self, fleet: Fleet, racks: dict[str, str]) -> None:
        a = racks["a"]
        for code, near in (("machine", "a"), ("rack", "ab"), ("row", "abc"), ("site", "abc")):
            found = self.fits(fleet, DistanceLimit("location", code, origin=a))
            assert set(found) == {racks[name] for name in near}
        found = self.fits(fleet, DistanceLimit("location", "row", at_least=True, origin=a))
        assert set(found) == {racks["c"], racks["d"]}

    def test_from_a_group(self, fleet: Fleet, racks: dict[str, str]) -> None:
        found = self.fits(fleet, DistanceLimit("location", "row", origin=self.two))
        assert set(found) == {racks["a"], racks["b"], racks["c"]}

    def test_the_nearest_come_first(self, fleet: Fleet, racks: dict[str, str]) -> None:
        request = fleet.ask(
            RequestGroup((vcpu(1),)), when=window(0, 9), placement=Placement.NEAREST,
            near=Near("location", racks["c"]),
        )  # fmt: skip
        found = [one.parts[0].provider for one in fleet.propose(request)]
        assert found == [racks["c"], *sorted((racks["a"], racks["b"])), racks["d"]]
        assert fleet.commit(request).provider == racks["c"]

    def test_nothing_is_measured_from_what_the_project_can_not_be_given(
        self, fleet: Fleet, racks: dict[str, str]
    ) -> None:
        elsewhere = Fleet(fleet.database)
        foreign = (
            elsewhere.rack(),
            group_of(elsewhere, elsewhere.rack()),
            fleet.rack(project=new_id()),
            new_id(),
        )
        for one in foreign:
            limit = DistanceLimit("location", "rack", origin=one)
            nearest = {"placement": Placement.NEAREST, "near": Near("location", one)}
            for group, options in (
                (RequestGroup((vcpu(1),)), nearest),
                (RequestGroup((vcpu(1),), distances=(limit,)), {}),
            ):
                request = fleet.ask(group, when=window(0, 9), **options)
                with pytest.raises(InvalidArgumentError, match=f"no provider or group {one} in"):
                    fleet.propose(request)

    def test_unknown_names_are_refused(self, fleet: Fleet, racks: dict[str, str]) -> None:
        for limit, field in (
            (DistanceLimit("wires", "rack", origin=racks["a"]), "distances.type"),
            (DistanceLimit("location", "moon", origin=racks["a"]), "distances.code"),
            (DistanceLimit("location", "rack", origin=new_id()), "distances.origin"),
        ):
            with pytest.raises(InvalidArgumentError) as caught:
                self.fits(fleet, limit)
            assert caught.value.details["field"] == field


class TestAlone:
    def asked(self, fleet: Fleet, *, alone: bool = True) -> ClaimRequest:
        return fleet.ask(RequestGroup((vcpu(1),), alone=alone), when=window(0, 9))

    def test_others_are_kept_out(self, fleet: Fleet) -> None:
        fleet.add(VCPU=8)
        fleet.commit(self.asked(fleet))
        fleet.commit(self.asked(fleet, alone=False))
        error = refused(lambda: fleet.commit(self.asked(fleet, alone=False), project=new_id()))
        assert error.details["earliest"] == at(9).isoformat()
        assert "wants to be alone" in error.details["last_straw"]

    def test_who_comes_later_finds_others(self, fleet: Fleet) -> None:
        fleet.add(VCPU=8)
        fleet.commit(self.asked(fleet, alone=False), project=new_id())
        error = refused(lambda: fleet.commit(self.asked(fleet)))
        assert "with nobody else" in error.details["last_straw"]
        later = fleet.ask(RequestGroup((vcpu(1),), alone=True), when=window(9, 12))
        fleet.commit(later)

    def test_it_holds_in_the_whole_tree(self, fleet: Fleet) -> None:
        host, _ = machine(fleet, cards=1)
        fleet.commit(fleet.ask(RequestGroup((gpu(),), alone=True), when=window(0, 9)))
        refused(lambda: fleet.commit(self.asked(fleet, alone=False), project=new_id()))
        assert fleet.usage(host, window(0)) == {}

    def test_who_only_names_a_provider_there_is_in_no_way(self, fleet: Fleet) -> None:
        host, _ = machine(fleet, cards=1)
        box = fleet.rack(kind="box", inventories=[Inventory("VGPU", 1)])
        group_of(fleet, box, sharing=(host,))
        fleet.commit(fleet.ask(RequestGroup((gpu(),), alone=True), when=window(0, 9)))
        request = fleet.ask(
            RequestGroup((Amount("VGPU", 1),), name="a"), RequestGroup(name="b", provider=host),
            when=window(0, 9),
        )  # fmt: skip
        taken = fleet.commit(request, project=new_id())
        assert [part.provider for part in taken.allocations] == [box]

    def test_who_names_the_provider_of_a_tree_keeps_others_out_of_it(self, fleet: Fleet) -> None:
        host, _ = machine(fleet, cards=1)
        request = fleet.ask(
            RequestGroup((gpu(),), name="a"), RequestGroup(name="b", provider=host, alone=True),
            when=window(0, 9),
        )  # fmt: skip
        fleet.commit(request)
        refused(lambda: fleet.commit(self.asked(fleet, alone=False), project=new_id()))


class TestHoldsAlone:
    def test_who_came_after_one_that_seemed_to_have_lapsed_keeps_it_out(self, fleet: Fleet) -> None:
        fleet.add(VCPU=4)
        alone = fleet.ask(RequestGroup((Amount("VCPU", 1),), alone=True))
        held = fleet.database.write(
            lambda session: claims.commit_claim(
                session, claim_id=new_id(), project=fleet.project, request=alone, now=fleet.now,
                hold_until=at(5),
            )
        )  # fmt: skip
        mine, fleet.project, fleet.now = fleet.project, new_id(), at(5)
        other = fleet.claim(VCPU=1)
        fleet.project, fleet.now = mine, at(4.99)
        with pytest.raises(FailedPreconditionError, match="another one took its place"):
            fleet.confirm(held)
        fleet.release(other)
        fleet.confirm(held)


class TestCleaningMargin:
    @pytest.fixture(autouse=True)
    def margin(self, fleet: Fleet) -> str:
        """A type of provider that is kept free for five minutes after each claim."""
        self.kind = f"clean-{new_id()[:8]}"

        def register(session: object) -> None:
            registry.register(
                session, ProviderTypeRow, self.kind, now=fleet.now,  # type: ignore[arg-type]
                cleaning_margin_s=300,
            )  # fmt: skip

        fleet.database.write(register)
        return fleet.rack(kind=self.kind, inventories=[Inventory("SERVER", 1)])

    def test_it_counts_after_the_window(self, fleet: Fleet) -> None:
        fleet.claim(window(10, 20), SERVER=1)
        fleet.claim(window(0, 5), SERVER=1)
        error = refused(lambda: fleet.claim(window(24, 30), SERVER=1))
        assert error.details["earliest"] == at(25).isoformat()
        fleet.claim(window(25, 30), SERVER=1)

    def test_it_counts_before_the_next_window(self, fleet: Fleet) -> None:
        fleet.claim(window(10, 20), SERVER=1)
        refused(lambda: fleet.claim(window(0, 6), SERVER=1))

    def test_it_ends_with_a_release(self, fleet: Fleet) -> None:
        claim = fleet.claim(window(0, 20), SERVER=1)
        fleet.now = at(1)
        fleet.release(claim)
        again = fleet.claim(window(1, 30), SERVER=1)
        assert fleet.read(again).provider == fleet.read(claim).provider

    def test_what_moves_gets_that_of_the_provider_it_comes_to(self, fleet: Fleet) -> None:
        top = fleet.rack(inventories=[Inventory("GPU", 1)])
        below = fleet.rack(top, kind=self.kind, inventories=[Inventory("GPU", 1)])
        claim = fleet.claim(window(0, 10), GPU=1, provider=top)
        move = AllocationMove("GPU", top, below)
        fleet.database.write(lambda s: reshape_providers(s, [], [move], now=fleet.now))
        assert fleet.read(claim).provider == below
        error = refused(lambda: fleet.claim(window(12, 20), GPU=1, provider=below))
        assert error.details["earliest"] == at(15).isoformat()

    def test_others_of_the_tree_need_not_be_alone_so_long(self, fleet: Fleet, margin: str) -> None:
        """Each provider is asked about its own window, whichever of its tree was asked before."""
        card = fleet.rack(margin, kind="card", inventories=[Inventory("GPU", 1)])
        fleet.commit(
            fleet.ask(RequestGroup((gpu(),), provider=card, alone=True), when=window(12, 20))
        )
        request = fleet.ask(
            RequestGroup((gpu(),), name="gpu"), RequestGroup(name="any", alone=True),
            when=window(5, 10),
        )  # fmt: skip
        found = fleet.propose(request, project=new_id())
        assert [chosen(one) for one in found] == [{"gpu": card, "any": card}]

    def test_a_held_claim_keeps_its_margin(self, fleet: Fleet) -> None:
        claim = fleet.claim(window(0, 20), SERVER=1, hold_until=fleet.now + timedelta(minutes=5))
        fleet.confirm(claim)
        refused(lambda: fleet.claim(window(24, 30), SERVER=1))


def test_a_proposed_candidate_is_committed_and_no_other(fleet: Fleet) -> None:
    machine(fleet), machine(fleet)
    request = fleet.ask(
        RequestGroup((vcpu(5),), name="cpu"), RequestGroup((gpu(),), name="gpu"), when=window(0, 9)
    )
    last = fleet.propose(request)[-1]
    claim = fleet.commit(request, proposed=last)
    assert claim.allocations == last.allocations
    error = refused(lambda: fleet.commit(request, proposed=last))
    assert f"provider {last.parts[0].provider}" in error.details["explanation"]
    other = fleet.ask(RequestGroup((vcpu(5),), name="cpu"), when=window(0, 9))
    with pytest.raises(InvalidArgumentError, match="another request"):
        fleet.commit(other, proposed=last)


def test_equals_are_in_the_order_of_the_seed(fleet: Fleet) -> None:
    hosts = sorted(fleet.add(VCPU=8) for _ in range(12))
    request = fleet.ask(RequestGroup((vcpu(1),)), when=window(0, 9))

    def order(seed: int) -> list[str]:
        return [one.parts[0].provider for one in fleet.propose(request, seed=seed, limit=12)]

    assert order(0) == hosts
    assert order(7) == order(7) != order(8)
    assert sorted(order(7)) == hosts


def test_an_empty_answer_of_groups_says_which_and_when(fleet: Fleet) -> None:
    machine(fleet, cards=1)
    request = fleet.ask(
        RequestGroup((vcpu(4),), name="cpu"), RequestGroup((gpu(),), name="gpu"), when=window(0, 9)
    )
    fleet.commit(request)
    host_busy = fleet.commit(fleet.ask(RequestGroup((vcpu(4),)), when=window(9, 15)))
    error = refused(lambda: fleet.propose(request))
    assert error.details["last_straw"] == "group 'gpu': with 1 GPU free in the window"
    assert error.details["earliest"] == at(9).isoformat()
    assert fleet.read(host_busy).status.state == "confirmed"
    steps = json.loads(error.details["explanation"])
    assert steps[0] == {
        "constraint": "group 'cpu': in the region", "removed": 0, "left": 2, "reasons": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("groups_", "field"),
    [
        ((RequestGroup(),), "amounts"),
        ((RequestGroup((Amount("GPU", 1),)), RequestGroup((Amount("GPU", 1),))), "groups.name"),
        ((RequestGroup((Amount("GPU", 1),), isolated_from=("b",)),), "groups.isolated_from"),
        (
            (
                RequestGroup(
                    (Amount("GPU", 1),), distances=(DistanceLimit("location", "row", group="b"),)
                ),
            ),
            "groups.distances.group",
        ),
    ],
)
def test_bad_groups_are_refused_by_field(groups_: tuple[RequestGroup, ...], field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        ClaimRequest(groups_, window(0, 9), new_id())
    assert caught.value.details["field"] == field


def test_one_amount_across_a_tree_has_its_own_earliest_start(fleet: Fleet) -> None:
    fleet.rack(kind="box", inventories=[Inventory("GPU", 1)])
    other = fleet.rack(kind="crate", inventories=[Inventory("GPU", 1)])
    fleet.claim(window(0, 5), GPU=1, provider=other)
    request = fleet.ask(
        RequestGroup((gpu(),), across_tree=True, provider_type="crate"), when=window(0, 4)
    )
    error = refused(lambda: fleet.propose(request))
    assert error.details["earliest"] == at(5).isoformat()
    assert error.details["last_straw"] == "with 1 GPU free in the window"


def test_the_same_allocations_are_one_candidate_whoever_gets_which(fleet: Fleet) -> None:
    _, cards = machine(fleet)
    two = [RequestGroup((gpu(),), name="a", isolated_from=("b",)), RequestGroup((gpu(),), name="b")]
    found = fleet.propose(fleet.ask(*two, when=window(0, 9)))
    first, second = sorted(cards)
    assert [chosen(one) for one in found] == [{"a": first, "b": second}]


def test_nearness_orders_the_first_group_and_room_the_others(fleet: Fleet) -> None:
    host, (small, _) = machine(fleet)
    large = fleet.rack(host, kind="card", inventories=[Inventory("GPU", 3)])
    request = fleet.ask(
        RequestGroup((vcpu(1),), name="cpu"), RequestGroup((gpu(),), name="gpu"),
        when=window(0, 9), placement=Placement.NEAREST, near=Near("location", small),
    )  # fmt: skip
    assert chosen(fleet.propose(request)[0]) == {"cpu": host, "gpu": large}


def test_the_trees_of_one_who_shares_are_compared_with_each_other(fleet: Fleet) -> None:
    hosts = [fleet.rack(kind="box", inventories=[Inventory("VCPU", n)]) for n in (2, 4, 3)]
    pool = fleet.rack(kind="pool", inventories=[Inventory("DISK_GIB", 100)])
    group_of(fleet, *hosts, sharing=(pool,))
    request = fleet.ask(
        RequestGroup((Amount("DISK_GIB", 60),), name="disk"), RequestGroup((vcpu(1),), name="cpu"),
        when=window(0, 9),
    )  # fmt: skip
    found = [chosen(one)["cpu"] for one in fleet.propose(request)]
    assert found == [hosts[1], hosts[2], hosts[0]]


def test_a_hold_counts_again_when_the_clock_steps_back(fleet: Fleet) -> None:
    fleet.add(VCPU=1)
    fleet.claim(window(0, 20), VCPU=1, hold_until=at(5))
    request = fleet.request(window(10, 20), VCPU=1)
    fleet.now = at(6)
    fleet.propose(request)
    fleet.now = at(3)
    refused(lambda: fleet.propose(request))
    refused(lambda: fleet.commit(request))
