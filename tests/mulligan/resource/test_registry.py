"""Registered names: standard ones stay, those in use stay too."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, text

from mulligan import events
from mulligan.database import Database
from mulligan.meta.listing import listed_words
from mulligan.resource import registry
from mulligan.resource.tables import (
    CapabilityNameRow,
    DistanceTypeRow,
    ProviderTypeRow,
    ResourceTypeRow,
)
from mulligan.resource.values import Inventory
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    StaleError,
)
from mulligan.values.ids import name_id
from mulligan.values.listing import Listing
from tests.mulligan.resource.fleet import START, Fleet

TABLES = pytest.mark.parametrize(
    ("table", "standard", "own", "bad"),
    [
        (ProviderTypeRow, "server", "rack", "Rack!"),
        (ResourceTypeRow, "VCPU", "FPGA", "fpga"),
        (CapabilityNameRow, "arch:x86_64", "rack:water_cooled", "9lives"),
        (DistanceTypeRow, "location", "wiring", "it's far"),
    ],
)


def register(database: Database, table: Any, name: str, **columns: Any) -> Any:
    if table is DistanceTypeRow:
        columns["codes"] = ["near", "far"]
    return database.write(lambda s: registry.register(s, table, name, now=START, **columns))


def unregister(database: Database, table: Any, name: str) -> None:
    database.write(lambda s: registry.unregister(s, table, name, now=START))


def names(database: Database, table: Any) -> list[str]:
    return [row.name for row in database.read(lambda s: s.scalars(select(table)).all())]


@TABLES
def test_a_name_of_ones_own_comes_and_goes_and_a_standard_one_stays(
    database: Database, table: Any, standard: str, own: str, bad: str
) -> None:
    made = register(database, table, own, description=" of ours ")
    assert (made.description, made.standard) == ("of ours", False)
    assert {standard, own} <= set(names(database, table))
    for taken in (own, standard):
        with pytest.raises(AlreadyExistsError, match=taken):
            register(database, table, taken)
    with pytest.raises(InvalidArgumentError) as caught:
        register(database, table, bad)
    assert caught.value.details["field"] == "name"
    unregister(database, table, own)
    assert own not in names(database, table)
    with pytest.raises(NotFoundError):
        unregister(database, table, own)
    with pytest.raises(FailedPreconditionError, match="standard"):
        unregister(database, table, standard)
    object_type = str(table.__tablename__).replace("ies", "y").removesuffix("s")
    told = database.read(
        lambda s: [e.kind for e in events.read_after(s, 0, object_id=name_id(object_type, own))]
    )
    assert told == ["created", "deleted"]


def test_a_name_in_use_stays(database: Database) -> None:
    fleet = Fleet(database)
    register(database, ProviderTypeRow, "blade")
    host = fleet.add_with([Inventory("FPGA", 1)], kind="blade", capabilities=["odd:one"])
    for table, name in (
        (ProviderTypeRow, "blade"),
        (ResourceTypeRow, "FPGA"),
        (CapabilityNameRow, "odd:one"),
    ):
        with pytest.raises(FailedPreconditionError, match=host):
            unregister(database, table, name)


def test_what_inspection_finds_is_told_as_what_is_registered(database: Database) -> None:
    for _ in range(2):
        Fleet(database).add_with([Inventory("FPGA", 1)], capabilities=["odd:one"])
    for object_type, name in (("resource_type", "FPGA"), ("capability", "odd:one")):
        about = name_id(object_type, name)
        told = database.read(lambda s, about=about: events.read_after(s, 0, object_id=about))  # type: ignore[misc]
        words = f"{object_type.replace('_', ' ')} {name} created: found by inspection"
        assert [(event.kind, event.message) for event in told] == [("created", words)]


def test_a_cleaning_margin_is_changed_by_who_knows_the_type(database: Database) -> None:
    def update(**change: Any) -> ProviderTypeRow:
        return database.write(
            lambda s: registry.update_provider_type(s, "server", now=START, **change)
        )

    changed = update(cleaning_margin_s=900, generation=1)
    assert (changed.cleaning_margin_s, changed.generation) == (900, 2)
    with pytest.raises(StaleError, match="margin 0 s → 900 s"):
        update(cleaning_margin_s=60, generation=1)
    for margin in (-1, registry.GREATEST_MARGIN_S + 1):
        with pytest.raises(InvalidArgumentError):
            update(cleaning_margin_s=margin)
    changed = update(description="metal")
    assert (changed.cleaning_margin_s, changed.generation) == (900, 3)
    assert update(description=" metal").generation == 3
    with pytest.raises(NotFoundError):
        database.write(lambda s: registry.update_provider_type(s, "toaster", now=START))


def test_names_come_in_pages(database: Database) -> None:
    first = database.read(lambda s: listed_words(s, ResourceTypeRow, Listing(limit=2)))
    rest = Listing(after=first.end, limit=1000)
    second = database.read(lambda s: listed_words(s, ResourceTypeRow, rest))
    found = [row.name for row in (*first.items, *second.items)]
    assert len(first.items) == 2
    assert found == sorted(names(database, ResourceTypeRow))
    assert not second.more


def test_names_come_in_the_order_of_unicode_whatever_the_servers_is(
    postgresql_database: Database,
) -> None:
    column = 'ALTER TABLE capabilities ALTER COLUMN name TYPE VARCHAR(64) COLLATE "en-x-icu"'
    postgresql_database.write(lambda session: session.execute(text(column)))
    for name in ("Raid", "disk_ssd", "disk:nvme", "Disk"):
        register(postgresql_database, CapabilityNameRow, name)
    walked, listing = [""], Listing(limit=2)
    while listing.after or walked == [""]:
        page = postgresql_database.read(
            partial(listed_words, table=CapabilityNameRow, listing=listing)
        )
        walked += [row.name for row in page.items]
        listing = replace(listing, after=page.end)
    assert walked == sorted(walked)
    assert {"Raid", "disk_ssd", "disk:nvme", "Disk"} <= {*walked}
