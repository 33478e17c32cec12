"""What a project sees does not change with what another one does, shared capacity aside.

Two projects share a region, a network and an image. Each has one of everything, and an admin of its
own. What is B's is read by every RPC that reads; A then does whatever it can.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.rpc import error_details_pb2, status_pb2
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from activities.contracts import hypervisor
from api.rules import fields_of_ids
from api.wellformed import messages_in
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.api.own_doings import DOINGS, Hands
from tests.fakes.belongings import access_of, belongings, naming, tried
from tests.fakes.caller import METHODS, Caller, request_of
from tests.fakes.executor import HOST
from tests.fakes.place import Place, new_name
from tests.fakes.site import LONG, Site

SHARED = ("ProposeCandidates", "FindOpenings")
"""They tell what is free, of what both may use."""
FOR_NOBODY = ("Bootstrap", "Login", "RefreshToken")
PLENTY = {"cpus": 256, "memory_mib": 1 << 20, "disk_gib": 10_000}
"""What a host has where nobody is to run short of what both may use."""

FOR_SERVICES = ("RegisterService", "RenewService", "WithdrawService")
"""For who runs a site: in a project nobody gets further than to be refused."""

WATCHES = [name for name in METHODS if name.endswith("Watch")]
PERSONAL = (
    *("ListSessions", "GetAccount", "ListAssignments", "ListProjects"),
    "GetApplicationCredential",
    *("BatchGetApplicationCredentials", "ListApplicationCredentials"),
)
"""They tell people what is their own, also where an admin of their project is told nothing."""

UUID = "[0-9a-f]{8}-[0-9a-f-]{27}"
READS = {
    name: method
    for name, method in METHODS.items()
    if "request_id" not in method.input_type.fields_by_name
    and name not in (*WATCHES, *SHARED, *FOR_NOBODY)
}
CHANGES = {
    name: method
    for name, method in METHODS.items()
    if "request_id" in method.input_type.fields_by_name and name not in (*FOR_NOBODY, "SignOut")
}


@dataclass
class Tenant:
    """A project with one of everything, its admin, and a person of it who has a program."""

    place: Place
    hardware: Mapping[str, str]
    admin: Caller = field(init=False)
    person: Caller = field(init=False)
    known: dict[str, str] = field(init=False)
    hands: Hands = field(init=False)

    def __post_init__(self) -> None:
        self.admin = self.place.site.account(common_pb2.ROLE_ADMIN, self.place.project)
        self.known = {
            **belongings(self.place),
            "Region": self.place.region,
            "Network": self.place.network,
            "Image": self.place.image,
            **self.hardware,
        }
        site = self.place.site
        self.person = site.caller(site.token(self.known["Account"], LONG))
        self.hands = Hands(self.place, self.admin, self.known["Account"])

    def slug(self, noun: str) -> str:
        """What one of its objects is called in URLs."""
        [found] = self.place.operator.DescribeObjects(ids=[self.known[noun]]).objects
        return str(found.slug)

    def sees(self) -> dict[str, str]:
        """What each RPC answers that reads: of what is its own, and of whatever there is."""
        seen = {}
        for name, method in READS.items():
            # What was tried on a project is no secret of who tried it: its admins see the refusals.
            done = {"result": "OK"} if name.endswith("ListAuditEvents") else {}
            own, all_of_it = (fields(method, self.known) | done for fields in (naming, project_of))
            seen[name] = told(self.admin, method, own)
            if own != all_of_it and not name.startswith(("Get", "BatchGet")):
                seen[f"{name}, all"] = told(self.admin, method, all_of_it)
            if name in PERSONAL:
                seen[f"{name}, a person's own"] = told(self.person, method, own)
        everything = {"ids": list(ids_of(self.known))}
        return seen | {"everything": told(self.admin, METHODS["DescribeObjects"], everything)}

    def revisions(self) -> dict[str, int]:
        """Where the events of each watch are now."""
        of_site = self.admin.ListMachines(project=self.place.project).revision
        return dict.fromkeys(WATCHES, of_site) | {"iamWatch": self.admin.ListRegions().revision}

    def watches_from(self, revisions: Mapping[str, int]) -> list[Any]:
        """Begin to watch after revisions, for as long as a test can take."""
        return [
            self.admin.send(name, request_of(METHODS[name], after_revision=revision), timeout=600)
            for name, revision in revisions.items()
        ]

    def hears(self, watches: Sequence[Any]) -> list[Any]:
        """The events that watches give, up to one of its own that comes now."""
        operator, project, heard = self.place.operator, self.place.project, []
        renamed = {"name": new_name("project"), "update_mask": {"paths": ["name"]}}
        operator.UpdateProject(id=project, **renamed)
        operator.UpdateTags(object_ids=[project], replace=True, add=[new_name("tag")])
        for watched in watches:
            for event in watched:
                if (event.object_id, event.author) == (project, operator.account):
                    break
                heard.append(event)
            watched.cancel()
        return heard


def ids_of(known: Mapping[str, str]) -> Iterator[str]:
    """What is an id of one of a project's objects."""
    return (one for one in known.values() if re.fullmatch(UUID, one))


