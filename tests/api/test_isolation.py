"""What a project sees does not change with what another one does, shared capacity aside.

Two projects share a region, a network and an image. Each has one of everything, and an admin of its
own. What is B's is read by every RPC that reads; A then does whatever it can.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.rpc import error_details_pb2, status_pb2
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from api.rules import fields_of_ids
from api.wellformed import messages_in
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.belongings import access_of, belongings, naming, tried
from tests.fakes.caller import METHODS, Caller, request_of
from tests.fakes.place import Place, new_name
from tests.fakes.site import Site

SHARED = ("ProposeCandidates", "FindOpenings")
"""They tell what is free, of what both may use."""
FOR_NOBODY = ("Bootstrap", "Login", "RefreshToken")
UUID = "[0-9a-f]{8}-[0-9a-f-]{27}"
READS = {
    name: method
    for name, method in METHODS.items()
    if "request_id" not in method.input_type.fields_by_name
    and not name.endswith("Watch")
    and name not in (*SHARED, *FOR_NOBODY)
}
CHANGES = {
    name: method
    for name, method in METHODS.items()
    if "request_id" in method.input_type.fields_by_name and name not in (*FOR_NOBODY, "SignOut")
}


@dataclass
class Tenant:
    """A project with one of everything, and its admin."""

    place: Place
    hardware: Mapping[str, str]
    admin: Caller = field(init=False)
    known: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.admin = self.place.site.account(common_pb2.ROLE_ADMIN, self.place.project)
        self.known = {
            **belongings(self.place),
            "Region": self.place.region,
            "Network": self.place.network,
            "Image": self.place.image,
            **self.hardware,
        }

    def sees(self) -> dict[str, str]:
        """What each RPC answers that reads: of what is its own, and of whatever there is."""
        seen = {}
        for name, method in READS.items():
            # What was tried on a project is no secret of who tried it: its admins see the refusals.
            done = {"result": "OK"} if name.endswith("ListAuditEvents") else {}
            for which, fields in ((name, naming), (f"{name}, all", project_of)):
                seen[which] = told(self.admin, method, fields(method, self.known) | done)
        everything = {"ids": list(ids_of(self.known))}
        return seen | {"everything": told(self.admin, METHODS["DescribeObjects"], everything)}

    def revisions(self) -> dict[str, int]:
        """Where the events of iam and of the site are now."""
        return {
            "iamWatch": self.admin.ListRegions().revision,
            "Watch": self.admin.ListMachines(project=self.place.project).revision,
        }

    def hears_after(self, revisions: Mapping[str, int]) -> list[Any]:
        """The events that it gets after revisions, up to one of its own that comes now."""
        operator, project, heard = self.place.operator, self.place.project, []
        renamed = {"name": new_name("project"), "update_mask": {"paths": ["name"]}}
        operator.UpdateProject(id=project, **renamed)
        operator.UpdateTags(object_ids=[project], replace=True, add=[new_name("tag")])
        for watch, revision in revisions.items():
            watched = getattr(self.admin, watch)(after_revision=revision)
            for event in watched:
                if event.object_id == project:
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
    return tenants_at(_sites(request.param))


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, _sites: Callable[..., Site]) -> tuple[Tenant, Tenant]:
    """Tenants that still have all that they began with."""
    return tenants_at(_sites(request.param))


def tenants_at(site: Site) -> tuple[Tenant, Tenant]:
    """Two projects with much of their own, beside each other on the same hardware."""
    ours = Place(site)
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
    return Tenant(ours, hardware), Tenant(theirs, hardware)


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

IN_ITS_HANDS = [
    name
    for name, method in CHANGES.items()
    if access_of(method).scope not in (common_pb2.SCOPE_SYSTEM, common_pb2.SCOPE_REGION)
]
STEPS = st.lists(
    st.tuples(st.sampled_from(IN_ITS_HANDS), st.sampled_from(["its own", "theirs", "mixed"])),
    min_size=10,
    max_size=30,
)


ENDS = ("Delete", "Release", "Cancel", "Decommission", "End", "Revoke", "Clear", "Abort", "Force")
IN_ORDER = sorted(CHANGES, key=lambda name: name.startswith(ENDS))
"""What is there is changed before it is ended."""

EVERY_STEP = [(name, whose) for whose in ("theirs", "mixed", "its own") for name in IN_ORDER]
DONE = {
    *("AssignRole", "RevokeRole", "CreateProject", "UpdateProject", "CreateApplicationCredential"),
    *("UpdateTags", "UpdateMetadef", "DeleteMetadef", "SetAttributes"),
    *("CreateClaim", "ConfirmClaim", "ReleaseClaim"),
    *("CreateReservations", "UpdateReservation", "CancelReservation"),
    *("CreateReservationSeries", "EndReservationSeries", "UpdateMachine", "DecommissionMachine"),
}
"""What an admin of a project can do with what is its own."""


@settings(max_examples=5, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
@given(steps=STEPS)
def test_whatever_one_does_the_other_sees_the_same(
    tenants: tuple[Tenant, Tenant], steps: Sequence[tuple[str, str]]
) -> None:
    only_its_own_changes(*tenants, steps)


def test_all_that_one_can_ask_for_changes_only_what_it_sees_itself(
    fresh: tuple[Tenant, Tenant],
) -> None:
    done = only_its_own_changes(*fresh, EVERY_STEP)
    assert {name for name, whose in done if whose == "its own"} == DONE


def only_its_own_changes(
    a: Tenant, b: Tenant, steps: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Have A take steps with what is whose, and B see what it saw before; gives what was done."""
    before, revisions = b.sees(), b.revisions()
    known = {
        "its own": a.known,
        "theirs": b.known,
        "mixed": {**b.known, "Project": a.known["Project"]},
    }
    done = set()
    for name, whose in steps:
        method = METHODS[name]
        asked = naming(method, known[whose]) | more(method, new_name("another"))
        if not told(a.admin, method, asked).startswith("StatusCode."):
            done.add((name, whose))
    for one in a.admin.ListOperations(project=a.known["Project"]).operations:
        if one.status.state == "running" and one.type in ("provision", "decommission"):
            a.place.site.end_of(one.metadata.id)
    after = b.sees()
    assert {name: after[name] for name in before if after[name] != before[name]} == {}
    assert b.hears_after(revisions) == []
    return done
