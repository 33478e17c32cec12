"""The oracle: what a claim request means, from the rules alone; it imports nothing of Mulligan.

Time is whole ticks, and everything is tried: each way to fill a request, each tick of a window.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Decimal
from itertools import product
from typing import Any

FOREVER = 100
"""The last tick that anybody asks about, and farther than every distance."""
Trait = tuple[Any, ...]
"""("capability", name), ("property", name, least, most), ("group" | "provider" | "type", which)."""
Takes = frozenset[tuple[tuple[str, str], int]]
"""How much a claim takes of each provider and resource type."""
Chosen = tuple[str, ...]
"""A provider for each place: for a group, or for one amount of a group across a tree."""


@dataclass
class Pool:
    total: int
    reserved: int = 0
    least: int = 1
    most: int = 10**9
    step: int = 1
    ratio: str = "1"

    @property
    def capacity(self) -> int:
        exact = Decimal(self.total - self.reserved) * Decimal(self.ratio)
        return int(exact.to_integral_value(ROUND_FLOOR))

    def hands_out(self, amount: int) -> bool:
        return self.least <= amount <= self.most and amount % self.step == 0


@dataclass
class Region:
    """Power is that of what is above it where it has none; None shows it to everybody."""

    parent: str | None
    power: set[str] = field(default_factory=set)
    shown_to: set[str] | None = None


@dataclass
class Provider:
    parent: str | None
    type: str
    pools: dict[str, Pool]
    capabilities: set[str]
    properties: dict[str, int]
    owner: str | None
    available: bool = True
    unhealthy_until: int = 0
    region: str = ""


@dataclass
class Group:
    members: set[str]
    sharers: set[str]


@dataclass
class Wanted:
    """A group of a request; of each need one alternative holds; limits say at least or at most."""

    name: str
    amounts: dict[str, int]
    across: bool = False
    needs: list[list[Trait]] = field(default_factory=list)
    bans: list[Trait] = field(default_factory=list)
    limits: list[tuple[bool, int, str]] = field(default_factory=list)
    isolated: set[str] = field(default_factory=set)
    alone: bool = False


@dataclass
class Ask:
    groups: list[Wanted]
    start: int
    end: int
    project: str
    placement: str
    near: str
    subtree: list[str]
    region: str = ""
    or_below: bool = False
    domains: list[tuple[bool, str]] = field(default_factory=list)

    @property
    def places(self) -> list[tuple[Wanted, dict[str, int]]]:
        split = ([{k: n} for k, n in w.amounts.items()] for w in self.groups)
        parts = (s if w.across else [w.amounts] for s, w in zip(split, self.groups, strict=True))
        return [(w, part) for w, some in zip(self.groups, parts, strict=True) for part in some]


@dataclass
class Booking:
    ask: Ask
    takes: Takes
    begun: bool
    alone: set[str]
    hold: int | None = None
    machine: bool = False
    released: bool = False


@dataclass
class Model:
    providers: dict[str, Provider]
    groups: dict[str, Group]
    said: dict[tuple[str, str], int]
    margins: dict[str, int]
    now: int = 0
    bookings: dict[str, Booking] = field(default_factory=dict)
    regions: dict[str, Region] = field(default_factory=dict)
    lines: dict[str, set[str]] = field(default_factory=dict)
    """Each project with those above it."""

    def is_in(self, ask: Ask, region: str) -> bool:
        if region == ask.region:
            return True
        has = self.regions[region]
        is_shown = has.shown_to is None or not has.shown_to.isdisjoint(self.lines[ask.project])
        return ask.or_below and is_shown and has.parent is not None and self.is_in(ask, has.parent)

    def measures(self, ask: Ask) -> bool:
        """Whether all that it measures from is where it looks, and may be given to the project."""
        names = {one.name for one in ask.groups}
        origins = {origin for one in ask.groups for _, _, origin in one.limits} - names
        return all(self.may_know(ask, one) for one in {*origins, ask.near} - {""})

    def may_use(self, ask: Ask, one: str) -> bool:
        """Whether it is of a tree of nobody, of the project's own, or of one above it."""
        owner = self.providers[self.top(one)].owner
        return owner is None or owner in self.lines[ask.project]

    def may_know(self, ask: Ask, origin: str) -> bool:
        if origin in self.providers:
            has = self.providers[origin]
            return self.may_use(ask, origin) and self.is_in(ask, has.region)
        group = self.groups[origin]
        regions = {self.providers[one].region for one in group.members | group.sharers}
        return bool(regions) and self.is_in(ask, min(regions))

    def power(self, region: str) -> set[str]:
        has = self.regions[region]
        return has.power or (self.power(has.parent) if has.parent else set())

    def power_of(self, what: str) -> set[str]:
        """Of a region, a provider, or of where a claim is."""
        if what in self.bookings:
            [region] = {self.providers[one].region for (one, _), _ in self.bookings[what].takes}
            return self.power(region)
        return self.power(self.providers[what].region if what in self.providers else what)

    def is_where_asked(self, ask: Ask, one: str) -> bool:
        if not self.regions:
            return True
        region = self.providers[one].region
        return self.is_in(ask, region) and all(
            self.power(region)
            and self.power_of(origin)
            and bool(self.power(region) & self.power_of(origin)) == same
            for same, origin in ask.domains
        )

    def above(self, one: str) -> list[str]:
        parent = self.providers[one].parent
        return [one, *(self.above(parent) if parent else [])]

    def top(self, one: str) -> str:
        return self.above(one)[-1]

    def belongs(self, one: str, group: str) -> bool:
        return not (self.groups[group].members | self.groups[group].sharers).isdisjoint(
            self.above(one)
        )

    def distance(self, one: str, what: str) -> int:
        def scope(it: str) -> set[str]:
            inside = {it} if it in self.groups else {g for g in self.groups if self.belongs(it, g)}
            return inside | set(self.above(it) if it in self.providers else [])

        if what in self.groups and self.belongs(one, what):
            return 0
        if what in self.providers and (what in self.above(one) or one in self.above(what)):
            return 0
        pairs = [pair for x in scope(one) for y in scope(what) for pair in ((x, y), (y, x))]
        return min((self.said[pair] for pair in pairs if pair in self.said), default=FOREVER)

    def gives_to(self, one: str, root: str) -> bool:
        return self.top(one) == root or any(
            one in group.sharers and root in map(self.top, group.members)
            for group in self.groups.values()
        )

    def meets(self, one: str, trait: Trait) -> bool:
        has, (kind, name, *limits) = self.providers[one], trait
        if kind == "property":
            return name in has.properties and limits[0] <= has.properties[name] <= limits[1]
        if kind == "group":
            return self.belongs(one, name)
        return name in {"capability": has.capabilities, "provider": {one}, "type": {has.type}}[kind]

    def until(self, one: str, end: int) -> int:
        return end if end == FOREVER else end + self.margins[self.providers[one].type]

    def occupies(self, claim: Booking, one: str, tick: int, *, overruns: bool = True) -> bool:
        if claim.released or (claim.hold is not None and self.now >= claim.hold):
            return False
        end = self.until(one, claim.ask.end)
        if overruns and claim.machine and claim.hold is None and self.now >= end:
            end = self.now + 1
        return (claim.begun or claim.ask.start <= tick) and tick < end

    def peak(self, one: str, kind: str, start: int, end: int, *, overruns: bool = True) -> int:
        taken = [(b, n) for b in self.bookings.values() for t, n in b.takes if t == (one, kind)]
        return max(
            sum(n for b, n in taken if self.occupies(b, one, tick, overruns=overruns))
            for tick in range(start, end)
        )

    def free(self, ask: Ask, one: str, kind: str) -> int:
        used = self.peak(one, kind, ask.start, self.until(one, ask.end))
        return self.providers[one].pools[kind].capacity - used

    def is_disturbed(self, ask: Ask, wanted: Wanted, one: str) -> bool:
        """Say whether others are where one wants to be alone, or want to be alone there."""
        return any(
            self.occupies(claim, other, tick)
            for claim in self.bookings.values()
            if claim.ask.project != ask.project
            if wanted.alone or (wanted.amounts and self.top(one) in claim.alone)
            for (other, _), _ in claim.takes
            if self.top(other) == self.top(one)
            for tick in range(ask.start, self.until(one, ask.end))
        )

    def fills(self, ask: Ask, wanted: Wanted, amounts: dict[str, int], one: str) -> bool:
        has = self.providers[one]
        return (
            self.may_use(ask, one)
            and self.is_where_asked(ask, one)
            and has.available
            and has.unhealthy_until <= self.now
            and all(k in has.pools and has.pools[k].hands_out(n) for k, n in amounts.items())
            and not any(self.meets(one, trait) for trait in wanted.bans)
            and all(
                any(self.meets(one, trait) for trait in need)
                for need in wanted.needs
                if need[0][0] == "group" or not wanted.across
            )
            and all(self.free(ask, one, kind) >= n for kind, n in amounts.items())
            and not self.is_disturbed(ask, wanted, one)
        )

    def takes(self, ask: Ask, chosen: Chosen) -> Takes:
        sums: Counter[tuple[str, str]] = Counter()
        for (_, amounts), one in zip(ask.places, chosen, strict=True):
            sums.update({(one, kind): n for kind, n in amounts.items()})
        return frozenset(sums.items())

    def goes_together(self, ask: Ask, chosen: Chosen) -> bool:
        used: dict[str, set[str]] = {wanted.name: set() for wanted in ask.groups}
        for (wanted, _), one in zip(ask.places, chosen, strict=True):
            used[wanted.name].add(one)
        subtree = {one for name in ask.subtree for one in used[name]}
        roots = {self.top(one) for one in self.providers if self.may_use(ask, one)}
        return (
            any(all(self.gives_to(one, root) for one in chosen) for root in roots)
            and all(
                n <= self.providers[one].pools[kind].most and n <= self.free(ask, one, kind)
                for (one, kind), n in self.takes(ask, chosen)
            )
            and all(
                any(self.meets(one, trait) for trait in need for one in used[wanted.name])
                for wanted in ask.groups
                for need in wanted.needs
            )
            and all(
                (self.distance(one, other) >= steps)
                if least
                else (self.distance(one, other) <= steps)
                for wanted in ask.groups
                for least, steps, what in wanted.limits
                for one in used[wanted.name]
                for other in used.get(what, {what})
            )
            and not any(used[w.name] & used[other] for w in ask.groups for other in w.isolated)
            and (not subtree or any(all(p in self.above(q) for q in subtree) for p in subtree))
        )

    def ways(self, ask: Ask) -> Iterator[Chosen]:
        options = ([p for p in self.providers if self.fills(ask, *each, p)] for each in ask.places)
        return (chosen for chosen in product(*options) if self.goes_together(ask, chosen))

    def from_now(self, ask: Ask) -> Ask:
        return replace(ask, start=max(ask.start, self.now))

    def candidates(self, ask: Ask) -> dict[Takes, Chosen]:
        """Each candidate, best first, and the first of the ways to fill the request with it."""
        ask, sign = self.from_now(ask), 1 if ask.placement == "pack" else -1

        def rank(chosen: Chosen) -> list[Any]:
            filled = zip(ask.places, chosen, strict=True)
            room = [
                ([sign * self.free(ask, p, k) for k in amounts], p) for (_, amounts), p in filled
            ]
            return [self.distance(chosen[0], ask.near) if ask.near else 0, *room]

        found: dict[Takes, Chosen] = {}
        for chosen in sorted(self.ways(ask), key=rank):
            found.setdefault(self.takes(ask, chosen), chosen)
        return found

    def earliest(self, ask: Ask) -> int | None:
        ask = self.from_now(ask)
        for tick in range(ask.start, FOREVER):
            end = FOREVER if ask.end == FOREVER else tick + ask.end - ask.start
            if next(self.ways(replace(ask, start=tick, end=end)), None):
                return tick
        return None

    def commit(self, claim: str, ask: Ask, chosen: Chosen) -> Booking:
        filled = zip(ask.places, chosen, strict=True)
        alone = {self.top(one) for (wanted, _), one in filled if wanted.alone}
        booking = Booking(ask, self.takes(ask, chosen), ask.start <= self.now, alone)
        self.bookings[claim] = booking
        return booking

    def ended(self, claim: Booking) -> bool:
        end = claim.ask.end if claim.hold is None else claim.hold
        return claim.released or (self.now >= end and not (claim.machine and claim.hold is None))

    def confirm(self, claim: Booking) -> bool:
        """Say whether it can be: a clock that steps back finds others in a lapsed hold's place."""
        if self.ended(claim):
            return False
        start, hold, claim.hold = max(claim.ask.start, self.now), claim.hold, None
        fits = hold is None or all(
            self.peak(one, kind, start, self.until(one, claim.ask.end), overruns=False)
            <= self.providers[one].pools[kind].capacity
            for (one, kind), _ in claim.takes
        )
        claim.hold = None if fits else hold
        return fits

    def move(self, claim: Booking, kind: str, source: str, target: str, amount: int) -> bool:
        """Move what a claim takes of a provider, 0 for all, unless it can't be taken so."""
        before, takes = claim.takes, Counter(dict(claim.takes))
        lasts = any(self.occupies(claim, source, tick) for tick in range(self.now, FOREVER))
        amount = amount or takes[source, kind]
        takes.update({(source, kind): -amount, (target, kind): amount})
        claim.takes = frozenset((what, n) for what, n in takes.items() if n)
        nothing = Pool(0)
        fits = (
            lasts
            and takes[source, kind] >= 0
            and self.top(source) == self.top(target)
            and self.may_use(claim.ask, target)
            and self.providers[target].available
            and self.providers[target].unhealthy_until <= self.now
            and all(
                self.providers[one].pools.get(kind, nothing).hands_out(takes[one, kind])
                for one in (source, target)
                if takes[one, kind]
            )
            and self.peak(target, kind, self.now, FOREVER)
            <= self.providers[target].pools.get(kind, nothing).capacity
        )
        claim.takes = claim.takes if fits else before
        return fits
