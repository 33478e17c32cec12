"""Contracts of the reconciliation's records: compare, write what was found, mend what is safe."""

from datetime import datetime
from typing import Literal

from temporalio import activity

from activities.contracts.hypervisor import HostAccess, HostSurvey
from activities.contracts.operations import Asked, Recorded, Resume
from activities.contracts.payload import Payload, contract_only
from activities.contracts.redfish import BmcAccess, ServerLook
from activities.contracts.temporal_view import ResumeOperation, WorkflowSeen


class RunReconcile(Payload):
    """Compare a region, and mend what is safe.

    What changed in the last `quiet_s` seconds is left out; what was found is only believed when it
    is found again `again_s` seconds later. `resume` says how an earlier run's end is made up for.
    """

    asked: Asked
    quiet_s: int = 60
    again_s: int = 5
    resume: Resume = ""


class RunReconcileRecords(Payload):
    """Compare the records of a region, or of the whole site (""), with themselves and Temporal."""

    region: str = ""
    quiet_s: int = 60
    again_s: int = 5


class CompareRecords(Payload):
    """Compare with what Temporal says: `running` are ids, `seen` were asked for one by one."""

    region: str = ""
    quiet_since: datetime
    running: tuple[str, ...] = ()
    seen: tuple[WorkflowSeen, ...] = ()


class DifferenceFound(Payload):
    """One difference in words; `place` is the host or server that showed it, if one did."""

    kind: str
    region: str
    object_type: str
    object_id: str
    message: str = ""
    action: str = ""
    place: str = ""
    mends_itself: bool = False


class Differences(Payload):
    """What a comparison found."""

    found: tuple[DifferenceFound, ...] = ()


class PlanLooks(Payload):
    """Choose the hosts and servers to look at."""

    region: str
    quiet_since: datetime


class LookPlan(Payload):
    """The hosts and servers to look at."""

    hosts: tuple[HostAccess, ...] = ()
    servers: tuple[BmcAccess, ...] = ()


class HostSeen(Payload):
    """What was found on a host, or why it could not be reached."""

    host: str
    survey: HostSurvey = HostSurvey()
    problem: str = ""


class ServerSeen(Payload):
    """What was found at a server's BMC, or why it could not be reached."""

    server: str
    look: ServerLook = ServerLook()
    problem: str = ""


class CompareHardware(Payload):
    """Compare with what hardware says; `problem` is why no executor answers, if none does."""

    region: str
    quiet_since: datetime
    hosts: tuple[HostSeen, ...] = ()
    servers: tuple[ServerSeen, ...] = ()
    served: tuple[str, ...] = ()
    problem: str = ""


class RecordFound(Payload):
    """What was found in the end; what else was open of what was compared is gone.

    `compared` says what was compared; `looked_at` are the hosts and servers that answered or not.
    """

    region: str = ""
    at: datetime
    operation: str = ""
    found: tuple[DifferenceFound, ...] = ()
    compared: tuple[Literal["records", "hardware", "executor"], ...] = ("records",)
    looked_at: tuple[str, ...] = ()


class MendDifference(Payload):
    """Mend a difference; `workflow` is the state in which Temporal showed its operation's."""

    found: DifferenceFound
    at: datetime
    operation: str = ""
    workflow: str = ""


class DifferenceMended(Payload):
    """Whether the records are mended, or `resume` says which workflow has to be started."""

    is_done: bool = False
    waiting: tuple[str, ...] = ()
    resume: ResumeOperation | None = None


@activity.defn(name="reconcile.begin")
def begin(request: RunReconcile) -> Recorded:
    """Write the operation's row."""
    contract_only()


@activity.defn(name="reconcile.compare_records")
def compare_records(request: CompareRecords) -> Differences:
    """Compare the database with itself and with Temporal."""
    contract_only()


@activity.defn(name="reconcile.plan_looks")
def plan_looks(request: PlanLooks) -> LookPlan:
    """Choose what is looked at: what is at rest, and expected to answer."""
    contract_only()


@activity.defn(name="reconcile.compare_hardware")
def compare_hardware(request: CompareHardware) -> Differences:
    """Compare the database with hosts, BMCs and what executors serve."""
    contract_only()


@activity.defn(name="reconcile.record_found")
def record_found(request: RecordFound) -> Recorded:
    """Write what was found, and what is gone."""
    contract_only()


@activity.defn(name="reconcile.mend")
def mend(request: MendDifference) -> DifferenceMended:
    """Mend what the database alone can mend, or say which workflow has to be started."""
    contract_only()


@activity.defn(name="reconcile.record_mended")
def record_mended(request: MendDifference) -> Recorded:
    """Write that a difference was mended elsewhere."""
    contract_only()
