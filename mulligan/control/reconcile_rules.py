"""The rules of reconciling, as data: what may differ, who mends it, and how.

docs/reconcile.md is drawn from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LOOKED_AT = {"host": ("available", "quarantined"), "server": ("available", "in_use", "quarantined")}
"""States in which hosts and servers are looked at; in all others nobody expects them to answer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of difference: what it means, whether it is mended by itself, and what mends it.

    `message` and `action` are templates whose words are the facts of a difference; `differences`
    puts names for ids. `compares` says whether the records show it or a look at hardware.
    """

    compares: Literal["records", "hardware"]
    meaning: str
    message: str
    action: str
    mends_itself: bool = False


RULES: Mapping[str, Rule] = {
    "OPERATION_WITHOUT_WORKFLOW": Rule(
        "records",
        "an operation is running in the database, and its workflow was terminated, cancelled or "
        "failed without a word, or is not known to Temporal",
        "operation {id} ({type} of {object_type} {object}) is running in the database, and its "
        "workflow is {workflow} in Temporal",
        "start the workflow again from the operation's row: what was terminated, cancelled or "
        "failed takes back what was done and ends, what is unknown goes on",
        mends_itself=True,
    ),
    "OPERATION_NOT_RESUMABLE": Rule(
        "records",
        "the same, but the row says too little to start the workflow again",
        "operation {id} ({type} of {object_type} {object}) is running in the database, its "
        "workflow is {workflow} in Temporal, and its request was not kept",
        "end it by force: `mulligan {object_type} force-release --reason … {object}`",
    ),
    "WORKFLOW_WITHOUT_OPERATION": Rule(
        "records",
        "a workflow is running, and its operation has ended or is not in the database",
        "workflow {id} ({type}) is running in Temporal, and its operation is {state} in the "
        "database",
        "look at it in Temporal's UI; when it does nothing any more: `temporal workflow terminate "
        "--workflow-id {id}`",
    ),
    "SLOT_WITHOUT_OPERATION": Rule(
        "records",
        "an operation that ended still has the slot of a machine, server or host",
        "{object_type} {id} is held by operation {operation}, which is {state}",
        "free it",
        mends_itself=True,
    ),
    "CLAIM_WITHOUT_MACHINE": Rule(
        "records",
        "a claim is not released, and the machine that used it has ended",
        "claim {id} is not released, and machine {machine}, which used it, is {state}",
        "release it",
        mends_itself=True,
    ),
    "MACHINE_WITHOUT_CLAIM": Rule(
        "records",
        "a machine has not ended, and its claim is released or not there",
        "machine {id} is {state}, and its claim {claim} is released: others may claim its place",
        "end it with `mulligan machine decommission {id}`",
    ),
    "OFFER_WRONG": Rule(
        "records",
        "a server or host is offered to requests though it may not be, or the reverse",
        "{object_type} {id} is {offered} to requests, but {why}",
        "offer or withdraw it as its state says",
        mends_itself=True,
    ),
    "OVERDUE": Rule(
        "records",
        "a passing state is past its deadline, and no operation works on it (what ends it: "
        "force-release for a machine, decommission for a kept one, verify for a server or host)",
        "{object_type} {id} is {state} past its deadline {deadline} UTC, and no operation works "
        "on it",
        "`mulligan {object_type} {command} {id}`",
    ),
    "MACHINE_NOT_ON_HOST": Rule(
        "hardware",
        "a machine is active or kept, and its host has no domain of it",
        "machine {id} is {state}, and host {host} has no domain of it",
        "tell its project; end it with `mulligan machine decommission {id}`",
    ),
    "MACHINE_STOPPED": Rule(
        "hardware",
        "a machine is active, and its domain is not running",
        "machine {id} is active, and its domain on host {host} is not running",
        "tell its project: nothing automatic touches the power of an active machine",
    ),
    "KEPT_MACHINE_ON": Rule(
        "hardware",
        "a machine is kept, so powered off, and it is on",
        "machine {id} is kept, and it is on: on {place}",
        "find out who switched it on; restore it, or end it with `mulligan machine decommission "
        "{id}`",
    ),
    "LEFTOVER_ON_HOST": Rule(
        "hardware",
        "a host has a domain or volumes of machines that are gone or failed",
        "host {id} still has something of machines that ended: {leftovers}",
        "`mulligan host verify {id}` removes it",
    ),
    "UNKNOWN_ON_HOST": Rule(
        "hardware",
        "a host has a domain or volumes with Mulligan's mark, of machines that this site never had",
        "host {id} has something of machines that are not in the database: {leftovers}",
        "find out whether another site made it; if none did, remove it with virsh",
    ),
    "SERVER_POWERED": Rule(
        "hardware",
        "a server is available and clean, and it is on",
        "server {id} is available, and its power is on",
        "find out who switched it on, and whether it is still clean; meanwhile keep it back with "
        "`mulligan server maintenance {id} on --reason …`",
    ),
    "SERVER_OFF": Rule(
        "hardware",
        "a machine is active, and its server is off",
        "machine {machine} is active, and its server {id} is off",
        "tell its project: nothing automatic touches the power of an active machine",
    ),
    "MEDIUM_LEFT": Rule(
        "hardware",
        "a medium of Mulligan's is in a server's drive, and no operation runs",
        "a medium of Mulligan's is in the drive of server {id}, and no operation runs there",
        "eject it at the BMC; the next operation on the server does so too",
    ),
    "MEDIA_SERVED_FOR_ENDED_OPERATION": Rule(
        "hardware",
        "executors serve boot media, images or config drives of an operation that ended",
        "media of operation {id} are served, and it is {state}",
        "stop serving them",
        mends_itself=True,
    ),
    "HOST_UNREACHABLE": Rule(
        "hardware",
        "a host can't be reached, so nothing could be compared",
        "host {id} can't be reached: {why}",
        "mend that, then `mulligan host verify {id}`",
    ),
    "BMC_UNREACHABLE": Rule(
        "hardware",
        "a server's BMC can't be reached, so nothing could be compared",
        "the BMC of server {id} can't be reached: {why}",
        "mend that, then `mulligan server verify {id}`",
    ),
    "REGION_WITHOUT_EXECUTOR": Rule(
        "hardware",
        "no executor of the region answers, so no hardware could be looked at",
        "no executor of region {id} answers: {why}",
        "start one with `mulligan serve executor --region {id}`",
    ),
}
"""The codes never change their meaning. None that powers, wipes or deletes mends itself."""
