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
from tests.fakes.belongings import (
    WEEKLY,
    access_of,
    belongings,
    define_attribute,
    naming,
    tried,
)
from tests.fakes.caller import METHODS, Caller, request_of
from tests.fakes.place import Place, new_name
from tests.fakes.site import LONG, Site

ROLES = ("reader", "member", "operator", "admin")
OWN_PROJECT, OWN_REGION = ("its project", "above it"), ("its region", "region above it")
ELSEWHERE = ("project below it", "other project", "region below it", "other region")
PLACES = (*OWN_PROJECT, *OWN_REGION, *ELSEWHERE, "system")
HIDDEN = {
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.NOT_FOUND,
}
STREAMS = {name for name in METHODS if name.endswith("Watch")}


@dataclass(frozen=True)
class Held:
    """A role and where somebody holds it, and one beside it; no role at all is the empty one."""

    role: str = ""
    place: str = ""
    beside: "Held | None" = None

    def reaches(self, role: str, *places: str) -> bool:
        """Whether one is at least this role, on one of these places or the system."""
        enough = self.role in ROLES[ROLES.index(role) :]
        if enough and self.place in (*places, "system"):
            return True
        return self.beside is not None and self.beside.reaches(role, *places)

    def project(self, role: str) -> bool:
        return self.reaches(role, *OWN_PROJECT)

    def region(self, role: str) -> bool:
        return self.reaches(role, *OWN_REGION)


SEVERAL = (
    Held("member", "its project", Held("operator", "its region")),
    Held("operator", "above it", Held("reader", "region above it")),
    Held("admin", "its project", Held("admin", "other region")),
    Held("admin", "other project", Held("admin", "its region")),
)
EVERY = (Held(), *(Held(role, place) for place in PLACES for role in ROLES), *SEVERAL)


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
            "Service": self.service(),
        }
        self.objects["program"] = self.objects["ApplicationCredential"]
        self.objects |= self._internal()

    def service(self) -> str:
        """A process of another site, in the catalogue."""
        region = filled(self, "<new region>")
        return self.site.admin.RegisterService(
            id=str(uuid4()), site=str(uuid4()), kinds=["meta"], regions=[region]
        ).id

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


NO_REQUEST_ID = {"request_id": ""}
NOT_NAMES = ("spec", "by", "window", "length")
NARROWS = ("parent", "object_id", "account", "series")
BY_OPTION = [
    pytest.param(name, id=name)
    for name, method in METHODS.items()
    if access_of(method).role != common_pb2.ROLE_ANONYMOUS
    and not (access_of(method).scope == common_pb2.SCOPE_NONE and access_of(method).besides)
    and name not in STREAMS
]


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)  # the interceptor asks no database
@pytest.mark.parametrize("name", BY_OPTION)
def test_the_option_is_what_is_answered(ground: Ground, name: str) -> None:
    access, fields = access_of(METHODS[name]), about(ground, METHODS[name])
    allowed = {held for held in EVERY if by_option(access, held)}
    assert who_is_answered(ground, name, lambda: fields) == allowed
    assert answer(ground.site.caller(), name, **fields) == ""


# What it says besides


READER, OPERATOR = common_pb2.ROLE_READER, common_pb2.ROLE_OPERATOR
NOT_A_MACHINE = {"kind": "neither"}
"""What is refused only after it was looked at who says on which host."""


@dataclass(frozen=True)
class Rule:
    """A call whose rule is said in words: who may, and what the answer shows to them alone.

    Words such as <Machine> stand for the ids of what is there.
    """

    name: str
    may: Callable[[Held], bool]
    fields: Mapping[str, Any]
    shows: str = ""


def on_system(role: str) -> Callable[[Held], bool]:
    return lambda held: held.reaches(role)


def in_project(role: str, *also: str) -> Callable[[Held], bool]:
    return lambda held: held.reaches(role, *OWN_PROJECT, *also)


def in_region(role: str) -> Callable[[Held], bool]:
    return lambda held: held.reaches(role, *OWN_REGION)


