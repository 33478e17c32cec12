"""Providers as columns in memory: what they have and can do, and where they stand in trees.

A fleet is read whole and kept, to choose from; or it is a few providers that were locked, to decide
about. What is used in time is not in it: that is asked of the database.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.resource.tables import (
    CapabilityRow,
    InventoryRow,
    MemberRow,
    PropertyRow,
    ProviderRow,
    ProviderTypeRow,
    SharingRow,
)

Mask = NDArray[np.bool_]
"""One truth per provider."""

Places = NDArray[np.int32]
"""Places of providers in the columns."""

NONE = -1
"""Where there is no parent or no property."""

FIRST_ROOM = 64
SMALL_STEP = 500
"""Up to so many providers are asked for by id in one statement."""

UNKNOWN = 2**62
"""A bound that nobody has computed: more than any capacity."""

_STOCK = (
    ("capacity", np.int64, 0),
    ("min_unit", np.int64, 1),
    ("max_unit", np.int64, 0),
    ("step_size", np.int64, 1),
)
_BOUND = ("peak_bound", np.int64, UNKNOWN)
"""So much is used of it at the peak from now on: time lowers it, claims raise it.

A claim that is past its end counts for an instant only, so that what begins while it overruns may
make it too low.
"""


class Columns:
    """Arrays of one length that grow together; a name's values begin as its default."""

    def __init__(self, *kinds: tuple[str, Any, Any]) -> None:
        self._kinds = {name: (dtype, default) for name, dtype, default in kinds}
        self._arrays = {n: np.full(FIRST_ROOM, d, t) for n, (t, d) in self._kinds.items()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def make_room(self, length: int) -> None:
        """Have room for so many; what is new has the default."""
        for name, (dtype, default) in self._kinds.items():
            old = self._arrays[name]
            if len(old) < length:
                grown = np.full(max(length, 2 * len(old)), default, dtype)
                grown[: len(old)] = old
                self._arrays[name] = grown

    def clear(self, place: int) -> None:
        """Put the defaults at a place."""
        for name, (_, default) in self._kinds.items():
            self._arrays[name][place] = default


class Fleet:
    """Providers by place; a deleted one leaves its place to the next."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.place_of: dict[str, int] = {}
        self.codes: dict[str, int] = {}
        self.margins: dict[str, int] = {}
        self.members: dict[str, set[int]] = defaultdict(set)
        self.groups_of: dict[int, set[str]] = defaultdict(set)
        self.sharers: dict[str, set[int]] = defaultdict(set)
        self.shares_with: dict[int, set[str]] = defaultdict(set)
        self.below: dict[int, set[int]] = defaultdict(set)
        self.in_tree: dict[int, set[int]] = defaultdict(set)
        self._free: list[int] = []
        self._belonging: dict[str, Mask] = {}
        self._general = Columns(
            ("present", np.bool_, False),
            ("available", np.bool_, False),
            ("unhealthy_until", np.float64, 0.0),
            ("region", np.int32, NONE),
            ("project", np.int32, NONE),
            ("type", np.int32, NONE),
            ("parent", np.int32, NONE),
            ("root", np.int32, NONE),
            ("high", np.uint64, 0),
            ("low", np.uint64, 0),
        )
        self._stock: dict[str, Columns] = {}
        self._capabilities: dict[str, Columns] = {}
        self._properties: dict[str, Columns] = {}

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self._general[column][: len(self.ids)]

    def stock(self, resource_type: str, column: str) -> NDArray[np.int64] | None:
        """What all have of a resource type; None when nobody has any."""
        held = self._stock.get(resource_type)
        return held[column][: len(self.ids)] if held else None

    @property
    def resource_types(self) -> list[str]:
        """Of which anybody has an inventory."""
        return list(self._stock)

    def capacity(self, place: int, resource_type: str) -> int:
        """What a provider has of a resource type, when it is empty."""
        held = self._stock.get(resource_type)
        return int(held["capacity"][place]) if held else 0

    def open_to(self, family: Callable[[], Collection[str]]) -> Mask:
        """Who may give to a project: those of nobody, its own, and those of projects above it.

        The top of a tree says whose it is. `family` gives the project and those above it, and is
        called only where anything is anybody's.
        """
        found, owners = self["present"].copy(), self["project"]
        if (owners != NONE).any():
            its = [NONE, *(self.codes.get(one, NONE) for one in family())]
            may = np.isin(owners, its)
            found &= may & may[self["root"]]
        return found

    def in_one_of(self, regions: Sequence[str]) -> Mask:
        """Who is in one of these regions."""
        held, codes = self["region"], [self.codes.get(one, NONE - 1) for one in regions]
        found: Mask = held == codes[0] if len(codes) == 1 else np.isin(held, codes)
        return found

    def can(self, capability: str) -> Mask:
        """Who has a capability."""
        held = self._capabilities.get(capability)
        return held["held"][: len(self.ids)] if held else np.zeros(len(self.ids), np.bool_)

    def measure(self, name: str) -> NDArray[np.int64]:
        """The values of a property; NONE for who hasn't it."""
        held = self._properties.get(name)
        return held["value"][: len(self.ids)] if held else np.full(len(self.ids), NONE)

    def code(self, word: str | None) -> int:
        """The number that stands for an id or a word in the columns; NONE for nothing."""
        if word is None:
            return NONE
        return self.codes.setdefault(word, len(self.codes))

    def belonging(self, group: str) -> Mask:
        """Who is in a group or shares with it, itself or by what is above it."""
        if group not in self._belonging:
            tops = {*self.members.get(group, ()), *self.sharers.get(group, ())}
            self._belonging[group] = self.with_all_below(tops)
        return self._belonging[group]

    def with_all_below(self, places: Iterable[int]) -> Mask:
        """Mark providers and all that is below them."""
        mask = np.zeros(len(self.ids), np.bool_)
        todo = list(places)
        mask[todo] = True
        for place in todo:  # grows while it is walked
            new = [one for one in self.below.get(place, ()) if not mask[one]]
            mask[new] = True
            todo += new
        return mask

    def upwards(self, place: int) -> Iterator[int]:
        """A provider, what is above it, and so on to the top of its tree."""
        parents = self._general["parent"]
        passed: set[int] = set()
        while place != NONE and place not in passed:
            yield place
            passed.add(place)
            place = int(parents[place])

    def tree(self, root: int) -> set[int]:
        """The providers of a tree by the place of its top."""
        return self.in_tree.get(root, {root})

    def sharing_with(self, root: int) -> set[int]:
        """Who of other trees shares what it has with members in this tree."""
        if not self.sharers:
            return set()
        groups = {group for place in self.tree(root) for group in self.groups_of.get(place, ())}
        found = {one for group in groups for one in self.sharers.get(group, ())}
        return {one for one in found if self._general["root"][one] != root}

    def trees_reached(self, place: int) -> set[int]:
        """The tops of the trees to which a provider can give: its own, and those it shares with."""
        roots = self._general["root"]
        groups = self.shares_with.get(place, ())
        return {int(roots[place])} | {
            int(roots[one]) for group in groups for one in self.members.get(group, ())
        }

    def forget(self, provider: str) -> None:
        """Take a provider out; what belongs to it goes with it."""
        self._belonging.clear()
        place = self.place_of.pop(provider, None)
        if place is None:
            return
        self._leave_tree(place)
        for groups, providers in (
            (self.groups_of, self.members),
            (self.shares_with, self.sharers),
        ):
            for group in groups.pop(place, ()):
                _discard(providers, group, place)
        self._clear(place)
        self.ids[place] = ""
        self._free.append(place)

    def _clear(self, place: int) -> None:
        for columns in (
            self._general,
            *self._stock.values(),
            *self._capabilities.values(),
            *self._properties.values(),
        ):
            columns.clear(place)

    def _leave_tree(self, place: int) -> None:
        _discard(self.below, int(self._general["parent"][place]), place)
        _discard(self.in_tree, int(self._general["root"][place]), place)

    def take_in(self, rows: Iterable[Any]) -> None:
        """Take providers' rows in, and put each where it stands in its tree."""
        placed = [(self.put(row), row) for row in rows]
        for place, row in placed:
            self.hang(place, row.parent, row.root)

    def put(self, row: Any) -> int:
        """Take a provider's row in, without what it has; one that is there begins anew."""
        place = self.place_of.get(row.id)
        if place is None:
            place = self._new_place(row.id)
        else:
            self._leave_tree(place)
            self._clear(place)
        general = self._general
        general["present"][place] = True
        general["available"][place] = row.available
        until = row.unhealthy_until
        general["unhealthy_until"][place] = until.timestamp() if until else 0.0
        general["region"][place] = self.code(row.region)
        general["project"][place] = self.code(row.project)
        general["type"][place] = self.code(row.type)
        number = UUID(row.id).int
        general["high"][place], general["low"][place] = number >> 64, number & (2**64 - 1)
        return place

    def _new_place(self, provider: str) -> int:
        if self._free:
            place = self._free.pop()
            self.ids[place] = provider
        else:
            place = len(self.ids)
            self.ids.append(provider)
            length = len(self.ids)
            for columns in (
                self._general,
                *self._stock.values(),
                *self._capabilities.values(),
                *self._properties.values(),
            ):
                columns.make_room(length)
        self.place_of[provider] = place
        return place

    def hang(self, place: int, parent: str | None, root: str | None) -> None:
        """Put a provider where it stands in its tree; what is above it was taken in before."""
        self._belonging.clear()
        above = self.place_of.get(parent, NONE) if parent else NONE
        top = self.place_of.get(root, place) if root else place
        self._general["parent"][place], self._general["root"][place] = above, top
        if above != NONE:
            self.below[above].add(place)
        if top != place:
            self.in_tree[top].add(place)
            self.in_tree[top].add(top)

    def put_stock(self, row: Any) -> None:
        """Take in what a provider has of a resource type."""
        held = self._columns(self._stock, row.resource_type, [*_STOCK, _BOUND])
        place = self.place_of[row.provider]
        for name, _, _ in _STOCK:
            held[name][place] = getattr(row, name)

    def put_bound(self, provider: str, resource_type: str, peak: int) -> None:
        """Take in how much is used of it at the peak from now on."""
        if provider in self.place_of and resource_type in self._stock:
            self._stock[resource_type]["peak_bound"][self.place_of[provider]] = peak

    def forget_bounds(self, which: Collection[str] | None) -> None:
        """Have nothing used of what these providers have, or all."""
        places = [self.place_of[one] for one in which or () if one in self.place_of]
        for held in self._stock.values():
            held["peak_bound"][slice(None) if which is None else places] = 0

    def put_groups(self, which: str, members: Iterable[str], sharers: Iterable[str]) -> None:
        """Take in who is in a group, and who shares with it."""
        self._belonging.clear()
        for providers, groups, given in (
            (self.members, self.groups_of, members),
            (self.sharers, self.shares_with, sharers),
        ):
            for place in providers.pop(which, ()):
                _discard(groups, place, which)
            for provider in given:
                if provider in self.place_of:
                    providers[which].add(self.place_of[provider])
                    groups[self.place_of[provider]].add(which)

    def put_capability(self, provider: str, capability: str) -> None:
        """Take in what a provider can do."""
        held = self._columns(self._capabilities, capability, [("held", np.bool_, False)])
        held["held"][self.place_of[provider]] = True

    def put_property(self, provider: str, name: str, value: int) -> None:
        """Take in a measure of a provider."""
        held = self._columns(self._properties, name, [("value", np.int64, NONE)])
        held["value"][self.place_of[provider]] = value

    def _columns(self, held: dict[str, Columns], name: str, kinds: Sequence[Any]) -> Columns:
        if name not in held:
            held[name] = Columns(*kinds)
            held[name].make_room(len(self._general["present"]))
        return held[name]


def _discard(sets: dict[Any, set[Any]], key: Any, one: Any) -> None:
    if key in sets:
        sets[key].discard(one)
        if not sets[key]:
            del sets[key]


def read_providers(session: Session, fleet: Fleet, which: Collection[str] | None) -> None:
    """Read providers, with all that belongs to them, into a fleet; those that are gone leave it.

    Args:
        session: a session.
        fleet: what is read into.
        which: their ids; None for all there are.
    """
    parts: list[list[str] | None] = [None]
    if which is not None:
        ids = sorted(which)
        parts = [ids[i : i + SMALL_STEP] for i in range(0, len(ids), SMALL_STEP)]
    query, of_id = select(*provider_columns()), ProviderRow.__table__.c.id
    rows = [row for part in parts for row in session.execute(query.where(_of(of_id, part)))]
    for gone in set(which or ()) - {row.id for row in rows}:
        fleet.forget(gone)
    fleet.take_in(rows)
    for part in parts:
        read_what_they_have(session, fleet, part)


def provider_columns() -> list[Any]:
    """What a fleet needs of a provider's row."""
    rows = ProviderRow.__table__.c
    return [
        rows.id, rows.region, rows.project, rows.type, rows.parent, rows.root, rows.available,
        rows.unhealthy_until,
    ]  # fmt: skip


def stock_columns() -> list[Any]:
    """What a fleet needs of an inventory's row."""
    rows = InventoryRow.__table__.c
    return [rows.provider, rows.resource_type, *(rows[name] for name, _, _ in _STOCK)]


def read_margins(session: Session, fleet: Fleet) -> None:
    """Read which provider types are kept free between two claims, and for how many seconds."""
    types = ProviderTypeRow.__table__.c
    query = select(types.name, types.cleaning_margin_s).where(types.cleaning_margin_s > 0)
    fleet.margins = dict(session.execute(query).all())


def read_groups(session: Session, fleet: Fleet, which: Collection[str] | None = None) -> None:
    """Read who is in groups, and who shares with them; None for all groups of its providers."""
    found: dict[str, tuple[list[str], list[str]]] = {one: ([], []) for one in which or ()}
    for part, table in enumerate((MemberRow.__table__.c, SharingRow.__table__.c)):
        query = select(table.group, table.provider).where(_of(table.group, which))
        if which is None and len(fleet.ids) <= SMALL_STEP:
            query = query.where(table.provider.in_(list(fleet.place_of)))
        for group, provider in session.execute(query):
            found.setdefault(group, ([], []))[part].append(provider)
    for group, (members, sharers) in found.items():
        fleet.put_groups(group, members, sharers)


def _of(column: Any, which: Collection[str] | None) -> ColumnElement[bool]:
    return true() if which is None else column.in_(which)


def read_what_they_have(
    session: Session,
    fleet: Fleet,
    which: Collection[str] | None,
    *,
    stock: Iterable[Any] | None = None,
    capabilities: bool = True,
    properties: bool = True,
) -> None:
    """Read inventories unless they are given, and capabilities and properties if asked.

    None for all providers there are.
    """
    known = fleet.place_of
    in_stock, can, measures = _what_they_have(every=which is None)
    asked = {} if which is None else {"providers": list(which)}
    if stock is None:
        stock = session.execute(in_stock, asked).all()
    for row in stock:
        if row.provider in known:
            fleet.put_stock(row)
    for provider, capability in session.execute(can, asked) if capabilities else ():
        if provider in known:
            fleet.put_capability(provider, capability)
    for provider, name, value in session.execute(measures, asked) if properties else ():
        if provider in known:
            fleet.put_property(provider, name, value)


@cache
def _what_they_have(*, every: bool) -> tuple[Select[Any], Select[Any], Select[Any]]:
    """Inventories, capabilities and properties, of every provider or of some."""
    stock, can, measures = (row.__table__.c for row in (InventoryRow, CapabilityRow, PropertyRow))
    queries = (
        (stock, select(*stock_columns())),
        (can, select(can.provider, can.capability)),
        (measures, select(measures.provider, measures.name, measures.value)),
    )
    of_stock, of_can, of_measures = (
        query if every else query.where(one_of(rows.provider, "providers"))
        for rows, query in queries
    )
    return of_stock, of_can, of_measures
