"""In which regions a request may be met, given the trees of regions and their failure domains."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlalchemy.orm import Session

from mulligan.events import EventRow
from mulligan.iam.project_tree import chain_of
from mulligan.iam.region_map import RegionMap, read_map
from mulligan.iam.tables import Region
from mulligan.resource.demands import DomainLimit
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.tables import ClaimRow, ProviderRow
from mulligan.values.errors import InvalidArgumentError, NotFoundError


@dataclass(frozen=True)
class Origin:
    """Where something is from which a failure domain is told; `project` is whose it is, if any."""

    noun: str
    region: str
    project: str | None = None


class Whereabouts:
    """Where a request may be met: nothing is read of who asks for one region and no domains.

    And whose hardware it may be met with, which is read where any has an owner.
    """

    def __init__(self, session: Session, request: ClaimRequest, project: str) -> None:
        self._session, self._request, self._project = session, request, project

    @cached_property
    def regions(self) -> list[str]:
        """The region that is asked for, or also those below it that the project sees.

        Raises:
            InvalidArgumentError: it is deleted.
        """
        asked = self._request.region
        if not self._request.or_below:
            return [asked]
        if found := self._map.or_below(asked):
            return found
        raise InvalidArgumentError(
            f"region {asked} is deleted; see `mulligan region list`", field="region"
        )

    @cached_property
    def limits(self) -> list[tuple[str, list[str]]]:
        """Each limit on failure domains in words, and which of the regions meet it.

        Raises:
            InvalidArgumentError: what it is told from is not there any more.
        """
        return [self._limit(one) for one in self._request.domains]

    @cached_property
    def hidden(self) -> list[str]:
        """The regions of which the project is not to learn what is there."""
        return [one for one in self._map.hidden() if one not in self.regions]

    def family(self) -> list[str]:
        """The project and those above it, whose hardware it may use."""
        return self._family

    @cached_property
    def _family(self) -> list[str]:
        return chain_of(self._session, self._project)

    def _limit(self, limit: DomainLimit) -> tuple[str, list[str]]:
        origin = find_origin(self._session, limit.origin)
        if origin is None:
            raise InvalidArgumentError(
                f"{_not_there(limit.origin)}; leave it out of the domains, or name another one",
                field="domains.origin",
            )
        theirs = self._map.domains(origin.region, limit.kind)
        told = theirs if self._map.is_shown(origin.region) else ()
        met = [one for one in self.regions if self._meets(limit, one, theirs)]
        return limit.words(origin.noun, told), met

    def _meets(self, limit: DomainLimit, region: str, theirs: Collection[str]) -> bool:
        own = self._map.domains(region, limit.kind)
        return bool(own and theirs) and own.isdisjoint(theirs) != limit.same

    @cached_property
    def _map(self) -> RegionMap:
        return read_map(self._session, self._project)


def find_origin(session: Session, origin: str) -> Origin | None:
    """Find where a machine, claim, provider or region (UUID) is, or was at last, if there is one.

    Index: claims (id), claims (consumer), providers (id), regions (id), events (object_id,
    revision).
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
    # A reservation has its claim back from a machine that ended.
    if last := session.execute(_LAST_OF_MACHINE, {"machine": origin}).first():
        return Origin("machine", last.region, last.project)
    return None


_LAST_OF_MACHINE = (
    select(EventRow.region, EventRow.project)
    .where(
        EventRow.object_id == bindparam("machine"),
        EventRow.object_type == "machine",
        EventRow.kind != "refused",
        EventRow.region.is_not(None),
    )
    .order_by(EventRow.revision.desc())
    .limit(1)
)


def not_there(origin: str) -> NotFoundError:
    """Say that there is nothing from which a failure domain could be told."""
    return NotFoundError(
        f"{_not_there(origin)}; see `mulligan machine list`",
        object_id=origin,
        field="domains.origin",
    )


def _not_there(origin: str) -> str:
    return f"there is no machine, claim, provider or region {origin}"
