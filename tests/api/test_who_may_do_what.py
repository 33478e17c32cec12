"""Every RPC, with every role, wherever it is held: what docs/access.md says is what a service does.

All that a call names is there: what isn't answered is refused, or hidden, because of the role. A
mutation is refused for its request id as soon as it is allowed, so that nobody's call is the last.
Watch has no end: test_isolation.py and test_watch.py say what it shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.api.access_rules import (
    EVERY,
    NO_REQUEST_ID,
    OWN_PROJECT,
    OWN_REGION,
    RULES,
    Held,
    Rule,
)
from tests.fakes.belongings import (
    access_of,
    belongings,
    define_attribute,
    naming,
    tried,
)
from tests.fakes.caller import METHODS, Caller, request_of
from tests.fakes.place import Place, new_name
from tests.fakes.site import LONG, Site

HIDDEN = {
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.NOT_FOUND,
}
STREAMS = {name for name in METHODS if name.endswith("Watch")}


@dataclass
class Ground:
    """One of everything in a project and a region, and somebody for each role and place."""

    place: Place
    objects: dict[str, str] = field(default_factory=dict)

    @property
    def site(self) -> Site:
        return self.place.site

    @cached_property
    def places(self) -> Mapping[str, tuple[str, str]]:
        """The field of an assignment, and the UUID."""
        admin, above = self.site.admin, {"project": "", "region": ""}
        made: dict[str, tuple[str, str]] = {}
        for noun, create in (("project", admin.CreateProject), ("region", admin.CreateRegion)):
            above[noun] = create(name=new_name(noun)).metadata.id
            own = create(name=new_name(noun), parent=above[noun]).metadata.id
            below = create(name=new_name(noun), parent=own).metadata.id
            other = create(name=new_name(noun)).metadata.id
            over = "above it" if noun == "project" else "region above it"
            made |= {over: (noun, above[noun]), f"its {noun}": (noun, own)}
            made |= {f"{noun} below it": (noun, below), f"other {noun}": (noun, other)}
        return made

    @cached_property
    def callers(self) -> Mapping[Held, Caller]:
        return {held: self._caller(held) for held in EVERY}

    def _caller(self, held: Held) -> Caller:
        account = self.site.new_account()
        for one in (held, held.beside):
            if one is None or not one.role:
                continue
            where = dict([self.places[one.place]]) if one.place != "system" else {}
            role = common_pb2.Role.Value(f"ROLE_{one.role.upper()}")
            self.site.admin.AssignRole(account=account, role=role, **where)
        return self.site.caller(self.site.token(account, LONG))

    def fill(self) -> None:
        """Make what calls name."""
        place, operator = self.place, self.site.admin
        place.__dict__ |= {"project": self.places["its project"][1]}
        place.__dict__ |= {"region": self.places["its region"][1]}
        host, server = place.host(), place.server()
        [checked] = operator.ListOperations(object_id=server).operations
        group = operator.CreateGroup(name=new_name("group"), region=place.region, members=[host])
        self.objects |= {
            **belongings(place),
            "Host": host,
            "Provider": host,
            "Server": server,
            "server name": operator.GetServer(id=server).metadata.name,
            "checked": checked.metadata.id,
            "Group": group.metadata.id,
            "Network": place.network,
            "Image": place.image,
            "Region": place.region,
            "above": self.places["above it"][1],
            "region above": self.places["region above it"][1],
            "Service": new_service(self),
        }
        self.objects["program"] = self.objects["ApplicationCredential"]
        self.objects |= self._internal()

    def _internal(self) -> dict[str, str]:
        """What only those know of who have a role in the region."""
        spec = {"visibility": iam_pb2.VISIBILITY_INTERNAL}
        region = self.site.admin.CreateRegion(
            name=new_name("region"), parent=self.place.region, spec=spec
        ).metadata.id
        there = Place(self.site)
        there.__dict__ |= {"region": region}
        return {
            "internal region": region,
            "internal network": there.network,
            "internal image": there.image,
            "internal Service": new_service(self, region),
        }


@pytest.fixture(scope="module")
def ground(_sites: Callable[..., Site]) -> Ground:
    """On SQLite only: what is read of PostgreSQL for it is tried in test_access.py and others."""
    made = Ground(Place(_sites("sqlite")))
    made.fill()
    return made


def answer(caller: Caller, name: str, /, **fields: Any) -> str:
    """What a call gives, as text; empty where it is refused because of the role, or hidden."""
    try:
        given = tried(caller, METHODS[name], request_of(METHODS[name], **fields))
        return "answered: " + "".join(map(str, given))
    except grpc.RpcError as error:
        refusal: Any = error
        assert refusal.code() not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
        return "" if refusal.code() in HIDDEN else f"refused: {refusal.details()}"


def who_is_answered(
    ground: Ground, name: str, fields: Callable[[], Mapping[str, Any]], shows: str = ""
) -> set[Held]:
    """Who gets an answer, with what it has to show in it."""
    answers = {held: answer(one, name, **fields()) for held, one in ground.callers.items()}
    return {held for held, text in answers.items() if text and shows in text}


# What the option next to the RPC says


def by_option(access: common_pb2.Access, held: Held) -> bool:
    """Whether a role on a place is enough, as docs/access.md has it."""
    if access.scope == common_pb2.SCOPE_NONE:
        return True
    role = common_pb2.Role.Name(access.role)[5:].lower()
    where: tuple[str, ...] = ()
    if access.scope in (common_pb2.SCOPE_PROJECT, common_pb2.SCOPE_PLACE):
        where = OWN_PROJECT
    elif access.scope == common_pb2.SCOPE_REGION:
        where = OWN_REGION
    return held.reaches(role, *where)


def about(ground: Ground, method: MethodDescriptor) -> dict[str, Any]:
    """The fields with which a call names what is there, of a project and a region."""
    fields = naming(method, ground.objects)
    if "request_id" in method.input_type.fields_by_name:
        # Only whether it is allowed is asked: that is said before the request is looked at.
        return {name: one for name, one in fields.items() if name not in NOT_NAMES} | NO_REQUEST_ID
    if method.name.startswith("List"):
        return {name: one for name, one in fields.items() if name not in NARROWS}
    return fields


NOT_NAMES = ("spec", "by", "window", "length")
NARROWS = ("parent", "object_id", "account", "series")
BY_OPTION = [
    pytest.param(name, id=name)
    for name, method in METHODS.items()
    if access_of(method).role != common_pb2.ROLE_ANONYMOUS
    and not (access_of(method).scope == common_pb2.SCOPE_NONE and access_of(method).besides)
    and name not in STREAMS
]


@pytest.mark.parametrize("name", BY_OPTION)
def test_the_option_is_what_is_answered(ground: Ground, name: str) -> None:
    access, fields = access_of(METHODS[name]), about(ground, METHODS[name])
    allowed = {held for held in EVERY if by_option(access, held)}
    assert who_is_answered(ground, name, lambda: fields) == allowed
    assert answer(ground.site.caller(), name, **fields) == ""


# What it says besides


def new_project(ground: Ground) -> str:
    made = ground.site.admin.CreateProject(name=new_name("project"), parent=ground.place.project)
    return str(made.metadata.id)


def new_region(ground: Ground) -> str:
    made = ground.site.admin.CreateRegion(name=new_name("region"), parent=ground.place.region)
    return str(made.metadata.id)


def new_service(ground: Ground, region: str = "") -> str:
    """A process of another site, which serves a region."""
    said = {"id": str(uuid4()), "site": str(uuid4()), "kinds": ["meta"]}
    ground.site.admin.RegisterService(**said, regions=[region or new_region(ground)])
    return str(said["id"])


def with_quota(ground: Ground) -> str:
    ground.site.admin.SetQuota(project=ground.place.project, spec={"claims": 1_000})
    return ground.place.project


NEW: Mapping[str, Callable[[Ground], str]] = {
    "<new>": lambda _: new_name("made"),
    "<uuid>": lambda _: str(uuid4()),
    "<new metadef>": lambda ground: define_attribute(ground.place),
    "<new project>": new_project,
    "<new region>": new_region,
    "<new service>": new_service,
    "<Project with quota>": with_quota,
}
"""What is made each time it is asked for."""


def filled(ground: Ground, given: Any) -> Any:
    """Put what is there for its words."""
    if isinstance(given, Mapping):
        return {name: filled(ground, value) for name, value in given.items()}
    if isinstance(given, list):
        return [filled(ground, one) for one in given]
    if not (isinstance(given, str) and given.startswith("<")):
        return given
    return NEW[given](ground) if given in NEW else ground.objects[given[1:-1]]


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.name) for rule in RULES])
def test_what_is_said_in_words_is_what_is_answered(ground: Ground, rule: Rule) -> None:
    allowed = {held for held in EVERY if rule.may(held)}
    shows = filled(ground, rule.shows)
    asked = who_is_answered(ground, rule.name, lambda: filled(ground, rule.fields), shows)
    assert asked == allowed
    assert answer(ground.site.caller(), rule.name, **filled(ground, rule.fields)) == ""


def test_every_rule_in_words_is_tried() -> None:
    in_words = {
        name
        for name, method in METHODS.items()
        if access_of(method).role != common_pb2.ROLE_ANONYMOUS and access_of(method).besides
    }
    assert in_words - STREAMS == {rule.name for rule in RULES}
