"""Who may do what, where that is said in words next to an RPC: what docs/access.md says besides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.belongings import WEEKLY, access_of
from tests.fakes.caller import METHODS

ROLES = ("reader", "member", "operator", "admin")
OWN_PROJECT, OWN_REGION = ("its project", "above it"), ("its region", "region above it")
ELSEWHERE = ("project below it", "other project", "region below it", "other region")
PLACES = (*OWN_PROJECT, *OWN_REGION, *ELSEWHERE, "system")


@dataclass(frozen=True)
class Held:
    """A role and where somebody holds it, and one beside it; no role at all is the empty one.

    `program`: by an application credential that a user made who may everything.
    """

    role: str = ""
    place: str = ""
    beside: "Held | None" = None
    program: bool = False

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
PROGRAMS = (
    Held("reader", "above it", program=True),
    Held("admin", "its project", program=True),
    Held("operator", "its region", Held("member", "its project"), program=True),
    Held("admin", "other project", Held("admin", "other region"), program=True),
    Held("admin", "system", program=True),
)
EVERY = (Held(), *(Held(role, place) for place in PLACES for role in ROLES), *SEVERAL, *PROGRAMS)

FOR_PEOPLE = {"AssignRole"} | {
    name
    for name, method in METHODS.items()
    if access_of(method).role != common_pb2.ROLE_ANONYMOUS
    and {"password", "secret"} & set(method.input_type.fields_by_name)
}
"""What would outlive a program's secret, or give it more."""


READER = common_pb2.ROLE_READER
NO_REQUEST_ID = {"request_id": ""}
NO_SUCH_REVISION = {"after_revision": 1 << 60}
"""A watch that is allowed ends because of it, else it would have no end."""

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


def runs_the_site(held: Held) -> bool:
    """Of programs only those whose credential names the method, whatever their role."""
    return held.reaches("admin") and not held.program


WATCHES = [name for name in METHODS if name.endswith("Watch")]
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
    Rule("DeleteApplicationCredential", on_system("admin"), {"id": "<new program>"}),
    Rule("ListAssignments", in_project("admin"), {"account": "<Account>"}, "<Project>"),
    Rule(
        "RegisterService",
        runs_the_site,
        {"id": "<uuid>", "site": "<uuid>", "kinds": ["meta"], "regions": ["<new region>"]},
    ),
    Rule("RenewService", runs_the_site, {"id": "<Service>"}),
    Rule("WithdrawService", runs_the_site, {"id": "<new service>"}),
    *(Rule(watch, everybody, NO_SUCH_REVISION) for watch in WATCHES),
    Rule("ListServices", everybody, {}),
    Rule("ListServices", in_region("reader"), {}, "<internal Service>"),
    Rule("ListServices", on_system("reader"), {}, "seen_at"),
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
        # What was refused of it, or said of it for a project, is shown to admins of that.
        {"object_id": "<Server>", "kind": "created"},
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
