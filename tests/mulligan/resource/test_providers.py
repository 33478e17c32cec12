"""Providers: what they have, whether they are offered, and what keeps them from going."""

import pytest
from sqlalchemy.orm import Session

from mulligan import events, marks
from mulligan.database import Database
from mulligan.resource import providers
from mulligan.resource.values import Inventory
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
    NotFoundError,
)
from mulligan.values.listing import Listing
from tests.mulligan.resource.fleet import Fleet, at, new_id, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def set_inventories(fleet: Fleet, provider: str, *inventories: Inventory) -> None:
    fleet.database.write(
        lambda s: providers.set_inventories(s, provider, inventories, now=fleet.now)
    )


def get(fleet: Fleet, provider: str) -> providers.Provider:
    return fleet.database.read(lambda s: providers.get_provider(s, provider, now=fleet.now))


def delete(fleet: Fleet, provider: str) -> None:
    fleet.database.write(lambda s: providers.delete_provider(s, provider, now=fleet.now))


def test_a_provider_is_read_with_its_use_now(fleet: Fleet) -> None:
    host = fleet.add_with(
        [Inventory("VCPU", 8, reserved=1, allocation_ratio=2.0)], capabilities=["kvm"], cpus=8
    )
    fleet.claim(window(0, 10), VCPU=3)
    fleet.claim(window(20, 30), VCPU=5)
    found = get(fleet, host)
    assert [(use.inventory.capacity, use.used) for use in found.inventories] == [(14, 3)]
    assert (found.capabilities, found.properties) == (("kvm",), {"cpus": 8})
    assert (found.available, found.region, found.type) == (True, fleet.region, "host")


def test_a_new_provider_is_not_offered(fleet: Fleet) -> None:
    def create(session: Session) -> None:
        providers.create_provider(session, id=host, region=fleet.region, type="host")
        providers.set_inventories(session, host, [Inventory("SERVER", 1)])

    host = new_id()
    fleet.database.write(create)
    with pytest.raises(NoCapacityError, match=providers.NOT_YET_AVAILABLE):
        fleet.claim(SERVER=1)
    with pytest.raises(AlreadyExistsError):
        fleet.database.write(create)


def test_inventory_never_falls_below_what_is_claimed(fleet: Fleet) -> None:
    host = fleet.add(VCPU=8)
    fleet.claim(window(0, 10), VCPU=2)
    fleet.claim(window(20, 30), VCPU=6)
    with pytest.raises(FailedPreconditionError, match=r"capacity of 5 VCPU, but 6 are claimed"):
        set_inventories(fleet, host, Inventory("VCPU", 5))
    with pytest.raises(FailedPreconditionError, match=r"capacity of 0 VCPU, but 6"):
        set_inventories(fleet, host)
    set_inventories(fleet, host, Inventory("VCPU", 6))
    fleet.now = at(30)
    set_inventories(fleet, host, Inventory("VCPU", 1))


def test_what_is_written_twice_is_no_new_generation(fleet: Fleet) -> None:
    host = fleet.add_with([Inventory("VCPU", 8)], capabilities=["kvm"], cpus=8)

    def write(session: Session, total: int) -> None:
        inventories = [Inventory("MEMORY_MIB", 64), Inventory("VCPU", total)]
        providers.set_inventories(session, host, inventories, now=fleet.now)
        providers.set_capabilities(session, host, ["kvm"])
        providers.set_properties(session, host, {"cpus": 8})

    generations = [get(fleet, host).generation]
    for total in (8, 8, 9):
        fleet.database.write(lambda session, total=total: write(session, total))  # type: ignore[misc]
        generations.append(get(fleet, host).generation)
    first = generations[0]
    assert generations == [first, first + 1, first + 1, first + 2]


