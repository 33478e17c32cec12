"""Contracts of an operation's record: its steps, its log, its end."""

from datetime import datetime
from typing import Literal

from temporalio import activity

from activities.contracts.configuration import Configured
from activities.contracts.hardware import OperationLog
from activities.contracts.payload import Payload, contract_only


class Asked(Payload):
    """Who asked for the operation, and a digest of what was asked.

    Everything of an operation hangs on its id, which is derived from project, account and request
    id: the same request is the same operation. Method, address, session and home are for the audit.
    """

    operation: str
    request_id: str
    account: str
    project: str = ""
    region: str
    digest: str
    method: str = ""
    address: str = ""
    session: str = ""
    home: str = ""


Resume = Literal["", "forward", "undo"]
"""Why a workflow starts a second time: to go on where it was lost, or to take back what it did."""


class FreshAccess(Payload):
    """How a server's BMC is reached since somebody changed it; names as in `BmcAccess`."""

    server: str
    sealed_credentials: str
    verify_tls: bool = True


WORKFLOW_OF = {
    "claim": "Claim",
    "decommission": "Decommission",
    "force-release": "ForceRelease",
    "inspect": "Inspect",
    "keep": "Keep",
    "provision": "Provision",
    "reconcile": "Reconcile",
    "reservation": "Reservation",
    "reserve": "Reserve",
    "restore": "Restore",
    "rotate-key": "RotateRegionKey",
    "verify": "Verify",
}
"""The workflow of each type of operation that can be started again from its row."""


class StepChange(Payload):
    """A step that begins, goes on or ends. `key` makes a repeat of this change harmless."""

    name: str
    state: str
    message: str = ""
    percent: int = 0


class RecordSteps(Payload):
    """Steps of one operation that changed, in order, written in one transaction."""

    operation: str
    at: datetime
    changes: tuple[StepChange, ...]


class FinishOperation(Payload):
    """The operation's end: done, failed or cancelled."""

    operation: str
    at: datetime
    state: str
    reason: str = ""
    error_code: str = ""
    changes: tuple[StepChange, ...] = ()


class RecordLog(Payload):
    """What was said during the operation."""

    operation: str
    parts: tuple[OperationLog, ...]


class Recorded(Payload):
    """It is written. `waiting` are operations that wait for capacity, to be woken.

    `frozen` says why nothing may power, wipe, delete or start in the region now, if so.
    `configured` is how the region's executors are, if anything was ever set.
    """

    waiting: tuple[str, ...] = ()
    frozen: str = ""
    configured: Configured | None = None


@activity.defn(name="operations.record_steps")
def record_steps(request: RecordSteps) -> Recorded:
    """Write how far an operation is."""
    contract_only()


@activity.defn(name="operations.finish")
def finish(request: FinishOperation) -> Recorded:
    """Write an operation's end and free its end-point's slot."""
    contract_only()


@activity.defn(name="operations.record_log")
def record_log(request: RecordLog) -> Recorded:
    """Keep what console, ramdisk and BMC said."""
    contract_only()
