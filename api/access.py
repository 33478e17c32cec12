"""Who may do what: the role and scope that an RPC needs, from the option next to it in the .proto.

A role that is held on the system is enough for everything, and is seen in the token. One that is
held elsewhere counts on its place and on all below it; the trees of places are in memory.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from api.limits import Limits
from api.places import Places
from api.roles import NAMES
from api.wellformed import OBJECTS, ids_in
from mulligan.database import Database
from mulligan.meta import names
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.errors import InvalidArgumentError, PermissionDeniedError
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
    for field in (access.field,) if access.field else _FIELDS.get(access.scope, ()):
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

    async def check(self, caller: Caller, request: Any, method: Method) -> None:
        """Refuse what the caller's roles don't reach.

        Raises:
            InvalidArgumentError: no project is named.
            PermissionDeniedError: the role is missing.
        """
        await self._limits.check(caller, request, method)
        role = NAMES.get(method.access.role)
        projects, regions = _named_in(request, method.access)
        if caller.has(role or "reader"):
            return
        found = set[str]()
        if method.access.scope == common_pb2.SCOPE_REGION and not method.access.field:
            found = await self._regions_of(request, method.database)
        own = (place for place in caller.roles if place != SYSTEM)
        await self._places.know([*own, *projects, *regions, *found])
        if role is None:
            return
        missing = [f"project {one}" for one in sorted(projects) if not caller.has(role, one)]
        missing += [f"region {one}" for one in sorted(regions) if not caller.has_in(role, one)]
        nowhere = not (projects or regions or found)
        if nowhere or not all(caller.has_in(role, one) for one in found):
            missing.append(_ELSEWHERE.get(method.access.scope, "the system"))
        if missing:
            raise PermissionDeniedError(
                f"{method.verb} needs the role {role} on {missing[0]}; ask an administrator for it"
            )

    async def _regions_of(self, request: Any, database: Database) -> set[str]:
        """The regions of all objects that a request names; none where that is not all it reaches.

        Whatever looks like an id of an object with a region counts, wherever it stands. So nothing
        that lives elsewhere is named; but only fields that say what is meant make it certain.
        """
        named = list(ids_in(request))
        ids = {text for _, text in named}
        found: dict[str, str] = {}
        if ids:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: database.read(lambda session: names.regions_of(session, ids))
            )
        meant = {text for field, text in named if field in OBJECTS}
        if not getattr(request, "region", "") and not (meant and meant <= found.keys()):
            return set()
        return set(found.values())


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
