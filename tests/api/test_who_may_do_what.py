"""Every RPC, with every role, wherever it is held: what docs/access.md says is what a service does.

All that a call names is there: what isn't answered is refused, or hidden, because of the role. A
mutation is refused for its request id as soon as it is allowed, so that nobody's call is the last,
and a watch, which has no end, for its revision.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
    FOR_PEOPLE,
    NO_REQUEST_ID,
    NO_SUCH_REVISION,
    OWN_PROJECT,
    OWN_REGION,
    RULES,
    WATCHES,
    Held,
    Rule,
    in_project,
    in_region,
    on_system,
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
FOR_ACCOUNTS = [
    name for name, method in METHODS.items() if access_of(method).role != common_pb2.ROLE_ANONYMOUS
]


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
        roles = [self._assigned(one) for one in (held, held.beside) if one and one.role]
        if held.program:
            return self.program(roles)
        account = self.site.new_account()
        for one in roles:
            self.site.admin.AssignRole(account=account, **one)
        return self.site.caller(self.site.token(account, LONG))

    def _assigned(self, held: Held) -> dict[str, Any]:
        where = dict([self.places[held.place]]) if held.place != "system" else {}
        return {"role": common_pb2.Role.Value(f"ROLE_{held.role.upper()}"), **where}

    def program(self, roles: Sequence[Mapping[str, Any]], **limits: Any) -> Caller:
        """A program of the site's admin with roles and limits."""
        return self.site.caller(self.site.token(new_program(self, roles, **limits), LONG))

    @cached_property
    def watchers(self) -> Mapping[Held, Caller]:
        """The callers, who also read a project of their own: what comes there ends what they hear.

        Their other tokens say nothing of it.
        """
        role = {"role": common_pb2.ROLE_READER, "project": self.own_to_watchers}
        for caller in self.callers.values():
            self.site.admin.AssignRole(account=caller.account, **role)
        token = self.site.token
        return {
            held: self.site.caller(token(one.account, LONG)) for held, one in self.callers.items()
        }

    @cached_property
    def own_to_watchers(self) -> str:
        return str(self.site.admin.CreateProject(name=new_name("project")).metadata.id)

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


def is_for(held: Held, name: str) -> bool:
    """Whether an RPC is for such an account at all, whatever its role."""
    return not (held.program and name in FOR_PEOPLE)


def about(ground: Ground, method: MethodDescriptor) -> dict[str, Any]:
    """The fields with which a call names what is there, of a project and a region."""
    fields = naming(method, ground.objects)
    if method.name == "Watch":
        return fields | NO_SUCH_REVISION
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
    for name in FOR_ACCOUNTS
    if not (
        access_of(METHODS[name]).scope == common_pb2.SCOPE_NONE and access_of(METHODS[name]).besides
    )
]


@pytest.mark.parametrize("name", BY_OPTION)
def test_the_option_is_what_is_answered(ground: Ground, name: str) -> None:
    access, fields = access_of(METHODS[name]), about(ground, METHODS[name])
    allowed = {held for held in EVERY if by_option(access, held) and is_for(held, name)}
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


def new_program(ground: Ground, roles: Sequence[Mapping[str, Any]], **limits: Any) -> str:
    asked = {"name": new_name("program"), "secret": "s" * 32, "roles": roles, **limits}
    return str(ground.site.admin.CreateApplicationCredential(**asked).metadata.id)


def with_quota(ground: Ground) -> str:
    ground.site.admin.SetQuota(project=ground.place.project, spec={"claims": 1_000})
    return ground.place.project


