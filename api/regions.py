"""Whether regions exist, and the projects that may own what is in them."""

from collections.abc import Collection

from api.places import Places
from mulligan.iam.objects import not_there
from mulligan.resource.values import check_id
from mulligan.values.errors import InvalidArgumentError


class Regions:
    """Knows regions, and whose they may be."""

    def __init__(self, places: Places) -> None:
        self._places = places

    async def require(self, region: str) -> str:
        """Refuse a region that doesn't exist; gives its id in the usual form.

        Raises:
            InvalidArgumentError: none was given, or no id.
            NotFoundError: there is no such region, or it is deleted.
        """
        if not region:
            raise InvalidArgumentError("say which region", field="region")
        known = check_id(region, field="region")
        await self._places.know((known,))
        if known not in self._places.regions or self._places.is_ended(known):
            raise not_there("region", known)
        return known

    async def require_owners(self, owners: Collection[str]) -> None:
        """Refuse projects that don't exist.

        Raises:
            NotFoundError: one doesn't, or is deleted.
        """
        await self._places.know(owners)
        for project in sorted(owners):
            if project not in self._places.projects or self._places.is_ended(project):
                raise not_there("project", project)
