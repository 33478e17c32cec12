"""A virtual machine that is kept and restored, seen from outside: libvirt, its disk, its console.

No RPC does that alone: a reservation's end does, by these workflows.
"""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from temporalio.client import Client as Temporal
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.contracts.machines import BeginKeep, BeginRestore
from activities.contracts.operations import Asked
from tests.e2e.lifecycle import listening
from tests.e2e.stack import Stack

BOOTED = "mulligan-testimage: config drive: config-2 on"
ASKED_TO_GO_DOWN = "mulligan-testimage: power button"


def is_kept_and_restored(stack: Stack, machine: str) -> None:
    """See a machine that runs go down when asked, stay with its disk, and be started again."""
    disk = stack.state / "executor" / "pool" / f"root-{machine}"
    before, claim = disk.stat().st_ino, stack.machine(machine).claim
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    with listening(stack.uri) as heard:
        keep = BeginKeep(asked=_asked(stack), machine=machine, until=until)
        asyncio.run(_done(stack, keep))
        heard.wait_for(machine, "stopped", 10)
        _until_said(_console(stack, machine), ASKED_TO_GO_DOWN, times=1)
        shown = stack.machine(machine)
        assert (shown.status.state, shown.claim) == ("kept", claim)
        assert shown.status.deadline.ToDatetime(UTC) == until
        assert f"mulligan-{machine}" in stack.in_use()["domains"]
        asyncio.run(_done(stack, BeginRestore(asked=_asked(stack), machine=machine)))
        heard.wait_for(machine, "started", 10)
    assert heard.of(machine) == {"stopped": 1, "started": 1}
    assert disk.stat().st_ino == before
    assert stack.machine(machine).status.state == "active"


def has_booted_again(stack: Stack, machine: str) -> None:
    """See a machine that was restored boot from its disk, with its config drive."""
    _until_said(_console(stack, machine), BOOTED, times=2)


def _console(stack: Stack, machine: str) -> Path:
    return stack.state / "executor" / "console" / f"{machine}.log"


def _asked(stack: Stack) -> Asked:
    return Asked(
        operation=str(uuid4()),
        request_id="request",
        account=str(uuid4()),
        project=stack.login.project,
        region=stack.login.region,
        digest="digest",
    )


async def _done(stack: Stack, request: BeginKeep | BeginRestore) -> None:
    temporal = await Temporal.connect(
        stack.temporal_address, namespace="mulligan", data_converter=pydantic_data_converter
    )
    workflow = "Keep" if isinstance(request, BeginKeep) else "Restore"
    operation = request.asked.operation
    await temporal.execute_workflow(workflow, request, id=operation, task_queue="control")


def _until_said(console: Path, words: str, *, times: int) -> None:
    """Wait until a machine has said something so often, since it was made."""
    follow = ["timeout", "120", "tail", "--lines=+1", "--follow", str(console)]
    said = 0
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stdout is not None
        for line in process.stdout:
            said += words in line
            if said == times:
                break
        process.terminate()
    assert said == times, f"{words!r} was said {said} times"