ADMIN = [{"role": common_pb2.ROLE_ADMIN}]
NEW: Mapping[str, Callable[[Ground], str]] = {
    "<new>": lambda _: new_name("made"),
    "<uuid>": lambda _: str(uuid4()),
    "<new metadef>": lambda ground: define_attribute(ground.place),
    "<new project>": new_project,
    "<new program>": lambda ground: new_program(ground, ADMIN),
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
    allowed = {held for held in EVERY if rule.may(held) and is_for(held, rule.name)}
    shows = filled(ground, rule.shows)
    asked = who_is_answered(ground, rule.name, lambda: filled(ground, rule.fields), shows)
    assert asked == allowed
    assert answer(ground.site.caller(), rule.name, **filled(ground, rule.fields)) == ""


def test_every_rule_in_words_is_tried() -> None:
    in_words = {name for name in FOR_ACCOUNTS if access_of(METHODS[name]).besides}
    assert in_words == {rule.name for rule in RULES}


# What a watch shows


@pytest.mark.parametrize("name", WATCHES)
def test_a_watch_shows_what_is_said_in_words(ground: Ground, name: str) -> None:
    watchers = ground.watchers
    begin = first_revision(ground, name)
    shown = something_of_each(ground, of_iam=name == "iamWatch")
    heard = {held: said_by(ground, one, name, begin) for held, one in watchers.items()}
    for what, may in shown.items():
        told = {held for held, events in heard.items() if any(what in text for text in events)}
        assert told == {held for held in EVERY if may(held)}


def first_revision(ground: Ground, name: str) -> int:
    admin = ground.site.admin
    return int((admin.ListRegions() if name == "iamWatch" else admin.ListHosts()).revision)


def something_of_each(ground: Ground, *, of_iam: bool) -> Mapping[str, Callable[[Held], bool]]:
    """Change what is in a project, in a region and in neither, then what all watchers read.

    Gives who may know of it by what stands in the event.
    """
    admin, objects, own = ground.site.admin, ground.objects, ground.own_to_watchers
    if of_iam:
        renamed = {"name": new_name("place"), "update_mask": {"paths": ["name"]}}
        admin.UpdateProject(id=objects["Project"], **renamed)
        admin.UpdateRegion(id=objects["Region"], **renamed)
        changed = (objects["Project"], objects["Region"], ground.site.new_account())
        admin.UpdateProject(id=own, name=new_name("end"), update_mask={"paths": ["name"]})
    else:
        changed = (objects["Machine"], objects["Server"], f"t:{new_name('capability')}")
        admin.UpdateTags(object_ids=changed[:2], add=[new_name("tag")])
        admin.CreateCapability(name=changed[2])
        admin.UpdateTags(object_ids=[own], add=[new_name("tag")])
    rules = (in_project("reader"), in_region("reader"), on_system("reader"))
    return dict(zip(changed, rules, strict=True))


def said_by(ground: Ground, watcher: Caller, name: str, begin: int) -> list[str]:
    """What a watch tells, up to the last that is read by everybody who watches."""
    said = []
    watched = getattr(watcher, name)(after_revision=begin)
    for event in watched:
        if event.object_id == ground.own_to_watchers:
            break
        said.append(str(event))
    watched.cancel()
    return said


# What a program is limited to

MOST_METHODS = 32
"""So many a credential may have."""

ALWAYS = {"SignOut", "ListServices"}
"""What a program needs to find the site that it is for, and to end."""


@pytest.mark.parametrize("first", range(0, len(FOR_ACCOUNTS), MOST_METHODS))
def test_a_program_for_some_methods_calls_no_others(ground: Ground, first: int) -> None:
    own = FOR_ACCOUNTS[first : first + MOST_METHODS]
    program = ground.program(ADMIN, methods=[of_service(METHODS[name]) for name in own])
    answered = {name for name in FOR_ACCOUNTS if is_answered(ground, program, name)}
    assert answered == {*own, *ALWAYS} - FOR_PEOPLE


def of_service(method: MethodDescriptor) -> str:
    assert method.containing_service is not None
    return f"{method.containing_service.name}/{method.name}"


def is_answered(
    ground: Ground, program: Caller, name: str, of_others: Collection[str] = ()
) -> bool:
    """Whether a program of an admin gets an answer; else it is told what it is limited to.

    But for what is asked of others, which only its roles would show.
    """
    method = METHODS[name]
    try:
        tried(program, method, request_of(method, **about(ground, method)))
    except grpc.RpcError as error:
        refusal: Any = error
        told = dict(refusal.trailing_metadata())["grpc-status-details-bin"]
        limited = b"CREDENTIAL_LIMITED" in told
        denied = not limited and refusal.code() == grpc.StatusCode.PERMISSION_DENIED
        assert not denied or name in of_others, refusal.details()
        return not limited and not denied
    return True


OF_REGIONS = (
    *("Machine", "Operation", "checked", "Claim", "Reservation", "ReservationSeries"),
    *("Host", "Server", "Provider", "Group", "Network", "Image", "Region"),
)
MEANS = (
    *("id", "ids", "object_id", "object_ids", "provider", "group", "tree", "parent"),
    *("from_provider", "to_provider", "operation", "series"),
)
"""Fields whose objects say in which region a call stays, as docs/access.md has it."""

OPEN_TO_ALL = {
    *("SignOut", "ListSessions", "ListServices", "GetRegion", "BatchGetRegions", "ListRegions"),
    *("GetNetwork", "BatchGetNetworks", "ListNetworks", "GetImage", "BatchGetImages", "ListImages"),
    *("ListProviderTypes", "ListResourceTypes", "ListCapabilities", "ListDistanceTypes"),
    *("ListRegionKeys", "BatchGetProjects", "ListProjects", "GetAccount", "ListAssignments"),
    *("GetApplicationCredential", "BatchGetApplicationCredentials"),
    *("ListApplicationCredentials", "iamListAuditEvents"),
}
"""What asks for no more than a token, and shows the same to everybody, or what is one's own."""
OF_OTHERS = {"ListApplicationCredentials"}
"""Of these, what is asked for here is of another account."""


@pytest.mark.parametrize("where", ["its region", "region above it"])
def test_a_program_for_a_region_calls_what_stays_there(ground: Ground, where: str) -> None:
    program = ground.program(ADMIN, region=ground.places[where][1])
    staying = {name for name in FOR_ACCOUNTS if stays(ground, METHODS[name])}
    answered = {name for name in FOR_ACCOUNTS if is_answered(ground, program, name, OF_OTHERS)}
    assert answered == (staying | OPEN_TO_ALL) - FOR_PEOPLE - OF_OTHERS
    assert len(staying) > 60


@pytest.mark.parametrize("where", ["region below it", "other region"])
def test_a_program_for_another_region_calls_nothing_of_this_one(ground: Ground, where: str) -> None:
    program = ground.program(ADMIN, region=ground.places[where][1])
    here = {ground.objects[noun] for noun in OF_REGIONS}
    leaving = {
        name
        for name in FOR_ACCOUNTS
        if here & {text for _, text in texts_in(about(ground, METHODS[name]))}
    }
    theirs = {*OF_OTHERS, "ListAssignments"}  # Of a region that is not its own.
    answered = {name for name in FOR_ACCOUNTS if is_answered(ground, program, name, theirs)}
    assert answered == OPEN_TO_ALL - leaving - theirs


def stays(ground: Ground, method: MethodDescriptor) -> bool:
    """Whether a call names a region or means objects, all of which its service knows are here."""
    of_iam = of_service(method).startswith("IamService")
    here = {ground.objects[noun] for noun in (("Region",) if of_iam else OF_REGIONS)}
    said = texts_in(about(ground, method))
    meant = {text for name, text in said if name in (*MEANS, "region")}
    return bool(meant) and meant <= here


def texts_in(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text of a call, behind its field's name."""
    for name, given in fields.items():
        for one in given if isinstance(given, list) else [given]:
            if isinstance(one, Mapping):
                yield from texts_in(one)
            elif isinstance(one, str):
                yield name, one