def project_of(method: MethodDescriptor, known: Mapping[str, str]) -> dict[str, Any]:
    """The least that a call has to name."""
    needed = ("project", "window", "by")
    return {name: one for name, one in naming(method, known).items() if name in needed}


MOVING = {"revision", "addresses_used", "seen_at"}


def told(caller: Caller, method: MethodDescriptor, fields: Mapping[str, Any]) -> str:
    """What a call gives, or all that its refusal says, but for the request's own id.

    Left out is what is shared: revisions rise with whatever anybody does, networks fill up, and
    sites say that they are alive.
    """
    try:
        answers = tried(caller, method, request_of(method, **fields))
    except grpc.RpcError as error:
        return refusal_of(error)
    for part in itertools.chain(*map(messages_in, answers)):
        for moving in MOVING & set(part.DESCRIPTOR.fields_by_name):
            part.ClearField(moving)
    return "".join(map(str, answers))


def refusal_of(error: Any) -> str:
    trailer = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailer["grpc-status-details-bin"])
    said = [one for one in status.details if not one.Is(error_details_pb2.RequestInfo.DESCRIPTOR)]
    return f"{error.code()} {error.details()} {status.message} {said}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def tenants(request: pytest.FixtureRequest, _sites: Callable[..., Site]) -> tuple[Tenant, Tenant]:
    """Two projects with much of their own, beside each other on the same hardware."""
    ours = Place(_sites(request.param))
    ours.executor.answers(hypervisor.inspect, HOST.model_copy(update=PLENTY))
    host, _, server = ours.host(), ours.host(), ours.server()
    ours.host(project=ours.project)
    ours.server(project=ours.project)
    [checked] = ours.operator.ListOperations(object_id=server).operations
    group = ours.operator.CreateGroup(name=new_name("group"), region=ours.region, members=[host])
    hardware = {
        "Host": host,
        "Provider": host,
        "Server": server,
        "Group": group.metadata.id,
        "checked": checked.metadata.id,
    }
    theirs = Place(ours.site)
    shared = ("region", "executor", "network", "image")
    theirs.__dict__ |= {name: getattr(ours, name) for name in shared}
    a, b = Tenant(ours, hardware), Tenant(theirs, hardware)
    a.hands.others = b.slug
    return a, b


# Another project's object looks as if it did not exist


