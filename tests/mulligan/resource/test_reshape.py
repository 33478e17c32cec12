"""Reshape: what a tree has, and what is claimed of it, moves in one step or not at all."""

from typing import Any

import pytest
from sqlalchemy import event

from mulligan import events
from mulligan.database import Database
from mulligan.resource import offers, reshape
from mulligan.resource.inventories import InventoriesChange
from mulligan.resource.provider_changes import ProviderChange
from mulligan.resource.reshape import AllocationMove
from mulligan.resource.values import Inventory
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError, StaleError
from tests.mulligan.resource.fleet import Fleet, at, new_id, window

ACCOUNT = new_id()


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def move(source: str, target: str, *claims: Any, amount: int = 0) -> AllocationMove:
    return AllocationMove("VGPU", source, target, [claim.id for claim in claims], amount)


def has(provider: str, **totals: int) -> ProviderChange:
    inventories = [Inventory(name, total) for name, total in totals.items()]
    return ProviderChange(provider, inventories=InventoriesChange(replace=inventories))


def do(fleet: Fleet, changes: list[ProviderChange], *moves: AllocationMove) -> list[int]:
    def write(session: Any) -> list[int]:
        rows = reshape.reshape_providers(session, changes, moves, author=ACCOUNT, now=fleet.now)
        return [row.generation for row in rows]

    return fleet.database.write(write)


def placed(fleet: Fleet, claim: Any) -> dict[str, int]:
    return {part.provider: part.amount for part in fleet.read(claim).allocations}


def test_what_a_top_had_is_at_its_branches_with_all_claims(fleet: Fleet) -> None:
    top = fleet.rack(inventories=[Inventory("VGPU", 8)])
    cards = [fleet.rack(top), fleet.rack(top)]
    now, later = fleet.claim(VGPU=4), fleet.claim(window(10, 20), VGPU=2)
    held = fleet.claim(window(20, 30), VGPU=1, hold_until=at(5))
    ended = fleet.claim(VGPU=1)
    fleet.release(ended)
    changes = [has(top), *(has(card, VGPU=4) for card in cards)]
    moves = (move(top, cards[0], now), move(top, cards[1]))
    assert do(fleet, changes, *moves) == [2, 2, 2]
    assert placed(fleet, now) == {cards[0]: 4}
    assert placed(fleet, later) == {cards[1]: 2}
    assert placed(fleet, held) == {cards[1]: 1}
    assert placed(fleet, ended) == {top: 1}
    assert fleet.usage(top, window(0)) == {}
    assert fleet.usage(cards[1], window(0)) == {"VGPU": 2}
    fleet.confirm(held)
    fleet.release(now)
    assert fleet.claim(VGPU=4).provider == cards[0]


def test_a_claim_is_divided_and_put_together(fleet: Fleet) -> None:
    top = fleet.rack(inventories=[Inventory("VGPU", 4)])
    cards = [fleet.rack(top), fleet.rack(top)]
    claim = fleet.claim(VGPU=4)
    changes = [has(top), *(has(card, VGPU=2) for card in cards)]
    do(fleet, changes, *(move(top, card, claim, amount=2) for card in cards))
    assert placed(fleet, claim) == dict.fromkeys(cards, 2)
    assert fleet.read(claim).generation == 2
    do(
        fleet,
        [has(top, VGPU=4), *(has(card) for card in cards)],
        *(move(card, top) for card in cards),
    )
    assert placed(fleet, claim) == {top: 4}
    told = fleet.database.read(lambda s: events.read_after(s, 0, object_id=claim.id))
    assert [(e.kind, e.generation) for e in told] == [("created", 1), ("moved", 2), ("moved", 3)]
    assert f"2 VGPU moved from provider {top} to provider {cards[0]}; 2 VGPU" in told[1].message
    assert told[1].author == ACCOUNT
    with pytest.raises(StaleError, match="2 VGPU moved from provider"):
        fleet.release(claim, generation=1)
    fleet.release(claim, generation=3)


def test_moves_follow_each_other(fleet: Fleet) -> None:
    one, two, three = (
        fleet.rack(top, inventories=[Inventory("VGPU", 8)]) for top in [fleet.rack()] * 3
    )
    claim, other = fleet.claim(VGPU=3, provider=one), fleet.claim(VGPU=1, provider=two)
    do(fleet, [], move(one, two, claim, amount=2), move(two, three), move(one, two))
    assert placed(fleet, claim) == {two: 1, three: 2}
    assert placed(fleet, other) == {three: 1}


