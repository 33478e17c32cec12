"""Who may do what: the role and scope that an RPC needs, from the option next to it in the .proto.

A role that is held on the system is enough for everything, and is seen in the token. One that is
held elsewhere counts on its place and on all below it; the trees of places are in memory.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from api.limits import Limits
from api.places import Places, own_places
from api.roles import NAMES
from api.rules import ids_named
from mulligan.control.regions import in_regions
from mulligan.database import Database
from mulligan.meta.objects import Known
from mulligan.values.caller import Caller
from mulligan.values.errors import InvalidArgumentError, PermissionDeniedError
from mulligan.waiting import waited_for
from mulligan_client.gen.mulligan.common.v1 import common_pb2

_FIELDS = {
    common_pb2.SCOPE_PROJECT: ("project",),
    common_pb2.SCOPE_PLACE: ("project", "region"),
}
"""The fields that name where a role is to be held, if the option doesn't say another one."""

_ELSEWHERE = {
    common_pb2.SCOPE_REGION: "the system, or on the region of all that is named: name it if you "
    "have the role there",
}
"""Where a role is to be held, if the request names no place, or one only by what lives there.

Both are refused in the same words: else they would tell what is there, and where.
"""


_IN_NO_REGION = ("project", "region")
"""Fields of ids that don't say what in a region is meant: it is looked at who has a role there."""

_MADE = ("id", "image_id")
"""Fields in which who creates something says which id it gets."""


@dataclass(frozen=True)
class Method:
    """What the interceptor knows of an RPC."""

    name: str
    request: type[Message]
    access: common_pb2.Access
    has_request_id: bool
    database: Database

    @cached_property
    def verb(self) -> str:
        """Its name without the service's."""
        return self.name.rpartition(".")[2]

    @cached_property
    def is_paged(self) -> bool:
        """Whether it gives a list in pages."""
        return "page" in self.request.DESCRIPTOR.fields_by_name

    @cached_property
    def service(self) -> str:
        """Its service, as in SERVICES: what stands in the package's name after ours."""
        return self.name.split(".")[1]


def methods_of(service: ServiceDescriptor, database: Database) -> dict[str, Method]:
    """Read what each RPC of a service needs.

    Raises:
        LookupError: an RPC says nothing of role and scope: the server must not start.
    """
    return {
        f"/{service.full_name}/{method.name}": _method(method, database)
        for method in service.methods
    }


def _method(method: MethodDescriptor, database: Database) -> Method:
    access = method.GetOptions().Extensions[common_pb2.access]
    if not access.role or not access.scope:
        raise LookupError(f"RPC {method.full_name} has no (mulligan.common.v1.access) option")
    fields = method.input_type.fields_by_name
    needed = (access.field,) if access.field else _FIELDS.get(access.scope, ())
    for field in (*needed, *filter(None, [access.own])):
        if field not in fields:
            raise LookupError(f"RPC {method.full_name} needs a role there, but has no {field}")
    kind = GetMessageClass(method.input_type)
    return Method(method.full_name, kind, access, "request_id" in fields, database)


class Access:
    """Lets callers do what their roles allow."""

    def __init__(self, places: Places, threads: ThreadPoolExecutor) -> None:
        self._places = places
        self._threads = threads
        self._limits = Limits(places, threads)

    def within(self, caller: Caller, method: Method) -> Caller:
        """Narrow the roles of a program for one region, where all is shown by its roles."""
        return self._limits.within(caller, method)

    async def check(self, caller: Caller, request: Any, method: Method, ends_at: float) -> None:
        """Refuse what the caller's roles don't reach; until `ends_at`, by time.monotonic.

        Raises:
            OverdueError: it could not be found out by then.
            InvalidArgumentError: no project is named.
            PermissionDeniedError: the role is missing.
        """
        await self._limits.check(caller, request, method, ends_at)
        role = NAMES.get(method.access.role)
        projects, regions = _named_in(request, method.access)
        if caller.has(role or "reader"):
            return
        if method.access.own and getattr(request, method.access.own) == caller.account:
            return
        found, certain = set[str](), True
        if method.access.scope == common_pb2.SCOPE_REGION and not method.access.field:
            found, certain = await self._regions_of(request, method, ends_at)
        await self._places.try_to_know([*own_places(caller), *projects, *regions, *found])
        if role is None:
            return
        missing = [f"project {one}" for one in sorted(projects) if not caller.has(role, one)]
        missing += [f"region {one}" for one in sorted(regions) if not caller.has_in(role, one)]
        somewhere = certain and (projects or regions or found)
        if not (somewhere and all(caller.has_in(role, one) for one in found)):
            missing.append(_ELSEWHERE.get(method.access.scope, "the system"))
        if missing:
            raise PermissionDeniedError(
                f"{method.verb} needs the role {role} on {missing[0]}; ask an administrator for it"
            )

    async def runs_it(
        self, caller: Caller, request: Message, method: Method, ends_at: float
    ) -> bool:
        """Say whether a caller may read the hardware of every region that a request leads to."""
        if caller.has("reader"):
            return True
        regions = {one for field, one in ids_named(request) if field == "region"}
        regions |= {one.region or "" for one in await self._living(request, method, ends_at)}
        await self._places.try_to_know([*own_places(caller), *regions])
        return bool(regions) and all(caller.has_in("reader", one) for one in regions)

    async def _regions_of(
        self, request: Any, method: Method, ends_at: float
    ) -> tuple[set[str], bool]:
        """The regions of all objects that a request names, and whether each of them is in one.

        What is not there counts as what is elsewhere, but for what a request is to make.
        """
        found = await self._living(request, method, ends_at)
        made = _MADE if method.verb.startswith("Create") else ()
        named = list(ids_named(request))
        new = {one for field, one in named if field in made}
        needed = {one for field, one in named if field not in _IN_NO_REGION} - new
        return {one.region or "" for one in found}, needed <= {one.id for one in found}

    async def _living(self, request: Message, method: Method, ends_at: float) -> list[Known]:
        """What a request names that lives in a region, wherever its id stands."""
        ids = {one for field, one in ids_named(request) if field not in _IN_NO_REGION}
        if not ids:
            return []
        read = partial(method.database.read, partial(in_regions, object_ids=ids))
        return await waited_for(self._threads, read, ends_at)


def _named_in(request: Any, access: common_pb2.Access) -> tuple[set[str], set[str]]:
    """The project and the region that a request names by the fields that are for that.

    Raises:
        InvalidArgumentError: it has to name a project.
    """
    project = region = ""
    if access.scope == common_pb2.SCOPE_PROJECT:
        project = getattr(request, access.field or "project")
        if not project and not access.field:
            raise InvalidArgumentError("say which project", field="project")
    elif access.scope == common_pb2.SCOPE_REGION:
        region = getattr(request, access.field or "region", "")
    elif access.scope == common_pb2.SCOPE_PLACE:
        project, region = request.project, request.region
    return {project} - {""}, {region} - {""}