@pytest.mark.parametrize("name", [*READS, *CHANGES])
def test_what_is_anothers_answers_like_what_is_not_there(
    tenants: tuple[Tenant, Tenant], name: str
) -> None:
    a, b = tenants
    method = METHODS[name]
    invented = {noun: invent(one) for noun, one in a.known.items()} | {
        noun: a.known[noun] for noun in ("Region", "Network", "Image", *OPEN)
    }
    own = {"Project": b.known["Project"]}
    for ours, meant in itertools.product((own, {}), ({}, OF_HARDWARE)):
        fields, others = (
            naming(method, {**known, **{noun: known[of] for noun, of in meant.items()}, **ours})
            | more(method)
            for known in (a.known, invented)
        )
        if fields == others:
            continue
        answers = []
        for known, asked in ((a.known, fields), (invented, others)):
            text = told(b.admin, method, asked)
            for noun, one in known.items():
                text = text.replace(one, f"<{noun}>")
            # What is made for B by both is another thing each time.
            answers.append(re.sub(rf"{UUID}|(seconds|nanos): \d+", "<made>", text))
        assert answers[0] == answers[1]


OF_HARDWARE = {"Machine": "Server", "Operation": "checked"}
"""What a call may name in the place of what is a project's."""


def invent(one: str) -> str:
    """An id or name as long as one, which nothing has."""
    return re.sub(rf"{UUID}|[0-9a-f]{{8}}$", lambda found: str(uuid4())[: len(found[0])], one)


def test_what_is_of_another_region_answers_like_what_is_not_there(sqlite_place: Place) -> None:
    place, elsewhere = sqlite_place, Place(sqlite_place.site)
    caller = place.site.account(common_pb2.ROLE_ADMIN, region=place.region)
    host = place.host()
    asked = 0
    for method in OF_REGIONS:
        fields = method.input_type.fields_by_name
        known = {"region": place.region, "id": host}
        for path in paths_of_ids(method.input_type):
            if method.name.startswith("Create") and path[-1] in ("id", "image_id"):
                continue  # of what is made
            beside = [{one: known[one]} for one in known if one in fields and path != (one,)]
            for named in ({}, *beside):
                said = set()
                for one in (elsewhere.network, str(uuid4())):
                    asks = NO_REQUEST_ID if "request_id" in fields else {}
                    asks = asks | named | nested(method.input_type, path, one)
                    said.add(told(caller, method, asks).replace(one, "<id>"))
                assert len(said) == 1, (method.name, path, named)
                asked += 1
    assert asked > 50


NO_REQUEST_ID: dict[str, Any] = {"request_id": ""}
"""What is allowed is refused for it: nothing changes."""

OF_REGIONS = [
    method
    for method in METHODS.values()
    if access_of(method).scope == common_pb2.SCOPE_REGION and not access_of(method).field
]


def paths_of_ids(kind: Descriptor) -> Iterator[tuple[str, ...]]:
    """Where ids stand in a message but for a region's and a project's, by the names of fields."""
    ids, around = fields_of_ids(kind)
    yield from ((one.name,) for one in ids if one.name not in ("region", "project"))
    for outer in around:
        assert outer.message_type is not None
        yield from ((outer.name, *path) for path in paths_of_ids(outer.message_type))


def nested(kind: Descriptor, path: Sequence[str], one: str) -> dict[str, Any]:
    """The fields of a message that has an id at a path."""
    name, *rest = path
    outer = kind.fields_by_name[name]
    value = nested(outer.message_type, rest, one) if rest and outer.message_type else one
    return {name: [value] if outer.is_repeated else value}


OPEN = ("Account",)
"""An account is nobody's: whoever has its id may give it a role."""


CHANGED = {"UpdateMetadef": "description", "UpdateReservation": "window"}
"""What else than its name of what has none."""


def more(method: MethodDescriptor, name: str = "another") -> dict[str, Any]:
    """What a change needs beside what it names, to be looked at at all."""
    changed = CHANGED.get(method.name, "name")
    given: dict[str, Any] = {
        "update_mask": {"paths": [changed]},
        "name": name,
        "reason": "tried",
        "kind": "protected",
        "role": common_pb2.ROLE_READER,
        "add": ["tag"],
        "schema": "true",
        "secret": "s" * 32,
    }
    return {name: one for name, one in given.items() if name in method.input_type.fields_by_name}