def test_many_claims_take_no_more_parameters_than_few(fleet: Fleet) -> None:
    top = fleet.rack(inventories=[Inventory("VGPU", 40)])
    card = fleet.rack(top, inventories=[Inventory("VGPU", 40)])

    def most_parameters(source: str, target: str) -> int:
        seen: list[int] = []

        def count(_c: Any, _cursor: Any, _statement: str, given: Any, _x: Any, many: bool) -> None:
            seen.extend([] if many else [len(given)])

        event.listen(fleet.database.engine, "before_cursor_execute", count)
        try:
            do(fleet, [], move(source, target))
        finally:
            event.remove(fleet.database.engine, "before_cursor_execute", count)
        return max(seen)

    fleet.claim(VGPU=1, provider=top)
    few = most_parameters(top, card)
    for _ in range(39):
        fleet.claim(VGPU=1, provider=card)
    assert most_parameters(card, top) <= few


def test_nothing_happens_unless_all_of_it_fits(fleet: Fleet) -> None:
    top = fleet.rack(inventories=[Inventory("VGPU", 8)])
    card, other = fleet.rack(top), fleet.rack()
    one, two = fleet.claim(window(0, 10), VGPU=3), fleet.claim(window(5, 15), VGPU=3)
    before = placed(fleet, one), placed(fleet, two)
    small = Inventory("VGPU", 8, max_unit=2)
    portions = ProviderChange(card, inventories=InventoriesChange(replace=[small]))
    for changes, moves, words in (
        ([has(top), has(card, VGPU=5)], [move(top, card)], "capacity of 5 VGPU, but 6"),
        ([has(top), has(card, VGPU=8)], [move(top, card, one)], "capacity of 0 VGPU, but 3"),
        ([has(top)], [move(top, card)], "capacity of 0 VGPU, but 6"),
        ([portions], [move(top, card)], "hands out 1 to 2 in steps of 1, not 3"),
        ([has(other, VGPU=8)], [move(top, other)], "2 trees"),
    ):
        with pytest.raises(FailedPreconditionError, match=words):
            do(fleet, changes, *moves)
        assert (placed(fleet, one), placed(fleet, two)) == before
    assert fleet.usage(top, window(0)) == {"VGPU": 6}
    stale = ProviderChange(card, generation=2, inventories=has(card, VGPU=8).inventories)
    with pytest.raises(StaleError):
        do(fleet, [stale], move(top, card))
    do(fleet, [has(top), has(card, VGPU=6)], move(top, card))


def test_what_is_not_claimed_can_not_be_moved(fleet: Fleet) -> None:
    top = fleet.rack(inventories=[Inventory("VGPU", 8)])
    card = fleet.rack(top, inventories=[Inventory("VGPU", 8)])
    claim = fleet.claim(VGPU=3, provider=top)
    for wrong in (
        [move(top, card, claim, amount=4)],
        [move(card, top, claim)],
        [move(top, card, claim), move(top, card, claim)],
    ):
        with pytest.raises(InvalidArgumentError, match=f"claim {claim.id} has") as caught:
            do(fleet, [], *wrong)
        assert caught.value.details["field"] == "moves.claims"
    for fields, field in (
        ({"from_provider": "top"}, "moves.from_provider"),
        ({"to_provider": top}, "moves.to_provider"),
        ({"amount": -1}, "moves.amount"),
        ({"claims": ["x"]}, "moves.claims"),
    ):
        given: dict[str, Any] = {
            "resource_type": "VGPU", "from_provider": top, "to_provider": card, **fields
        }  # fmt: skip
        with pytest.raises(InvalidArgumentError) as caught:
            AllocationMove(**given)
        assert caught.value.details["field"] == field
    with pytest.raises(InvalidArgumentError, match="say what"):
        do(fleet, [])
    with pytest.raises(InvalidArgumentError, match="before or after"):
        do(fleet, [ProviderChange(card, under="")])


@pytest.mark.parametrize("kind", offers.KINDS)
def test_nothing_moves_to_what_is_marked_but_away_from_it(fleet: Fleet, kind: str) -> None:
    top = fleet.rack(inventories=[Inventory("VGPU", 8)])
    card = fleet.rack(top, inventories=[Inventory("VGPU", 8)])
    claim = fleet.claim(VGPU=3, provider=card)
    until = at(10) if kind == offers.UNHEALTHY else None
    fleet.database.write(
        lambda s: offers.mark_providers(
            s, [card], kind, "smoke", expires_at=until, author=ACCOUNT, now=fleet.now
        )
    )
    do(fleet, [], move(card, top, amount=2))
    with pytest.raises(FailedPreconditionError, match=f"marked {kind}: smoke"):
        do(fleet, [], move(top, card))
    assert placed(fleet, claim) == {card: 1, top: 2}
    if until:
        fleet.now = until
        do(fleet, [], move(top, card))


def test_what_is_claimed_of_hosts_stays_there(fleet: Fleet) -> None:
    host = fleet.add(VGPU=8)
    card = fleet.rack(host, inventories=[Inventory("VGPU", 8)])
    with pytest.raises(FailedPreconditionError, match="mulligan host"):
        do(fleet, [], move(host, card))
