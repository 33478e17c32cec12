"""How far providers are from something: the nearest of what is said of them and what they are in.

What is said of a provider holds for all that is below it, and what is said of a group for all that
belong to it; of several the nearest counts. Of a group with itself it says how far its members are
from each other. A provider is at the nearest code from itself, from what is above it and from what
is below it. Two of whom nothing is said are farther apart than any code.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from mulligan.resource.fleet import SMALL_STEP, Fleet, Mask
from mulligan.resource.tables import DistanceRow, DistanceTypeRow, GroupRow
from mulligan.values.errors import InvalidArgumentError

FAR = 2**30
"""Farther than any code."""


class Nearness:
    """What is said of distances, read when it is asked for; origins are in some regions only."""

    def __init__(
        self, session: Session, fleet: Fleet, visible: Mask, regions: Sequence[str]
    ) -> None:
        """Measure from what is in these regions: visible providers, and groups."""
        self._session, self._fleet, self._regions = session, fleet, regions
        self._origins = visible & fleet.in_one_of(regions)
        self._codes: dict[str, list[str]] = {}
        self._said: dict[str, dict[str, dict[str, int]]] = {}

    def steps_of(self, type_: str, code: str) -> int:
        """The place of a code among its type's, from near to far.

        Raises:
            InvalidArgumentError: there is no such distance type, or no such code of it.
        """
        codes = self.codes(type_)
        if code not in codes:
            raise InvalidArgumentError(
                f"{code!r} is no code of distance type {type_}; from near to far there are "
                f"{', '.join(codes)}",
                field="distances.code",
            )
        return codes.index(code)

    def codes(self, type_: str) -> list[str]:
        """The codes of a distance type from near to far.

        Raises:
            InvalidArgumentError: there is no such type.
        """
        if type_ not in self._codes:
            row = self._session.get(DistanceTypeRow, type_)
            if row is None:
                raise InvalidArgumentError(
                    f"there is no distance type {type_!r}; see `mulligan distance-type list`",
                    field="distances.type",
                )
            self._codes[type_] = [str(code) for code in row.codes]
        return self._codes[type_]

    def from_origin(self, type_: str, origin: str) -> NDArray[np.int64]:
        """How many steps each provider is from a provider or group.

        Raises:
            InvalidArgumentError: there is no such distance type, provider or group.
        """
        self.codes(type_)
        fleet = self._fleet
        steps = np.full(len(fleet.ids), FAR, np.int64)
        place = fleet.place_of.get(origin)
        if place is not None and self._origins[place]:
            self._approach(steps, type_, self._scope(place))
            steps[fleet.with_all_below([place])] = 0
            steps[list(fleet.upwards(place))] = 0
            return steps
        group = self._session.get(GroupRow, origin)
        if group is None or group.region not in self._regions:
            raise InvalidArgumentError(
                f"there is no provider or group {origin} in the region to measure from",
                field="distances.origin",
            )
        steps[fleet.belonging(origin)] = 0
        self._approach(steps, type_, {origin})
        return steps

    def _approach(self, steps: NDArray[np.int64], type_: str, scope: Collection[str]) -> None:
        """Bring providers as near as what is said of them to anything in the scope."""
        near: dict[str, int] = {}
        for one in scope:
            for other, count in self._said_of(type_).get(one, {}).items():
                near[other] = min(count, near.get(other, FAR))
        for other, count in near.items():
            if other in self._fleet.place_of:
                mask = self._fleet.with_all_below([self._fleet.place_of[other]])
            else:
                mask = self._fleet.belonging(other)
            steps[mask] = np.minimum(steps[mask], count)

    def between(self, type_: str, one: int, other: int) -> int:
        """How many steps two providers, given by their places, are apart."""
        if one in self._fleet.upwards(other) or other in self._fleet.upwards(one):
            return 0
        said, theirs = self._said_of(type_), self._scope(other)
        return min(
            (
                count
                for mine in self._scope(one)
                for name, count in said.get(mine, {}).items()
                if name in theirs
            ),
            default=FAR,
        )

    def _scope(self, place: int) -> set[str]:
        """A provider, what is above it, and the groups of all those."""
        fleet, scope = self._fleet, set()
        for above in fleet.upwards(place):
            scope |= {fleet.ids[above], *fleet.groups_of.get(above, ())}
            scope |= fleet.shares_with.get(above, set())
        return scope

    def _said_of(self, type_: str) -> dict[str, dict[str, int]]:
        """What is said of pairs, from either side."""
        if type_ not in self._said:
            said: dict[str, dict[str, int]] = defaultdict(dict)
            rows: Any = DistanceRow.__table__.c
            query = select(rows.a, rows.b, rows.steps).where(rows.type == type_, self._concerned())
            for a, b, steps in self._session.execute(query):
                said[a][b] = said[b][a] = steps
            self._said[type_] = said
        return self._said[type_]

    def _concerned(self) -> ColumnElement[bool]:
        """Say that a pair is of something that a small fleet has; of a large one all are read."""
        fleet, rows = self._fleet, DistanceRow.__table__.c
        if len(fleet.ids) > SMALL_STEP:
            return true()
        ids = {*fleet.place_of, *fleet.members, *fleet.sharers}
        return or_(rows.a.in_(ids), rows.b.in_(ids))
