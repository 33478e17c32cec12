"""What an application credential may call: less than its roles would allow."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from api.objects import visible
from api.places import Places, own_places
from api.wellformed import OBJECTS, ids_in
from mulligan.control.regions import in_regions
from mulligan.values.caller import ROLES, SYSTEM, Caller
from mulligan.values.errors import PermissionDeniedError
from mulligan.waiting import waited_for
from mulligan_client.gen.mulligan.common.v1 import common_pb2

if TYPE_CHECKING:
    from api.access import Method

FOR_PEOPLE = frozenset(
    (
        "CreateApplicationCredential",
        "CreateAccount",
        "UpdateAccount",
        "ChangePassword",
        "AssignRole",
    )
)
"""What would make a secret that outlives the one that was used, or give it more."""

_MEANT = OBJECTS | {"operation", "series"}
"""Fields that make certain what a request is about."""

_ALWAYS = ("SignOut", "ListServices")
"""What a program needs to find the site that it is for, and to end."""

_EVERYBODYS = frozenset(
    (
        "SignOut",
        "ListProviderTypes",
        "ListResourceTypes",
        "ListCapabilities",
        "ListDistanceTypes",
        "GetNetwork",
        "BatchGetNetworks",
        "ListNetworks",
        "GetImage",
        "BatchGetImages",
        "ListImages",
        "ListRegionKeys",
    )
)
"""What shows only what everybody sees who sees its region, or ends the caller's own session."""


class Limits:
    """Keeps programs to the methods and the region of their credential."""

    def __init__(self, places: Places, threads: ThreadPoolExecutor) -> None:
        self._places = places
        self._threads = threads

    async def check(self, caller: Caller, request: Any, method: "Method", ends_at: float) -> None:
        """Refuse what the caller's credential is not for; users have no such limits.

        Raises:
            OverdueError: it could not be found out until `ends_at`, by time.monotonic.
            PermissionDeniedError: CREDENTIAL_LIMITED.
        """
        if not caller.application:
            return
        if method.verb in FOR_PEOPLE:
            raise _refusal(f"{method.verb} is for people; sign in as a user")
        called = f"{method.name.split('.')[-2]}/{method.verb}"
        if caller.methods and called not in caller.methods and method.verb not in _ALWAYS:
            raise _refusal(f"this application credential may call {_listed(caller)} only")
        if caller.region:
            await self._check_region(caller, request, method, ends_at)

    def within(self, caller: Caller, method: "Method") -> Caller:
        """Leave a program that is for a region what it has there, where all is shown by its roles.

        A role on the system or on a region above is one on its region then; one where this process
        knows of nothing yet is none. The audit is narrowed to the region as it is.
        """
        if not caller.region or not _is_everybodys(method) or method.verb == "ListAuditEvents":
            return caller
        projects, regions = self._places.projects, self._places.regions
        above = {SYSTEM, *regions.chain(caller.region)}
        roles = {
            place: role
            for place, role in caller.roles.items()
            if place in projects or (place not in above and caller.region in regions.chain(place))
        }
        if held := {role for place, role in caller.roles.items() if place in above}:
            roles[caller.region] = max(held, key=ROLES.index)
        return replace(caller, roles=roles)

    async def _check_region(
        self, caller: Caller, request: Any, method: "Method", ends_at: float
    ) -> None:
        """Refuse what lives elsewhere, and what doesn't say where: it may be anywhere.

        What lives elsewhere is refused wherever its id stands; but only fields that say what is
        meant make it certain that a request stays in the region, and all of them have to. What the
        caller can't see counts as what is not there, and all is refused in the same words.
        """
        named = list(ids_in(request))
        ids = {text for _, text in named}
        meant = {text for field, text in named if field in _MEANT}
        regions = {text for field, text in named if field == "region"}
        found = await self._seen(caller, ids, method, ends_at)
        await self._places.try_to_know([caller.region, *regions, *(meant - found.keys())])
        known = {one for one in ids if one in self._places.regions and caller.sees(one)}
        lives = {*found.values(), *known, *regions}
        certain = regions or (meant and meant <= found.keys() | known)
        elsewhere = any(caller.region not in self._places.regions.chain(one) for one in lives)
        if elsewhere or not (certain or _is_everybodys(method)):
            raise _refusal(
                f"this application credential is for region {caller.region} only; name the region, "
                "or an object in it"
            )

    async def _seen(
        self, caller: Caller, ids: set[str], method: "Method", ends_at: float
    ) -> dict[str, str]:
        """In which regions those of some objects live that the caller can see, by their ids."""
        if not ids:
            return {}
        read = partial(method.database.read, partial(in_regions, object_ids=ids))
        found = await waited_for(self._threads, read, ends_at)
        whose = (place for one in found for place in (one.project, one.region) if place)
        await self._places.try_to_know([*own_places(caller), *whose])
        return {one.id: one.region or "" for one in found if visible(caller, one)}


def _is_everybodys(method: "Method") -> bool:
    """Say whether an RPC shows only what everybody sees or is the caller's own, or signs it out."""
    if method.access.role != common_pb2.ROLE_AUTHENTICATED:
        return False
    of_iam = method.service == "iam" and not method.has_request_id and method.verb != "Watch"
    return of_iam or method.verb in _EVERYBODYS


def _listed(caller: Caller) -> str:
    return ", ".join(sorted(caller.methods))


def _refusal(words: str) -> PermissionDeniedError:
    return PermissionDeniedError(words, code="CREDENTIAL_LIMITED")
