"""What is tried, rung by rung, when a server does not do as told: retry, BMC, power, then give up.

Each rung is a step of the operation, and so an event. Whoever climbs says how high: a power cycle
is for servers on which nothing of a tenant runs; no rung is ever climbed on an active machine.
"""

from collections.abc import Awaitable, Callable, Sequence

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import redfish
    from activities.contracts.redfish import BmcTarget
    from mulligan.values import told
    from workflows.operation import Operation, why

RUNGS = ("retry", "restart the BMC", "power cycle")
WITHOUT_POWER = RUNGS[:2]

HELPS = frozenset(
    {
        "BMC_ANSWER_CUT_OFF",
        "BMC_ANSWER_MALFORMED",
        "BMC_BUSY",
        "BMC_UNREACHABLE",
        "BOOT_OVERRIDE_REFUSED",
        "MEDIA_NOT_ACCEPTED",
        "POWER_NOT_CHANGED",
        "RAMDISK_SILENT",
        "TIMED_OUT",
    }
)
"""Faults for which a rung may help. Others, such as refused credentials, only get worse by it."""


async def climb(
    operation: Operation,
    target: BmcTarget,
    work: Callable[[], Awaitable[None]],
    rungs: Sequence[str],
) -> None:
    """Do the work; climb a rung each time that it fails in a way for which that may help.

    Raises:
        FailureError: what the work raised after the last rung, or what no rung helps against.
    """
    for rung in rungs:
        try:
            await work()
        except FailureError as error:
            failure = why(error)
            if failure.code not in HELPS:
                raise
            await operation.end_step("failed", failure.message)
            await _take(operation, target, rung, failure.message)
        else:
            return
    await work()


async def _take(operation: Operation, target: BmcTarget, rung: str, because: str) -> None:
    await operation.step(rung, because)
    contract = {
        "restart the BMC": redfish.restart_bmc,
        "power cycle": redfish.power_cycle,
    }.get(rung)
    if contract is None:
        return
    try:
        await operation.executor(
            contract, target, summary=told.read(f"{rung}: {because}", operators=True)[:180]
        )
    except FailureError as error:
        await operation.end_step("failed", why(error).message)
