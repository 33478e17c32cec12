"""What a project sees does not change with what another one does, shared capacity aside.

Two projects share a region, a network and an image. Each has one of everything, and an admin of its
own. What is B's is read by every RPC that reads; A then does whatever it can.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import error_details_pb2, status_pb2
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

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
    admin: Caller = field(init=False)
    known: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.admin = self.place.site.account(common_pb2.ROLE_ADMIN, self.place.project)
        self.known = {
            **belongings(self.place),
            "Region": self.place.region,
            "Network": self.place.network,
            "Image": self.place.image,
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


def told(caller: Caller, method: MethodDescriptor, fields: Mapping[str, Any]) -> str:
    """What a call gives, or all that its refusal says, but for the request's own id.

    Left out is what is shared: revisions rise with whatever anybody does, networks fill up.
    """
    try:
        answers = tried(caller, method, request_of(method, **fields))
    except grpc.RpcError as error:
        return refusal_of(error)
    for one in answers:
        for part in (one, *getattr(one, "networks", ())):
            for shared in {"revision", "addresses_used"} & set(part.DESCRIPTOR.fields_by_name):
                part.ClearField(shared)
    return "".join(map(str, answers))


def refusal_of(error: Any) -> str:
    trailer = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailer["grpc-status-details-bin"])
    said = [one for one in status.details if not one.Is(error_details_pb2.RequestInfo.DESCRIPTOR)]
    return f"{error.code()} {error.details()} {status.message} {said}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def tenants(request: pytest.FixtureRequest, _sites: Callable[..., Site]) -> tuple[Tenant, Tenant]:
    ours = Place(_sites(request.param))
    ours.host()
    theirs = Place(ours.site)
    shared = ("region", "executor", "network", "image")
    theirs.__dict__ |= {name: getattr(ours, name) for name in shared}
    return Tenant(ours), Tenant(theirs)


# Another project's object looks as if it did not exist


@pytest.mark.parametrize("name", [*READS, *CHANGES])
def test_what_is_anothers_answers_like_what_is_not_there(
    tenants: tuple[Tenant, Tenant], name: str
) -> None:
    a, b = tenants
    method = METHODS[name]
    invented = {noun: str(uuid4()) for noun in a.known} | {
        noun: a.known[noun] for noun in ("Region", "Network", "Image", *OPEN)
    }
    for own in ({"Project": b.known["Project"]}, {}):
        fields = naming(method, {**a.known, **own}) | more(method)
        others = naming(method, {**invented, **own}) | more(method)
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


OPEN = ("Account",)
"""An account is nobody's: whoever has its id may give it a role."""


def more(method: MethodDescriptor) -> dict[str, Any]:
    """What a change needs beside what it names, to be looked at at all."""
    given: dict[str, Any] = {
        "update_mask": {"paths": ["name"]},
        "name": "another",
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


EVERY_STEP = [(name, whose) for whose in ("theirs", "mixed", "its own") for name in CHANGES]


def test_all_that_one_can_ask_for_changes_only_what_it_sees_itself(
    tenants: tuple[Tenant, Tenant],
) -> None:
    before = tenants[0].sees()
    only_its_own_changes(*tenants, EVERY_STEP)
    assert tenants[0].sees() != before


@settings(max_examples=5, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
@given(steps=STEPS)
def test_whatever_one_does_the_other_sees_the_same(
    tenants: tuple[Tenant, Tenant], steps: Sequence[tuple[str, str]]
) -> None:
    only_its_own_changes(*tenants, steps)


def only_its_own_changes(a: Tenant, b: Tenant, steps: Sequence[tuple[str, str]]) -> None:
    """Have A take steps with what is whose, and B see what it saw before."""
    before, revisions = b.sees(), b.revisions()
    known = {
        "its own": a.known,
        "theirs": b.known,
        "mixed": {**b.known, "Project": a.known["Project"]},
    }
    for name, whose in steps:
        method = METHODS[name]
        told(a.admin, method, naming(method, known[whose]) | more(method))
    for one in a.admin.ListOperations(project=a.known["Project"]).operations:
        if one.status.state == "running" and one.type in ("provision", "decommission"):
            a.place.site.end_of(one.metadata.id)
    after = b.sees()
    assert {name: after[name] for name in before if after[name] != before[name]} == {}
    assert b.hears_after(revisions) == []
