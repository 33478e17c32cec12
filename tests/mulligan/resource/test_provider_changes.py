"""Many providers in one call: trees, what they have and can do, generations."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.database import Database
from mulligan.resource import provider_changes, providers, registry
from mulligan.resource.features import CapabilitiesChange, PropertiesChange
from mulligan.resource.inventories import InventoriesChange, InventoryChange
from mulligan.resource.provider_changes import NewProvider, ProviderChange
from mulligan.resource.tables import ProviderTypeRow
from mulligan.resource.values import Inventory
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    StaleError,
)
from tests.mulligan.resource.fleet import Fleet, at, new_id, window

ACCOUNT = new_id()


@pytest.fixture
def fleet(database: Database) -> Fleet:
    database.write(lambda s: registry.register(s, ProviderTypeRow, "rack", now=at(0)))
    return Fleet(database)


def create(fleet: Fleet, *new: NewProvider, **options: Any) -> None:
    fleet.database.write(
        lambda s: provider_changes.create_providers(s, fleet.region, new, now=fleet.now, **options)
    )


def rack(fleet: Fleet, parent: str = "", **fields: Any) -> str:
    return fleet.rack(parent, **fields)


def change(fleet: Fleet, *changes: ProviderChange, **options: Any) -> list[int]:
    def write(session: Session) -> list[int]:
        rows = provider_changes.change_providers(
            session, changes, author=ACCOUNT, now=fleet.now, **options
        )
        return [row.generation for row in rows]

    return fleet.database.write(write)


def move(fleet: Fleet, provider: str, under: str) -> None:
    change(fleet, ProviderChange(provider, under=under))


def delete(fleet: Fleet, *ids: str) -> None:
    fleet.database.write(lambda s: provider_changes.delete_providers(s, ids, now=fleet.now))


def get(fleet: Fleet, provider: str) -> providers.Provider:
    return fleet.database.read(lambda s: providers.get_provider(s, provider, now=fleet.now))


def tree(fleet: Fleet, top: str) -> set[str]:
    found = fleet.database.read(lambda s: providers.list_providers(s, tree=top))
    return {one.id for one in found.items}


def has(fleet: Fleet, provider: str) -> dict[str, int]:
    return {u.inventory.resource_type: u.inventory.total for u in get(fleet, provider).inventories}


# Trees


def test_a_tree_is_made_in_one_call_in_any_order(fleet: Fleet) -> None:
    top, middle, leaf = new_id(), new_id(), new_id()
    create(
        fleet,
        NewProvider(leaf, "rack", parent=middle, inventories=[Inventory("VCPU", 4)]),
        NewProvider(middle, "rack", parent=top, capabilities=["storage:ssd"]),
        NewProvider(top, "rack", properties={"height": 42}),
    )
    assert tree(fleet, top) == {top, middle, leaf}
    found = get(fleet, leaf)
    assert (found.parent, found.root, found.available) == (middle, top, True)
    assert fleet.claim(VCPU=4).provider == leaf
    assert get(fleet, top).root == top


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"type": "shelf"}, "type"),
        ({"type": "server"}, "type"),
        ({"parent": new_id()}, "parent"),
        ({"inventories": [Inventory("WIDGETS", 1)]}, "inventories.resource_type"),
        ({"capabilities": ["flies"]}, "capabilities"),
    ],
)
def test_what_can_not_be_is_not_made(fleet: Fleet, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        create(fleet, NewProvider(**{"id": new_id(), "type": "rack", **fields}))
    assert caught.value.details["field"] == field


def test_the_same_provider_is_not_made_twice(fleet: Fleet) -> None:
    one = rack(fleet)
    with pytest.raises(AlreadyExistsError, match=one):
        create(fleet, NewProvider(new_id(), "rack"), NewProvider(one, "rack"))
    with pytest.raises(InvalidArgumentError, match="2 times"):
        create(fleet, *[NewProvider(new_id(), "rack")] * 2)
    first, second = new_id(), new_id()
    with pytest.raises(InvalidArgumentError, match="below itself"):
        create(
            fleet,
            NewProvider(first, "rack", parent=second),
            NewProvider(second, "rack", parent=first),
        )


def test_a_branch_moves_with_all_that_is_below_it(fleet: Fleet) -> None:
    old, new = rack(fleet), rack(fleet)
    branch = rack(fleet, old)
    leaf = rack(fleet, branch)
    move(fleet, branch, new)
    assert (tree(fleet, old), tree(fleet, new)) == ({old}, {new, branch, leaf})
    move(fleet, new, old)
    assert tree(fleet, old) == {old, new, branch, leaf}
    move(fleet, branch, "")
    assert tree(fleet, branch) == {branch, leaf}
    assert get(fleet, branch).parent is None


def test_a_parent_may_be_written_in_any_form_of_its_id(fleet: Fleet) -> None:
    one, top = rack(fleet), rack(fleet)
    move(fleet, one, top.upper().replace("-", ""))
    assert tree(fleet, top) == {top, one}
    with pytest.raises(InvalidArgumentError) as caught:
        move(fleet, one, "rack-1")
    assert caught.value.details["field"] == "under"


def test_no_move_closes_a_circle(fleet: Fleet) -> None:
    top = rack(fleet)
    middle = rack(fleet, top)
    leaf = rack(fleet, middle)
    for provider, under in ((top, leaf), (top, top), (middle, leaf)):
        with pytest.raises(FailedPreconditionError, match="below itself"):
            move(fleet, provider, under)
    change(fleet, ProviderChange(leaf, under=""), ProviderChange(top, under=leaf))
    assert tree(fleet, leaf) == {leaf, top, middle}


def test_a_parent_is_of_the_same_region(fleet: Fleet) -> None:
    other = Fleet(fleet.database)
    for parent in (rack(other), new_id()):
        with pytest.raises(InvalidArgumentError, match=f"no provider {parent} in region"):
            move(fleet, rack(fleet), parent)
        with pytest.raises(InvalidArgumentError, match=f"no provider {parent} in region"):
            rack(fleet, parent)


def test_a_tree_is_deleted_at_once_but_not_from_the_middle(fleet: Fleet) -> None:
    top = rack(fleet)
    leaf = rack(fleet, top, inventories=[Inventory("VCPU", 4)])
    with pytest.raises(FailedPreconditionError, match="1 providers are below"):
        delete(fleet, top)
    claim = fleet.claim(VCPU=1)
    with pytest.raises(FailedPreconditionError, match=claim.id):
        delete(fleet, top, leaf)
    fleet.release(claim)
    delete(fleet, top, leaf)
    with pytest.raises(NotFoundError, match=top):
        delete(fleet, top)


def test_what_control_keeps_is_moved_by_operators_and_nothing_else(fleet: Fleet) -> None:
    host, top = fleet.add(VCPU=4), rack(fleet)
    move(fleet, host, top)
    assert tree(fleet, top) == {top, host}
    with pytest.raises(FailedPreconditionError, match="mulligan host"):
        delete(fleet, host)
    with pytest.raises(FailedPreconditionError, match="mulligan host"):
        change(fleet, ProviderChange(host, capabilities=CapabilitiesChange(add=["storage:ssd"])))


# What they have and can do


def test_inventories_are_changed_one_by_one_or_replaced(fleet: Fleet) -> None:
    one = rack(fleet, inventories=[Inventory("VCPU", 4), Inventory("GPU", 1)])
    wanted = InventoriesChange(
        add=[Inventory("DISK_GIB", 100)], modify=[InventoryChange("VCPU", 8)], remove=["GPU"]
    )
    assert change(fleet, ProviderChange(one, inventories=wanted)) == [2]
    assert has(fleet, one) == {"VCPU": 8, "DISK_GIB": 100}
    replaced = InventoriesChange(replace=[Inventory("GPU", 2)])
    change(fleet, ProviderChange(one, inventories=replaced))
    assert has(fleet, one) == {"GPU": 2}
    assert change(fleet, ProviderChange(one, inventories=replaced)) == [3]
    with pytest.raises(AlreadyExistsError, match="modify it instead"):
        change(fleet, ProviderChange(one, inventories=InventoriesChange(add=[Inventory("GPU", 3)])))
    for wanted in (
        InventoriesChange(modify=[InventoryChange("VCPU", 3)]),
        InventoriesChange(remove=["VCPU"]),
    ):
        with pytest.raises(NotFoundError, match="no inventory of VCPU"):
            change(fleet, ProviderChange(one, inventories=wanted))


def test_what_a_change_of_an_inventory_does_not_say_stays(fleet: Fleet) -> None:
    before = Inventory("VCPU", 8, 2, min_unit=2, max_unit=4, step_size=2, allocation_ratio=2.0)
    one = rack(fleet, inventories=[before])

    def modify(**said: Any) -> Inventory:
        wanted = InventoriesChange(modify=[InventoryChange("VCPU", **said)])
        change(fleet, ProviderChange(one, inventories=wanted))
        [use] = get(fleet, one).inventories
        return use.inventory

    assert modify(total=16) == replace(before, total=16)
    assert modify(reserved=0, max_unit=8) == replace(before, total=16, reserved=0, max_unit=8)
    with pytest.raises(InvalidArgumentError, match="max_unit 1"):
        modify(max_unit=1)


def test_less_than_is_claimed_is_refused_with_who_how_much_and_until_when(fleet: Fleet) -> None:
    one = rack(fleet, inventories=[Inventory("VCPU", 8)])
    soon, later = fleet.claim(window(0, 10), VCPU=2), fleet.claim(window(20, 30), VCPU=6)
    for wanted, capacity in (
        (InventoriesChange(modify=[InventoryChange("VCPU", 5)]), 5),
        (InventoriesChange(modify=[InventoryChange("VCPU", 8, reserved=3)]), 5),
        (InventoriesChange(remove=["VCPU"]), 0),
        (InventoriesChange(replace=[]), 0),
    ):
        with pytest.raises(FailedPreconditionError) as caught:
            change(fleet, ProviderChange(one, inventories=wanted))
        told = caught.value.message
        assert f"capacity of {capacity} VCPU, but 6 are claimed at the peak" in told
        assert f"6 by claim {later.id} until {at(30).isoformat()}, 2 by claim {soon.id}" in told
    change(
        fleet,
        ProviderChange(one, inventories=InventoriesChange(modify=[InventoryChange("VCPU", 6)])),
    )
    fleet.now = at(30)
    change(fleet, ProviderChange(one, inventories=InventoriesChange(remove=["VCPU"])))


def test_capabilities_and_properties_are_changed_one_by_one_or_replaced(fleet: Fleet) -> None:
    one = rack(fleet, capabilities=["storage:ssd"], properties={"cpus": 4, "disks": 1})
    change(
        fleet,
        ProviderChange(
            one,
            capabilities=CapabilitiesChange(add=["storage:ssd", "storage:nvme"]),
            properties=PropertiesChange(put={"cpus": 8, "nics": 2}, remove=["disks"]),
        ),
    )
    found = get(fleet, one)
    assert found.capabilities == ("storage:nvme", "storage:ssd")
    assert found.properties == {"cpus": 8, "nics": 2}
    change(
        fleet,
        ProviderChange(
            one,
            capabilities=CapabilitiesChange(replace=["virt:kvm"]),
            properties=PropertiesChange(replace={}),
        ),
    )
    found = get(fleet, one)
    assert (found.capabilities, found.properties) == (("virt:kvm",), {})
    change(fleet, ProviderChange(one, capabilities=CapabilitiesChange(remove=["virt:kvm"])))
    assert get(fleet, one).capabilities == ()


def test_what_is_not_there_is_not_removed(fleet: Fleet) -> None:
    one, two = (rack(fleet, properties={"cpus": 4}) for _ in range(2))
    for wrong, name in (
        ({"capabilities": CapabilitiesChange(remove=["virt:kvm"])}, "virt:kvm"),
        ({"properties": PropertiesChange(remove=["cpus", "nics"])}, "nics"),
    ):
        with pytest.raises(NotFoundError, match=f"provider {two} has no {name}"):
            change(
                fleet,
                ProviderChange(one, properties=PropertiesChange(remove=["cpus"])),
                ProviderChange(two, **wrong),
            )
    assert get(fleet, one).properties == {"cpus": 4}


@pytest.mark.parametrize(
    "wanted",
    [
        lambda: InventoriesChange(add=[Inventory("VCPU", 1)], replace=[]),
        lambda: InventoriesChange(modify=[InventoryChange("VCPU", 1)], remove=["VCPU"]),
        lambda: CapabilitiesChange(add=["virt:kvm"], replace=[]),
        lambda: CapabilitiesChange(add=["virt:kvm"], remove=["virt:kvm"]),
        lambda: CapabilitiesChange(add=["it flies"]),
        lambda: PropertiesChange(put={"cpus": 1}, remove=["cpus"]),
        lambda: PropertiesChange(put={"cpus": 1}, replace={}),
        lambda: PropertiesChange(put={"cpus": -1}),
    ],
)
def test_a_change_that_contradicts_itself_is_refused(wanted: Callable[[], Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        wanted()


# Generations


def test_a_stale_write_is_refused_with_what_changed_since(fleet: Fleet) -> None:
    one, two = rack(fleet), rack(fleet)
    grown = InventoriesChange(add=[Inventory("VCPU", 4)])
    assert change(fleet, ProviderChange(one, generation=1, inventories=grown)) == [2]
    able = CapabilitiesChange(add=["virt:kvm"])
    assert change(fleet, ProviderChange(one, generation=2, capabilities=able)) == [3]
    with pytest.raises(StaleError) as caught:
        change(
            fleet,
            ProviderChange(two, properties=PropertiesChange(put={"cpus": 1})),
            ProviderChange(one, generation=1, properties=PropertiesChange(put={"cpus": 1})),
        )
    told = caught.value.message
    assert f"provider {one} is at generation 3, not 1" in told
    assert "inventories: VCPU 4 added" in told
    assert "capabilities: virt:kvm added" in told
    assert ACCOUNT in told
    assert not caught.value.retryable
    assert get(fleet, two).properties == {}


def test_each_change_is_told_with_its_author(fleet: Fleet) -> None:
    top, one = rack(fleet), rack(fleet)
    move(fleet, one, top)
    change(fleet, ProviderChange(one, under=top))
    told = fleet.database.read(lambda s: events.read_after(s, 0, object_id=one))
    assert [(e.kind, e.message, e.generation, e.author) for e in told] == [
        ("created", "", 1, None),
        ("updated", f"moved under provider {top}", 2, ACCOUNT),
    ]


# Many at once


def statements(fleet: Fleet, work: Callable[[], object]) -> int:
    """Count the statements of one call; one for many rows counts once."""
    seen: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(fleet.database.engine, "before_cursor_execute", count)
    try:
        work()
    finally:
        event.remove(fleet.database.engine, "before_cursor_execute", count)
    return len(seen)


def test_thousands_take_as_many_statements_as_two(fleet: Fleet) -> None:
    tops = [rack(fleet), rack(fleet)]

    def life(count: int) -> tuple[int, int, int]:
        ids = [new_id() for _ in range(count)]
        new = [
            NewProvider(
                one,
                "rack",
                parent=tops[0],
                inventories=[Inventory("VCPU", 4)],
                capabilities=["virt:kvm"],
                properties={"cpus": 4},
            )
            for one in ids
        ]
        changes = [
            ProviderChange(
                one,
                generation=1,
                under=tops[1],
                inventories=InventoriesChange(
                    add=[Inventory("GPU", 1)], modify=[InventoryChange("VCPU", 2)]
                ),
                capabilities=CapabilitiesChange(replace=["virt:qemu"]),
                properties=PropertiesChange(put={"nics": 2}, remove=["cpus"]),
            )
            for one in ids
        ]
        return (
            statements(fleet, lambda: create(fleet, *new)),
            statements(fleet, lambda: change(fleet, *changes)),
            statements(fleet, lambda: delete(fleet, *ids)),
        )

    assert life(1100) == life(2)


def test_a_call_about_nothing_is_refused(fleet: Fleet) -> None:
    for call, field in ((create, "providers"), (change, "changes"), (delete, "ids")):
        with pytest.raises(InvalidArgumentError, match="too few") as caught:
            call(fleet)
        assert caught.value.details["field"] == field


def test_too_many_are_refused(fleet: Fleet) -> None:
    many = [NewProvider(new_id(), "rack")] * (provider_changes.MOST_PROVIDERS + 1)
    with pytest.raises(InvalidArgumentError, match="too many"):
        create(fleet, *many)