def test_inventories_name_a_type_once(fleet: Fleet) -> None:
    host = fleet.add(VCPU=8)
    with pytest.raises(InvalidArgumentError, match="twice"):
        set_inventories(fleet, host, Inventory("VCPU", 5), Inventory("VCPU", 6))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"resource_type": "vcpu"}, "resource_type"),
        ({"total": -1}, "total"),
        ({"total": 2**53}, "total"),
        ({"reserved": 9}, "reserved"),
        ({"min_unit": 0}, "min_unit"),
        ({"min_unit": 3, "max_unit": 2}, "max_unit"),
        ({"step_size": 0}, "step_size"),
        ({"allocation_ratio": 0.0}, "allocation_ratio"),
        ({"allocation_ratio": float("nan")}, "allocation_ratio"),
        ({"total": 2**52, "allocation_ratio": 4.0}, "allocation_ratio"),
    ],
)
def test_bad_inventories_are_refused_by_field(values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Inventory(**{"resource_type": "VCPU", "total": 8, **values})  # type: ignore[arg-type]
    assert caught.value.details["field"] == f"inventories.{field}"


def test_a_provider_in_use_stays(fleet: Fleet) -> None:
    host = fleet.add(VCPU=8)
    claim = fleet.claim(window(10, 20), VCPU=1)
    with pytest.raises(FailedPreconditionError, match=claim.id):
        delete(fleet, host)
    fleet.release(claim)
    delete(fleet, host)
    with pytest.raises(NotFoundError):
        get(fleet, host)
    assert fleet.read(claim).provider == host


def test_nothing_of_what_was_said_of_it_outlives_a_provider(fleet: Fleet) -> None:
    host = fleet.add(VCPU=8)
    fleet.database.write(lambda s: marks.set_mark(s, host, "maintenance", "new fans", new_id()))
    delete(fleet, host)
    assert fleet.database.read(lambda s: marks.marks_of(s, [host])) == {host: []}


def test_a_provider_with_others_below_it_stays(fleet: Fleet) -> None:
    host, below = fleet.add(VCPU=8), new_id()

    def create(session: Session, region: str = fleet.region) -> None:
        providers.create_provider(session, id=below, region=region, type="host", parent=host)

    with pytest.raises(InvalidArgumentError, match="parent"):
        fleet.database.write(lambda s: create(s, new_id()))
    fleet.database.write(create)
    with pytest.raises(FailedPreconditionError, match="below"):
        delete(fleet, host)
    delete(fleet, below)
    delete(fleet, host)


def test_unavailable_needs_a_reason(fleet: Fleet) -> None:
    host = fleet.add(VCPU=8)
    with pytest.raises(InvalidArgumentError, match="why"):
        fleet.database.write(lambda s: providers.set_availability(s, host, False, " "))


def test_a_provider_that_is_not_there_is_not_found(fleet: Fleet) -> None:
    with pytest.raises(NotFoundError):
        set_inventories(fleet, new_id(), Inventory("VCPU", 1))


def test_lists_are_paged(fleet: Fleet) -> None:
    made = sorted(fleet.add(VCPU=1) for _ in range(3))
    Fleet(fleet.database).add(VCPU=1)

    def page(*after: str) -> tuple[list[str], tuple[str, ...]]:
        asked = Listing(after=after, limit=2)
        found = fleet.database.read(
            lambda s: providers.list_providers(s, region=fleet.region, listing=asked)
        )
        return [provider.id for provider in found.items], found.end

    assert page() == (made[:2], (made[1],))
    assert page(made[1]) == (made[2:], ())


def test_changes_are_told(fleet: Fleet) -> None:
    host = fleet.add(VCPU=1)
    fleet.database.write(lambda s: providers.set_availability(s, host, False, "broken"))
    delete(fleet, host)
    told = fleet.database.read(
        lambda s: [(e.kind, e.message) for e in events.read_after(s, 0, object_id=host)]
    )
    assert told == [
        ("created", ""),
        ("updated", "inventories: VCPU 1 added"),
        ("state", "available"),
        ("state", "not available: broken"),
        ("deleted", ""),
    ]
