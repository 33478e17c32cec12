"""In which regions a request may be met, given the trees of regions and their failure domains."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from mulligan.iam.region_map import RegionMap, read_map
from mulligan.iam.tables import Region
from mulligan.resource.requests import ClaimRequest, DomainLimit
from mulligan.resource.tables import ClaimRow, ProviderRow
from mulligan.values.errors import NotFoundError


@dataclass(frozen=True)
class Origin:
    """Where something is from which a failure domain is told; `project` is whose it is, if any."""

    noun: str
    region: str
    project: str | None = None


class Whereabouts:
    """Where a request may be met: nothing is read of who asks for one region and no domains."""

    def __init__(self, session: Session, request: ClaimRequest, project: str) -> None:
        self._session, self._request, self._project = session, request, project

    @cached_property
    def regions(self) -> list[str]:
        """The region that is asked for, or also those below it that the project sees."""
        asked = self._request.region
        return self._map.or_below(asked) if self._request.or_below else [asked]

    def limits(self) -> Iterator[tuple[str, list[str]]]:
        """Each limit on failure domains in words, and which of the regions meet it.

        Raises:
            NotFoundError: what it is told from is not there.
        """
        for limit in self._request.domains:
            origin = find_origin(self._session, limit.origin)
            theirs = self._map.domains(origin.region, limit.kind)
            told = theirs if self._map.is_shown(origin.region) else ()
            met = [one for one in self.regions if self._meets(limit, one, theirs)]
            yield limit.words(origin.noun, told), met

    def _meets(self, limit: DomainLimit, region: str, theirs: Collection[str]) -> bool:
        own = self._map.domains(region, limit.kind)
        return bool(own and theirs) and own.isdisjoint(theirs) != limit.same

    @cached_property
    def _map(self) -> RegionMap:
        return read_map(self._session, self._project)


def find_origin(session: Session, origin: str) -> Origin:
    """Find where a machine, claim, provider or region (UUID) is, or was at last.

    Index: claims (id), claims (consumer), providers (id), regions (id).

    Raises:
        NotFoundError: there is none.
    """
    theirs: ColumnElement[bool] = or_(ClaimRow.id == origin, ClaimRow.consumer == origin)
    claim = session.scalars(select(ClaimRow).where(theirs).order_by(ClaimRow.created_at.desc()))
    if row := claim.first():
        return Origin("claim" if row.id == origin else "machine", row.region, row.project)
    if provider := session.get(ProviderRow, origin):
        return Origin("provider", provider.region)
    region = session.get(Region, origin)
    if region is not None and region.deleted_at is None:
        return Origin("region", region.id)
    raise not_there(origin)


def not_there(origin: str) -> NotFoundError:
    """Say that there is nothing from which a failure domain could be told."""
    return NotFoundError(
        f"there is no machine, claim, provider or region {origin}; see `mulligan machine list`",
        object_id=origin,
        field="domains.origin",
    )
