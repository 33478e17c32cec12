"""Whether regions and projects exist: iam knows."""

from collections.abc import Collection

from api.call import current_call
from mulligan.database import Database
from mulligan.iam import projects, regions
from mulligan.resource.values import check_id
from mulligan.values.errors import InvalidArgumentError


class Regions:
    """Asks iam's database about regions and whose they may be."""

    def __init__(self, installation: Database) -> None:
        self._installation = installation
        self._known: set[str] = set()

    async def require(self, region: str) -> str:
        """Refuse a region that doesn't exist; gives its id in the usual form.

        Raises:
            InvalidArgumentError: none was given, or no id.
            NotFoundError: there is no such region.
        """
        if not region:
            raise InvalidArgumentError("say which region", field="region")
        known = check_id(region, field="region")
        if known not in self._known:  # no region is ever deleted
            await (
                current_call()
                .on(self._installation)
                .read(lambda session: regions.get_region(session, known))
            )
            self._known.add(known)
        return known

    async def require_owners(self, owners: Collection[str]) -> None:
        """Refuse projects that don't exist.

        Raises:
            NotFoundError: one doesn't.
        """
        if owners:
            await (
                current_call()
                .on(self._installation)
                .read(lambda session: projects.require_projects(session, owners))
            )
