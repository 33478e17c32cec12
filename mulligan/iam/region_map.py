"""How regions lie to each other, for who decides by it: what is below, and what fails together."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mulligan.iam import project_tree
from mulligan.iam.tables import Region, spec_of
from mulligan.values.regions import DomainKind, RegionSpec


@dataclass(frozen=True)
class Lies:
    """A region: below which one, if it has ended, and what is said of it."""

    parent: str | None
    ended: bool
    spec: RegionSpec


class RegionMap:
    """All regions as a transaction sees them; one that it doesn't know lies alone."""

    def __init__(self, regions: Mapping[str, Lies], projects: frozenset[str]) -> None:
        """Take regions by id, and a project with those above it."""
        self._regions, self._projects = regions, projects

    def chain(self, region: str) -> Iterator[str]:
        """A region and those above it, from itself upwards."""
        above: str | None = region
        while above is not None:
            yield above
            above = self._regions[above].parent if above in self._regions else None

    def or_below(self, region: str) -> list[str]:
        """A region, and those below it that have not ended and that the project sees.

        Empty if it has ended itself.
        """
        found = [] if region in self._regions and self._regions[region].ended else [region]
        for one in found:  # grows while it is walked
            found += [low for low in self._below[one] if self._is_shown(low)]
        return found

    def is_shown(self, region: str) -> bool:
        """Say whether the project sees a region and all those above it."""
        return all(one in self._regions and self._is_shown(one) for one in self.chain(region))

    def hidden(self) -> list[str]:
        """The regions that the project doesn't see."""
        return [one for one in self._regions if not self.is_shown(one)]

    def domains(self, region: str, kind: DomainKind) -> frozenset[str]:
        """The failure domains of a kind that a region has, or else the nearest one above it."""
        for one in self.chain(region):
            if one in self._regions and (own := self._regions[one].spec.failure_domains.get(kind)):
                return frozenset(own)
        return frozenset()

    def _is_shown(self, region: str) -> bool:
        there = self._regions[region]
        shown_to = there.spec.shown_to
        return not there.ended and (shown_to is None or not shown_to.isdisjoint(self._projects))

    @cached_property
    def _below(self) -> Mapping[str, list[str]]:
        below: defaultdict[str, list[str]] = defaultdict(list)
        for region, there in sorted(self._regions.items()):
            if there.parent is not None:
                below[there.parent].append(region)
        return below


_REGIONS = select(
    Region.id, Region.parent, Region.deleted_at,
    Region.failure_domains, Region.visibility, Region.visible_to,
)  # fmt: skip


def read_map(session: Session, project: str) -> RegionMap:
    """Read how regions lie, and which of them a project (UUID) sees.

    Regions are few, of an installation; the projects above one are as many as its tree is deep.
    Index: projects (id).
    """
    regions = {
        row.id: Lies(row.parent, row.deleted_at is not None, spec_of(row))
        for row in session.execute(_REGIONS)
    }
    return RegionMap(regions, frozenset(project_tree.chain_of(session, project)))


def chain_of(session: Session, region: str) -> list[str]:
    """Read a region and those above it; one that isn't there is alone. Index: regions (id)."""
    return list({region, *session.scalars(select_chain(region))})


def select_chain(region: str) -> Select[tuple[str]]:
    """Select a region and those above it, if there is such a region. Index: regions (id)."""
    start = select(Region.id, Region.parent).where(Region.id == region)
    chain = start.cte("chain", recursive=True)
    above = select(Region.id, Region.parent).join(chain, Region.id == chain.c.parent)
    return select(chain.union(above).c.id)
