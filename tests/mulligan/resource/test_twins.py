"""Groups that want the same, and claims of one transaction, which see each other."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource import claims
from mulligan.resource.requests import ClaimRequest, RequestGroup
from mulligan.resource.twins import twins_of
from mulligan.resource.values import Inventory
from mulligan.values.amount import Amount
from mulligan.values.errors import NoCapacityError
from tests.mulligan.resource.draws import asks, fleets, wanted
from tests.mulligan.resource.fleet import Fleet, at, new_id, window
from tests.mulligan.resource.test_oracle import drive, examples


def cards(count: int, *, apart: bool = True) -> list[RequestGroup]:
    """So many groups of one GPU, each from another card."""
    names = [f"card-{n}" for n in range(count)]
    return [
        RequestGroup(
            (Amount("GPU", 1),), name, isolated_from=tuple(set(names) - {name}) if apart else ()
        )
        for name in names
    ]


def ask(*groups: RequestGroup, **options: Any) -> ClaimRequest:
    return ClaimRequest(groups, window(0, 10), new_id(), **options)


def test_all_eight_cards_of_a_machine_are_claimed_at_once(database: Database) -> None:
    fleet = Fleet(database)
    boxes = [fleet.rack(kind="box", inventories=[Inventory("PCPU", 8)]) for _ in range(2)]
    for box in boxes:
        for _ in range(8):
            fleet.rack(box, kind="card", inventories=[Inventory("GPU", 1)])
    cell = RequestGroup((Amount("PCPU", 4),), "cell")
    wanted = fleet.ask(cell, *cards(8), when=window(0, 10))
    assert len(fleet.propose(wanted)) == 2
    for _ in boxes:
        claim = fleet.commit(wanted)
        assert len({one.provider for one in claim.allocations}) == 9
    with pytest.raises(NoCapacityError) as caught:
        fleet.commit(wanted)
    assert caught.value.details["earliest"] == at(10).isoformat()


@pytest.mark.parametrize("count", [2, 3])
def test_cards_for_twins_are_proposed_in_one_order_only(database: Database, count: int) -> None:
    fleet = Fleet(database)
    box = fleet.rack(kind="box")
    ids = sorted(fleet.rack(box, kind="card", inventories=[Inventory("GPU", 1)]) for _ in range(4))
    found = fleet.propose(fleet.ask(*cards(count), when=window(0, 10)), limit=100)
    used = [tuple(part.provider for part in one.parts) for one in found]
    assert used == list(combinations(ids, count))


def test_groups_that_differ_in_anything_are_no_twins() -> None:
    assert twins_of(ask(*cards(3))) == {"card-1": "card-0", "card-2": "card-1"}
    assert twins_of(ask(*cards(2, apart=False))) == {"card-1": "card-0"}
    one, two = cards(2)
    other = RequestGroup((Amount("GPU", 1),), "other", isolated_from=("card-0",))
    assert twins_of(ask(one, two, other)) == {"other": "card-1"}
    assert twins_of(ask(one, two, same_subtree=(("card-0", "card-1"),))) == {"card-1": "card-0"}
    assert twins_of(ask(one, two, same_subtree=(("card-0",),))) == {}
    for different in (
        RequestGroup((Amount("GPU", 2),), "a"),
        RequestGroup((Amount("GPU", 1),), "a", alone=True),
    ):
        assert twins_of(ask(different, RequestGroup((Amount("GPU", 1),), "b"))) == {}


same = st.builds(lambda one, count: [one] * count, wanted, st.integers(2, 3))
steps = st.lists(
    st.builds(lambda one, groups: {**one, "groups": groups}, asks, same), min_size=2, max_size=4
)


@examples(25)
@given(drawn=fleets, taken=steps)
def test_twins_change_neither_which_candidates_there_are_nor_their_order(
    sqlite_database: Database, drawn: dict[str, Any], taken: list[dict[str, Any]]
) -> None:
    drive(sqlite_database, drawn, taken)


def test_claims_of_one_transaction_see_each_other(database: Database) -> None:
    fleet = Fleet(database)
    servers = {fleet.add(SERVER=1) for _ in range(3)}

    def commit(session: Session) -> list[claims.Claim]:
        return [
            claims.commit_claim(
                session, claim_id=new_id(), project=fleet.project, now=fleet.now, seed=0,
                request=fleet.request(window(0, 10), SERVER=1),
            )
            for _ in servers
        ]  # fmt: skip

    made = fleet.database.write(commit)
    assert {one.provider for claim in made for one in claim.allocations} == servers
    with pytest.raises(NoCapacityError):
        fleet.database.write(commit)