def in_both(in_project: str, in_region: str) -> Callable[[Held], bool]:
    return lambda held: held.project(in_project) and held.region(in_region)


def everybody(held: Held) -> bool:
    return held in EVERY


MANY = {"size": 1_000}
OF_MACHINE = {"project": "<Project>", "id": "<Machine>"}
VALUE = {"object_id": "<Machine>", "attribute": "<attribute>", "value": "1"}
RULES = (
    Rule("SignOut", everybody, NO_REQUEST_ID),
    Rule("ChangePassword", everybody, NO_REQUEST_ID),
    Rule("ListSessions", on_system("admin"), {"account": "<Account>"}, "<Session>"),
    Rule("RevokeSession", on_system("admin"), {"id": "<Session>"}, "<Session>"),
    Rule("BatchGetProjects", in_project("reader"), {"ids": ["<Project>"]}, "<Project>"),
    Rule("ListProjects", in_project("reader"), {"parent": "<above>"}, "<Project>"),
    Rule("GetAccount", on_system("reader"), {"id": "<Account>"}, "<Account>"),
    Rule(
        "CreateApplicationCredential",
        in_project("reader"),
        {
            "name": "<new>",
            "secret": "s" * 32,
            "roles": [{"role": READER, "project": "<Project>"}],
        },
        "<Project>",
    ),
    Rule(
        "GetApplicationCredential",
        on_system("admin"),
        {"id": "<program>"},
        "<program>",
    ),
    Rule(
        "BatchGetApplicationCredentials",
        on_system("admin"),
        {"ids": ["<program>"]},
        "<program>",
    ),
    Rule(
        "ListApplicationCredentials",
        on_system("admin"),
        {"creator": "<Account>"},
        "<program>",
    ),
    Rule(
        "UpdateApplicationCredential",
        on_system("admin"),
        {"id": "<program>", "name": "<new>", "update_mask": {"paths": ["name"]}},
        "<program>",
    ),
    Rule("DeleteApplicationCredential", on_system("admin"), {"id": "<program>"}),
    Rule("ListAssignments", in_project("admin"), {"account": "<Account>"}, "<Project>"),
    Rule(
        "RegisterService",
        on_system("admin"),
        {"id": "<uuid>", "site": "<uuid>", "kinds": ["meta"], "regions": ["<new region>"]},
    ),
    Rule("RenewService", on_system("admin"), {"id": "<Service>"}),
    Rule("WithdrawService", on_system("admin"), {"id": "<new service>"}),
    Rule("ListServices", everybody, {}),
    # Regions, and what is in them, are hidden in test_region_visibility.py; these are public.
    Rule("GetRegion", everybody, {"id": "<Region>"}, "<Region>"),
    Rule("BatchGetRegions", everybody, {"ids": ["<Region>"]}, "<Region>"),
    Rule("ListRegions", everybody, {"parent": "<region above>"}, "<Region>"),
    Rule("ListRegionKeys", everybody, {"region": "<Region>"}),
    Rule("GetImage", everybody, {"id": "<Image>"}, "<Image>"),
    Rule("BatchGetImages", everybody, {"ids": ["<Image>"]}, "<Image>"),
    Rule("ListImages", everybody, {"region": "<Region>"}, "<Image>"),
    Rule("GetNetwork", everybody, {"id": "<Network>"}, "<Network>"),
    Rule("BatchGetNetworks", everybody, {"ids": ["<Network>"]}, "<Network>"),
    Rule("ListNetworks", everybody, {"region": "<Region>"}, "<Network>"),
    Rule(
        "iamListAuditEvents",
        lambda held: held.project("admin") or held.reaches("operator"),
        {"object_id": "<Project>"},
        "<Project>",
    ),
    Rule(
        "ListAuditEvents",
        lambda held: held.project("admin") or held.reaches("operator"),
        {"object_id": "<Machine>"},
        "<Machine>",
    ),
    Rule(
        "ListAuditEvents",
        lambda held: held.region("admin") or held.reaches("operator"),
        {"object_id": "<Server>"},
        "<Server>",
    ),
    Rule(
        "ResolveNames",
        in_project("reader"),
        {"object_type": "machine", "names": ["<machine name>"], "project": "<Project>"},
        "<Machine>",
    ),
    Rule(
        "ResolveNames",
        in_region("reader"),
        {"object_type": "server", "names": ["<server name>"]},
        "<Server>",
    ),
    Rule("DescribeObjects", in_project("reader"), {"ids": ["<Machine>"]}, "<Machine>"),
    Rule("DescribeObjects", in_region("reader"), {"ids": ["<Server>"]}, "<Server>"),
    Rule("UpdateTags", in_project("reader"), {"object_ids": ["<Machine>"], "add": ["<tag>"]}),
    Rule("UpdateTags", in_region("operator"), {"object_ids": ["<Server>"], "add": ["other"]}),
    Rule("ListTags", in_project("reader"), {"object_ids": ["<Machine>"]}, "<tag>"),
    Rule("ListObjectsByTag", in_project("reader"), {"tags": ["<tag>"]}, "<Machine>"),
    Rule("GetMetadef", in_project("reader", "project below it"), {"id": "<Metadef>"}, "<Metadef>"),
    Rule(
        "BatchGetMetadefs",
        in_project("reader", "project below it"),
        {"ids": ["<Metadef>"]},
        "<Metadef>",
    ),
    Rule(
        "ListMetadefs",
        in_project("reader", "project below it"),
        {"attribute": "<attribute>"},
        "<Metadef>",
    ),
    Rule(
        "UpdateMetadef",
        in_project("admin"),
        {"id": "<Metadef>", "generation": 99, "update_mask": {"paths": ["description"]}},
    ),
    Rule("DeleteMetadef", in_project("admin"), {"id": "<new metadef>"}),
    Rule("SetAttributes", in_project("operator"), {"attributes": [VALUE]}),
    Rule("ListAttributes", in_project("member"), {"object_ids": ["<Machine>"]}, "<attribute>"),
    Rule(
        "ListObjectsByAttribute",
        in_project("member"),
        {"attribute": "<attribute>"},
        "<Machine>",
    ),
    Rule("GetOperation", in_project("reader"), {"id": "<Operation>"}, "<Operation>"),
    Rule("GetOperation", in_region("reader"), {"id": "<checked>"}, "<checked>"),
    Rule("GetOperation", in_both("reader", "reader"), {"id": "<Operation>"}, "http://temporal/"),
    Rule("BatchGetOperations", in_project("reader"), {"ids": ["<Operation>"]}, "<Operation>"),
    Rule("BatchGetOperations", in_region("reader"), {"ids": ["<checked>"]}, "<checked>"),
    Rule("ListOperations", in_project("reader"), {"object_id": "<Machine>"}, "<Operation>"),
    Rule("ListOperations", in_region("reader"), {"object_id": "<Server>"}, "<checked>"),
    Rule("GetOperationLog", in_project("reader"), {"id": "<Operation>"}),
    Rule("GetOperationLog", in_region("reader"), {"id": "<checked>"}),
    Rule("AbortOperation", in_project("member"), {"id": "<Operation>"}, "done already"),
    Rule("AbortOperation", in_region("operator"), {"id": "<checked>"}, "done already"),
    Rule("RetryOperation", in_project("member"), {"id": "<Operation>"}, "can't be retried"),
    Rule("RetryOperation", in_region("operator"), {"id": "<checked>"}, "can't be retried"),
    Rule("GetMachine", in_both("reader", "reader"), OF_MACHINE, "<Host>"),
    Rule(
        "BatchGetMachines",
        in_both("reader", "reader"),
        {"project": "<Project>", "ids": ["<Machine>"]},
        "<Host>",
    ),
    Rule("ListMachines", in_both("reader", "reader"), {"project": "<Project>"}, "<Host>"),
    Rule(
        "UpdateMachine",
        in_both("member", "reader"),
        {**OF_MACHINE, "name": "<machine name>", "update_mask": {"paths": ["name"]}},
        "<Host>",
    ),
    Rule(
        "SetMark",
        in_both("operator", "operator"),
        {"object_id": "<Machine>", "kind": "protected", "reason": "kept"},
        "protected",
    ),
    Rule(
        "ClearMark",
        in_both("operator", "operator"),
        {"object_id": "<Machine>", "kind": "protected"},
    ),
    Rule(
        "ProvisionMachine",
        in_both("member", "operator"),
        {
            "project": "<Project>",
            "region": "<Region>",
            "name": "<new>",
            "spec": {"provider": "<Host>", **NOT_A_MACHINE},
        },
    ),
    Rule(
        "CreateReservations",
        in_both("member", "operator"),
        {
            "project": "<Project>",
            "region": "<Region>",
            "spec": {"machine": {"provider": "<Host>", **NOT_A_MACHINE}},
        },
    ),
    Rule(
        "CreateReservationSeries",
        in_both("member", "operator"),
        {
            "project": "<Project>",
            "region": "<Region>",
            "spec": {"machine": {"provider": "<Host>", **NOT_A_MACHINE}},
            "recurrence": WEEKLY,
            "ahead": {"seconds": 86_400},
        },
    ),
    Rule("GetRegion", in_region("reader"), {"id": "<internal region>"}, "<internal region>"),
    Rule("BatchGetRegions", in_region("reader"), {"ids": ["<internal region>"]}),
    Rule("ListRegions", in_region("reader"), {"page": MANY}, "<internal region>"),
    Rule("GetNetwork", in_region("reader"), {"id": "<internal network>"}, "<internal network>"),
    Rule("ListNetworks", in_region("reader"), {"page": MANY}, "<internal network>"),
    Rule("GetImage", in_region("reader"), {"id": "<internal image>"}, "<internal image>"),
    Rule("ListImages", in_region("reader"), {"page": MANY}, "<internal image>"),
    Rule("ListRegionKeys", in_region("reader"), {"region": "<internal region>"}),
    Rule(
        "SetChildQuota",
        lambda held: held.reaches("admin", "above it"),
        {"project": "<above>", "child": "<Project>", "spec": {"claims": 1_000}},
        "1000",
    ),
    Rule(
        "DeleteChildQuota",
        lambda held: held.reaches("admin", "above it"),
        {"project": "<above>", "child": "<Project with quota>"},
    ),
    Rule("CreateProject", in_project("admin"), {"name": "<new>", "parent": "<Project>"}),
    Rule("CreateProject", on_system("admin"), {"name": "<new>"}),
    Rule("DeleteProject", in_project("admin"), {"id": "<new project>"}),
    Rule("CreateRegion", in_region("admin"), {"name": "<new>", "parent": "<Region>"}),
    Rule("CreateRegion", on_system("admin"), {"name": "<new>"}),
    Rule("DeleteRegion", in_region("admin"), {"id": "<new region>"}),
)


def filled(ground: Ground, given: Any) -> Any:
    """Put what is there for its words."""
    if isinstance(given, Mapping):
        return {name: filled(ground, value) for name, value in given.items()}
    if isinstance(given, list):
        return [filled(ground, one) for one in given]
    if given == "<new>":
        return new_name("made")
    if given == "<uuid>":
        return str(uuid4())
    if given == "<new service>":
        return ground.service()
    if given == "<new metadef>":
        return define_attribute(ground.place)
    if given == "<new project>":
        above = ground.place.project
        return ground.site.admin.CreateProject(name=new_name("project"), parent=above).metadata.id
    if given == "<Project with quota>":
        quota = ground.site.admin.SetQuota(project=ground.place.project, spec={"claims": 1_000})
        return quota.project
    if given == "<new region>":
        above = ground.place.region
        return ground.site.admin.CreateRegion(name=new_name("region"), parent=above).metadata.id
    if isinstance(given, str) and given.startswith("<"):
        return ground.objects[given[1:-1]]
    return given


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
