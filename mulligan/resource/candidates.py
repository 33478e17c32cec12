"""Which providers a request fits, best first, and constraint by constraint why not.

A request is taken apart into places to fill, in its order: one for a group that comes from one
provider, one for each amount of a group across a tree. Each place has constraints that a provider
meets or not by itself; the others (together within the capacity, isolated, near each other, in one
subtree) are looked at where places meet.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from datetime import datetime
from hashlib import blake2b
from heapq import merge
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from mulligan.resource.demands import PropertyRange
from mulligan.resource.fleet import NONE, Fleet, Mask
from mulligan.resource.nearness import Nearness
from mulligan.resource.ordering import in_order
from mulligan.resource.places import Constraint, Place, in_regions, words_of
from mulligan.resource.requests import Candidate, ClaimRequest, Part, RequestGroup, is_from_now_on
from mulligan.resource.twins import twins_of
from mulligan.resource.use import Use
from mulligan.resource.values import Placement
from mulligan.resource.whereabouts import Whereabouts
from mulligan.values.amount import Amount
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.window import Window

AVAILABLE = "available"

COMPARED = 64
"""So many providers that may fit are compared exactly at once; the next ones come after them."""

COMPARED_AT_FIRST = 16
"""So many at first where it makes little difference: of windows from now on without end, for which
what is known of them is nearly exact, and of providers that are taken whole.
"""

MOST_STEPS = 200_000
"""How often a choice may be tried for a request before it is called too tangled."""


class Search:
    """A request against a fleet.

    Args:
        session: a session, to ask what is used.
        fleet: the providers.
        request: what is asked for.
        project: UUID of the project that asks.
        now: the present.
        seed: the order among equals; 0: that of their ids.
        proposed: only this, which was found before.
        roughly: by bounds on what is used from now on, without asking what is used.
        where: what was read already of where it may be met.

    Raises:
        InvalidArgumentError: the request names what is not there, or another one was proposed for.
    """

    def __init__(
        self,
        session: Session,
        fleet: Fleet,
        request: ClaimRequest,
        *,
        project: str,
        now: datetime,
        seed: int = 0,
        proposed: Candidate | None = None,
        roughly: bool = False,
        where: Whereabouts | None = None,
    ) -> None:
        self.fleet, self.request, self.project, self.now = fleet, request, project, now
        self.where = where = where or Whereabouts(session, request, project)
        self.regions = where.regions
        self.use = Use(session, fleet, request, project, now, self.regions, roughly=roughly)
        self.visible = fleet.open_to(where.family)
        self.nearness = Nearness(session, fleet, self.visible, self.regions)
        self._near_enough = list(in_regions(where, fleet, self.visible))
        self.places = [place for group in request.groups for place in self._places_of(group)]
        if proposed:
            self._keep_to(proposed)
        self._kinds = {g.name: list(self._kind(g)) for g in request.groups if g.across_tree}
        self._by_group: dict[str, list[int]] = defaultdict(list)
        for index, place in enumerate(self.places):
            self._by_group[place.group.name].append(index)
        twins = {} if proposed else twins_of(request)
        self._twins = {name: self._by_group[twin][0] for name, twin in twins.items()}
        self._near = (
            self.nearness.from_origin(request.near.type, request.near.origin)
            if request.near
            else None
        )
        self._equals = self._order_of_equals(seed)
        self._steps = 0

    def _order_of_equals(self, seed: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Two keys, the first one first, that put equals in an order."""
        high, low = self.fleet["high"], self.fleet["low"]
        if not seed:
            return high, low
        mixed = int.from_bytes(blake2b(str(seed).encode(), digest_size=8).digest(), "big")
        return (low ^ np.uint64(mixed)) * np.uint64(0x9E3779B97F4A7C15), high

    def _places_of(self, group: RequestGroup) -> Iterator[Place]:
        if group.across_tree and len(group.amounts) > 1:
            common = [*self._whereabouts(group), *self._forbidden(group)]
            for amount in group.amounts:
                yield Place(group, (amount,), [*common, *self._limits((amount,))])
            return
        demands = [*self._whereabouts(group), *self._kind(group), *self._forbidden(group)]
        yield Place(group, group.amounts, [*demands, *self._limits(group.amounts)])

    def _keep_to(self, proposed: Candidate) -> None:
        """Have each place filled by the provider that was proposed for it."""
        asked = [(place.group.name, place.amounts) for place in self.places]
        if asked != [(part.group, part.amounts) for part in proposed.parts]:
            raise InvalidArgumentError(
                "the candidate was proposed for another request; propose again", field="candidate"
            )
        for place, part in zip(self.places, proposed.parts, strict=True):
            place.keep_to(self._named(part.provider))

    def _named(self, provider: str) -> Constraint:
        named = np.zeros(len(self.fleet.ids), np.bool_)
        if provider in self.fleet.place_of:
            named[self.fleet.place_of[provider]] = True
        return Constraint(f"provider {provider}", named)

    def _whereabouts(self, group: RequestGroup) -> Iterator[Constraint]:
        """What must hold of every provider of a group."""
        fleet = self.fleet
        yield from self._near_enough
        if not group.across_tree:
            yield from self._type(group)
        healthy = fleet["unhealthy_until"] <= self.now.timestamp()
        yield Constraint(AVAILABLE, fleet["available"] & healthy)
        for one in group.groups.require:
            yield Constraint(f"in group {one}", fleet.belonging(one))
        for each in group.groups.any:
            held = np.logical_or.reduce([fleet.belonging(one) for one in each])
            yield Constraint(f"in a group of {', '.join(each)}", held)
        for one in group.groups.forbid:
            yield Constraint(f"not in group {one}", ~fleet.belonging(one))
        for limit in group.distances:
            if limit.origin:
                count = self.nearness.steps_of(limit.type, limit.code)
                steps = self.nearness.from_origin(limit.type, limit.origin)
                yield Constraint(str(limit), steps >= count if limit.at_least else steps <= count)

    def _kind(self, group: RequestGroup) -> Iterator[Constraint]:
        """What must hold of at least one provider of a group."""
        fleet = self.fleet
        if group.across_tree:
            yield from self._type(group)
        if group.provider:
            yield self._named(group.provider)
        for one in group.capabilities.require:
            yield Constraint(f"with capability {one}", fleet.can(one))
        for each in group.capabilities.any:
            held = np.logical_or.reduce([fleet.can(one) for one in each])
            yield Constraint(f"with a capability of {', '.join(each)}", held)
        for wanted in group.properties.require:
            yield Constraint(f"with {wanted}", self._in_range(wanted))
        for choice in group.properties.any:
            held = np.logical_or.reduce([self._in_range(one) for one in choice])
            yield Constraint(f"with {' or '.join(map(str, choice))}", held)

    def _type(self, group: RequestGroup) -> Iterator[Constraint]:
        if group.provider_type:
            type_ = self.fleet.codes.get(group.provider_type, NONE - 1)
            yield Constraint(f"of type {group.provider_type}", self.fleet["type"] == type_)

    def _forbidden(self, group: RequestGroup) -> Iterator[Constraint]:
        """What must hold of no provider of a group."""
        for one in group.capabilities.forbid:
            yield Constraint(f"without capability {one}", ~self.fleet.can(one))
        for unwanted in group.properties.forbid:
            yield Constraint(f"without {unwanted}", ~self._in_range(unwanted))

    def _in_range(self, wanted: PropertyRange) -> Mask:
        values = self.fleet.measure(wanted.name)
        held: Mask = (values >= wanted.at_least) & (values <= wanted.at_most)
        return held

    def _limits(self, amounts: Sequence[Amount]) -> Iterator[Constraint]:
        nobody = np.zeros(len(self.fleet.ids), np.bool_)
        for amount in amounts:
            words = f"handing out {words_of(amount)} at once (min, max unit and step)"
            least = self.fleet.stock(amount.resource_type, "min_unit")
            most = self.fleet.stock(amount.resource_type, "max_unit")
            step = self.fleet.stock(amount.resource_type, "step_size")
            if least is None or most is None or step is None:
                yield Constraint(words, nobody)
                continue
            n = amount.amount
            holds = (least <= n) & (most >= n)
            stepped = np.flatnonzero(step != 1)  # few, and a division is slow
            holds[stepped] &= n % step[stepped] == 0
            yield Constraint(words, holds)
        for amount in amounts:
            capacity = self.fleet.stock(amount.resource_type, "capacity")
            large = nobody if capacity is None else capacity >= amount.amount
            yield Constraint(f"large enough for {words_of(amount)} when empty", large)

    def candidates(self, *, together: bool = False) -> Iterator[Candidate]:
        """What fits, best first: by what is free for each amount, in the request's order.

        Of very many providers those with most (or least) free from now on, whatever the window,
        are compared first; `together`: no more than are compared when the first one is found.

        Raises:
            InvalidArgumentError: the groups can be put together in too many ways.
        """
        if not all(place.fits.any() for place in self.places):
            return
        first, seen = self.places[0], set[Any]()
        roots = self._possible_roots()
        for some in self._roughly_ordered(first, roots):
            if together and seen:
                return
            self.use.know(some)
            some = sorted((p for p in some if self.has_room(first, p)), key=self._rank(first))
            self.use.know(self._soon_needed(some))
            for one in some:
                for root, chosen in self._completed(one, roots):
                    found = self._candidate(root, chosen)
                    taken = frozenset(found.allocations)
                    if taken not in seen:
                        seen.add(taken)
                        yield found

    def _roughly_ordered(self, place: Place, roots: Mask) -> Iterator[list[int]]:
        """Those that fit, time aside, by what is free from now on; some at a time."""
        fits = np.flatnonzero(place.fits)
        if len(self.places) > 1:
            useful = roots[self.fleet["root"]]
            useful[list(self.fleet.shares_with)] = True
            fits = fits[useful[fits]]
        keys: list[NDArray[Any]] = [] if self._near is None else [self._near[fits]]
        count, free = COMPARED, dict(self._free_from_now_on(place, fits))
        if self._takes_whole(place, fits):
            count = COMPARED_AT_FIRST
        if is_from_now_on(self.request.window, self.now):
            count = COMPARED_AT_FIRST
            lack = [free[a.resource_type] < a.amount for a in place.amounts]
            keys += [np.logical_or.reduce(lack)] if lack else []
        keys += [self._sign * each for each in free.values()]
        keys += [one[fits] for one in self._equals]
        for part in in_order(keys):
            start = 0
            while start < len(part):
                yield fits[part[start : start + count]].tolist()
                start, count = start + count, COMPARED

    def _takes_whole(self, place: Place, fits: NDArray[Any]) -> bool:
        """Say whether each takes all that such a provider has: all that are free are equal."""
        for amount in place.amounts:
            capacity = self.fleet.stock(amount.resource_type, "capacity")
            if capacity is None or (capacity[fits] != amount.amount).any():
                return False
        return True

    def _free_from_now_on(
        self, place: Place, fits: NDArray[Any]
    ) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """How much of each resource type is free at least, from now on without end."""
        for amount in place.amounts:
            capacity = self.fleet.stock(amount.resource_type, "capacity")
            bound = self.fleet.stock(amount.resource_type, "peak_bound")
            if capacity is not None and bound is not None:
                yield amount.resource_type, capacity[fits] - bound[fits]

    @property
    def _sign(self) -> int:
        return 1 if self.request.placement is Placement.PACK else -1

    def _rank(self, place: Place) -> Any:
        steps = self._near if place is self.places[0] else None

        def rank(one: int) -> tuple[int, ...]:
            near = (int(steps[one]),) if steps is not None else ()
            free = (self._sign * self.use.free(one, a.resource_type) for a in place.amounts)
            return (*near, *free, *self._among_equals(one))

        return rank

    def _among_equals(self, one: int) -> tuple[int, int]:
        first, second = self._equals
        return int(first[one]), int(second[one])

    def has_room(self, place: Place, one: int) -> bool:
        """Say whether a provider has, in the window, what a place needs; its use is known."""
        return self.keeps_company(place, one) and all(
            self.use.free(one, amount.resource_type) >= amount.amount for amount in place.amounts
        )

    def keeps_company(self, place: Place, one: int) -> bool:
        """Say whether a place may be filled in a tree; who only names a provider is in no way."""
        alone = place.group.alone
        return not (place.amounts or alone) or self.use.keeps_company(one, alone=alone)

    def at(self, window: Window, use: Use) -> "Search":
        """The same search in another window, with what is used then."""
        later = copy(self)
        later.request, later.use = self.request.within(window), use
        return later

    def count_trees(self) -> list[tuple[str, int]]:
        """How many trees are left for several places: of the first, with each other, together.

        What is used of all that may fill a place must be known.
        """
        left: set[int] = set()
        counts: list[tuple[str, int]] = []
        for place in self.places:
            reached = {r for one in np.flatnonzero(place.fits) for r in self._reached(int(one))}
            left = left & reached if counts else reached
            what = " and ".join(words_of(a) for a in place.amounts) or "a provider"
            called = f" for group {place.group.name!r}" if place.group.name else ""
            counts.append((f"trees with {what}{called}, or shared with them", len(left)))
        for root in sorted(left):
            there = self.fleet.tree(root) | self.fleet.sharing_with(root)
            for place in self.places:
                if not any(place.fits[one] and self.has_room(place, one) for one in there):
                    left.discard(root)
        counts.append(("trees with all of that free in the window", len(left)))
        counts.append((f"trees where {', '.join(self._meetings())}", 0))
        return counts

    def _meetings(self) -> Iterator[str]:
        """What must hold where places meet, in words."""
        yield "all of it fits together"
        groups = self.request.groups
        if any(group.isolated_from for group in groups):
            yield "isolated groups have different providers"
        if any(self._kinds.values()):
            yield "the providers of a group across the tree can together do what is required"
        if self.request.same_subtree:
            yield "one provider is above the others of a subtree"
        if any(limit.group for group in groups for limit in group.distances):
            yield "groups are as far apart as they must be"

    def _possible_roots(self) -> Mask:
        """Which providers are tops of trees that can fill every place, with what is shared."""
        possible = np.ones(len(self.fleet.ids), np.bool_)
        for place in self.places if len(self.places) > 1 else ():
            reached = np.zeros_like(possible)
            reached[self.fleet["root"][place.fits]] = True
            for one in self.fleet.shares_with:
                if place.fits[one]:
                    reached[list(self._reached(one))] = True
            possible &= reached
        return possible

    def _reached(self, one: int) -> set[int]:
        """The tops of the trees to which a provider gives, but those that are others'."""
        if self.fleet.sharers:
            return {root for root in self.fleet.trees_reached(one) if self.visible[root]}
        return {int(self.fleet["root"][one])}

    def _completed(self, one: int, roots: Mask) -> Iterator[tuple[int, list[int]]]:
        """Fill the other places from the trees to which the first one's provider gives.

        Of very many trees so many at once are compared, as providers are.
        """
        own = int(self.fleet["root"][one])
        if len(self.places) == 1:
            if self._together([one]):
                yield own, [one]
            return
        reached = [root for root in self._reached(one) if roots[root]]
        reached.sort(key=lambda root: (root != own, self._among_equals(root)))
        ranks = [self._rank(place) for place in self.places]
        for start in range(0, len(reached), COMPARED):
            some = {root: self._options(root) for root in reached[start : start + COMPARED]}
            self.use.know({p for options in some.values() for each in options for p in each})
            yield from merge(
                *(self._in_tree(one, root, options) for root, options in some.items()),
                key=lambda found: [rank(p) for rank, p in zip(ranks, found[1], strict=True)],
            )

    def _soon_needed(self, firsts: Iterable[int]) -> set[int]:
        """Who may fill the other places in the trees of the best first ones, to be read at once."""
        needed: set[int] = set()
        if len(self.places) > 1:
            for root in dict.fromkeys(int(self.fleet["root"][one]) for one in firsts):
                needed.update(p for options in self._options(root) for p in options)
                if len(needed) >= COMPARED:
                    break
        return needed

    def _options(self, root: int) -> list[list[int]]:
        """Who of a tree, or sharing with it, may fill the other places, time aside."""
        there = self.fleet.tree(root) | self.fleet.sharing_with(root)
        return [[p for p in there if place.fits[p]] for place in self.places[1:]]

    def _in_tree(
        self, one: int, root: int, options: Sequence[Sequence[int]]
    ) -> Iterator[tuple[int, list[int]]]:
        """Fill the other places from what a tree has for each; its use is known."""
        ranked = [
            sorted((p for p in some if self.has_room(place, p)), key=self._rank(place))
            for place, some in zip(self.places[1:], options, strict=True)
        ]
        if all(ranked):
            for chosen in self._filled([one], ranked):
                yield root, chosen

    def _filled(self, chosen: list[int], ranked: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        if len(chosen) == len(self.places):
            if self._together(chosen):
                yield chosen
            return
        place = self.places[len(chosen)]
        twin, rank = self._twins.get(place.group.name), self._rank(place)
        for one in ranked[len(chosen) - 1]:
            if twin is not None and rank(one) < rank(chosen[twin]):
                continue
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise InvalidArgumentError(
                    "the groups of the request can be put together in too many ways; ask for "
                    "fewer groups, or say more of where each comes from",
                    field="groups",
                )
            if self._goes_with(chosen, one):
                yield from self._filled([*chosen, one], ranked)

    def _goes_with(self, chosen: Sequence[int], one: int) -> bool:
        """Say whether a provider may fill the next place, given who fills the ones before."""
        place = self.places[len(chosen)]
        wanted = Counter({amount.resource_type: amount.amount for amount in place.amounts})
        for index, other in enumerate(chosen):
            if other != one:
                continue
            theirs = self.places[index]
            if theirs.group is not place.group and (
                theirs.group.name in place.group.isolated_from
                or place.group.name in theirs.group.isolated_from
            ):
                return False
            wanted.update({amount.resource_type: amount.amount for amount in theirs.amounts})
        return all(
            amount <= self.use.free(one, name)
            and amount <= int(self.fleet.stock(name, "max_unit")[one])  # type: ignore[index]
            for name, amount in wanted.items()
        )

    def _together(self, chosen: Sequence[int]) -> bool:
        """Say whether what concerns several places holds."""
        return (
            all(self._across(group, chosen) for group in self.request.groups if group.across_tree)
            and all(self._in_subtree(names, chosen) for names in self.request.same_subtree)
            and all(
                self._at_distance(group, chosen)
                for group in self.request.groups
                if any(limit.group for limit in group.distances)
            )
        )

    def _across(self, group: RequestGroup, chosen: Sequence[int]) -> bool:
        used = [chosen[index] for index in self._by_group[group.name]]
        return all(constraint.holds[used].any() for constraint in self._kinds[group.name])

    def _in_subtree(self, names: Sequence[str], chosen: Sequence[int]) -> bool:
        used = {chosen[index] for name in names for index in self._by_group[name]}
        return any(all(top in self.fleet.upwards(one) for one in used) for top in used)

    def _at_distance(self, group: RequestGroup, chosen: Sequence[int]) -> bool:
        mine = [chosen[index] for index in self._by_group[group.name]]
        for limit in group.distances:
            if not limit.group:
                continue
            count = self.nearness.steps_of(limit.type, limit.code)
            for one in mine:
                for index in self._by_group[limit.group]:
                    steps = self.nearness.between(limit.type, one, chosen[index])
                    if (steps < count) if limit.at_least else (steps > count):
                        return False
        return True

    def _candidate(self, root: int, chosen: Sequence[int]) -> Candidate:
        parts = (
            Part(place.group.name, self.fleet.ids[one], place.amounts)
            for place, one in zip(self.places, chosen, strict=True)
        )
        return Candidate(tuple(parts), self.fleet.ids[root])
