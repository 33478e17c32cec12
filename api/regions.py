"""Whether regions exist, and the projects that may own what is in them."""

from collections.abc import Collection, Iterable

from google.protobuf.message import Message

from api.call import current_call
from api.places import Places
from mulligan.iam.objects import not_there
from mulligan.resource.values import check_id
from mulligan.resource.whereabouts import Origin, find_origin
from mulligan.resource.whereabouts import not_there as not_there_at_all
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError
from mulligan_client.gen.mulligan.common.v1 import common_pb2


def said(region: str) -> str:
    """Bring the id of a region into its usual form.

    Raises:
        InvalidArgumentError: none was given, or no id.
    """
    if not region:
        raise InvalidArgumentError("say which region", field="region")
    return check_id(region, field="region")


class Regions:
    """Knows regions, and whose they may be."""

    def __init__(self, places: Places) -> None:
        self._places = places

    async def require(self, region: str) -> str:
        """Refuse a region that doesn't exist for the caller; gives its id in the usual form.

        Raises:
            InvalidArgumentError: none was given, or no id.
            NotFoundError: there is no such region, it is deleted, or the caller doesn't see it.
        """
        known = said(region)
        await self._places.know((known,))
        if not self._is_there(known):
            raise not_there("region", known)
        return known

    async def require_here(
        self, region: str, *, or_below: bool = False, request: Message | None = None
    ) -> str:
        """Refuse also a region in which another site begins what is asked for; gives its id.

        What is for a region or below can be for those below it that this site serves. A request
        that was answered here before is answered so again.

        Raises:
            InvalidArgumentError: none was given, or no id.
            NotFoundError: there is no such region, it is deleted, or the caller doesn't see it.
            FailedPreconditionError: REGION_ELSEWHERE.
        """
        known = await self.require(region)
        site = self._places.other_site(known)
        if or_below and not all(map(self._places.other_site, self._places.regions.below([known]))):
            site = ""
        if site and not (request and await current_call().refuse_other_content(request)):
            raise FailedPreconditionError(
                f"region {known} is served by another site, {site}; ask that one, see `mulligan "
                "service list`",
                code="REGION_ELSEWHERE",
                object_type="region",
                object_id=known,
                field="region",
                site=site,
            )
        return known

    def _is_there(self, region: str) -> bool:
        is_living = region in self._places.regions and not self._places.is_ended(region)
        return is_living and current_call().caller.sees(region)

    async def require_origins(self, limits: Iterable[common_pb2.DomainLimit]) -> None:
        """Refuse to tell failure domains from what doesn't exist for the caller.

        Raises:
            NotFoundError: there is no such thing, or the caller doesn't see it.
        """
        for limit in limits:
            await self._require_origin(limit.origin)

    async def _require_origin(self, one: str) -> None:
        call = current_call()
        origin = await call.read(lambda session: find_origin(session, one))
        if origin is None or not await self._is_shown(origin):
            raise not_there_at_all(one)

    async def _is_shown(self, origin: Origin) -> bool:
        caller = current_call().caller
        if origin.project is not None:
            return caller.has("reader", origin.project)
        if origin.noun == "provider":
            return caller.has_in("reader", origin.region)
        await self._places.know([origin.region])
        return self._is_there(origin.region)

    async def require_owners(self, owners: Collection[str]) -> None:
        """Refuse projects that don't exist.

        Raises:
            NotFoundError: one doesn't, or is deleted.
        """
        await self._places.know(owners)
        for project in sorted(owners):
            if project not in self._places.projects or self._places.is_ended(project):
                raise not_there("project", project)