# What A does changes nothing that B sees

OF_SESSIONS = ("Login", "RefreshToken", "SignOut")
"""They change who is signed in: of others it can't even try."""

OF_NO_PROJECT = (common_pb2.SCOPE_SYSTEM, common_pb2.SCOPE_REGION)
IN_ITS_HANDS = {
    name
    for name, method in CHANGES.items()
    if access_of(method).scope not in OF_NO_PROJECT and name not in FOR_SERVICES
}
BATCHES = {
    name
    for name in IN_ITS_HANDS
    if any(one.is_repeated for one in METHODS[name].input_type.fields_by_name.values())
}
ENDS = ("Delete", "Release", "Cancel", "Decommission", "End", "Revoke", "Clear", "Abort", "Force")
IN_ORDER = sorted(CHANGES, key=lambda name: name.startswith(ENDS))
"""What is there is changed before it is ended."""

EVERY_STEP = [
    *((name, whose) for whose in ("theirs", "mixed") for name in IN_ORDER),
    *((name, "both") for name in sorted(BATCHES)),
    *((name, "its own") for name in (*IN_ORDER, *OF_SESSIONS)),
]
STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(DOINGS)), st.just("its own"))
    | st.tuples(st.sampled_from(sorted(IN_ITS_HANDS)), st.sampled_from(["theirs", "mixed"]))
    | st.tuples(st.sampled_from(sorted(BATCHES)), st.just("both")),
    min_size=15,
    max_size=40,
)


def test_all_that_an_admin_of_a_project_can_change_is_done() -> None:
    assert {*IN_ITS_HANDS, *OF_SESSIONS} == DOINGS.keys()


def test_whatever_one_does_the_other_sees_the_same(tenants: tuple[Tenant, Tenant]) -> None:
    a, b = tenants
    with sees_the_same(b) as look:

        @settings(
            max_examples=8,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
        )
        @given(steps=STEPS)
        def take(steps: Sequence[tuple[str, str]]) -> None:
            for name, whose in steps:
                is_done(a, b, name, whose)
            look()

        take()


def test_all_that_one_can_ask_for_changes_only_what_it_sees_itself(
    tenants: tuple[Tenant, Tenant],
) -> None:
    a, b = tenants
    with sees_the_same(b) as look:
        done = {step for step in EVERY_STEP if is_done(a, b, *step)}
        look()
    assert {name for name, whose in done if whose == "its own"} == DOINGS.keys()


@contextmanager
def sees_the_same(b: Tenant) -> Iterator[Callable[[], None]]:
    """Have B see what it saw before whenever it is told to look, and hear nothing all the while."""
    before, revisions = b.sees(), b.revisions()
    meanwhile = b.watches_from(revisions)

    def look() -> None:
        after = b.sees()
        assert {name: after[name] for name in before if after[name] != before[name]} == {}

    yield look
    assert b.hears([*meanwhile, *b.watches_from(revisions)]) == []


def is_done(a: Tenant, b: Tenant, name: str, whose: str) -> bool:
    """Have A do something with what is whose; says whether it was allowed."""
    if whose == "its own" and name in DOINGS:
        DOINGS[name](a.hands)
        return True
    method = METHODS[name]
    mixed = {**b.known, "Project": a.known["Project"]}
    known = {"its own": a.known, "theirs": b.known, "mixed": mixed, "both": a.known}[whose]
    asked = naming(method, known) | more(method, new_name("another"))
    if whose == "mixed" and "child" in asked:
        asked["child"] = b.known["Project"]
    if whose == "both":
        asked |= with_theirs(asked, naming(method, b.known))
    return not told(a.admin, method, asked).startswith("StatusCode.")


def with_theirs(asked: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """What a call names many of, with somebody else's behind one's own."""
    return {
        name: [*one, *theirs[name]]
        for name, one in asked.items()
        if name in theirs and isinstance(one, list)
    }
