"""Histories of each release replay: what runs when services are upgraded goes on.

A change of a workflow that was released needs `workflow.patched`. `make release` records RUNS.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from activities.contracts import hypervisor, redfish
from activities.contracts.redfish import RamdiskResult, ServerLook
from deploy.releases import releases, version_here
from tests.fakes.place import Place
from tests.workflows.test_claim import all_vcpus, claims_of, soon
from tests.workflows.test_keep import begin_keep, begin_restore, kept
from tests.workflows.test_reconcile import begin_reconciliation, reconcile_records
from tests.workflows.test_reservation import reserve
from tests.workflows.test_reservation_series import begin as begin_series
from tests.workflows.test_reservation_series import look
from worker.control import WORKFLOWS

LIMIT_BYTES = 128 << 10


def provision_virtual(place: Place) -> str:
    place.host()
    return str(place.provision(name="web").metadata.id)


def provision_virtual_undone(place: Place) -> str:
    place.host()
    place.executor.breaks(hypervisor.start, "DOMAIN_REFUSED")
    return str(place.provision(name="web").metadata.id)


def provision_baremetal(place: Place) -> str:
    place.server()
    return str(place.provision("baremetal", name="db").metadata.id)


def provision_baremetal_undone(place: Place) -> str:
    place.server()
    place.executor.ramdisk["deploy"] = RamdiskResult(ok=False, code="CHECKSUM_MISMATCH")
    return str(place.provision("baremetal", name="db").metadata.id)


def decommission_virtual(place: Place) -> str:
    place.host()
    return str(place.decommission(place.machine()).metadata.id)


def decommission_baremetal(place: Place) -> str:
    place.server()
    return str(place.decommission(place.machine("baremetal")).metadata.id)


def keep_virtual(place: Place) -> str:
    place.host()
    return begin_keep(place, place.machine())


def keep_baremetal_failed(place: Place) -> str:
    place.server()
    machine = place.machine("baremetal")
    place.executor.breaks(redfish.power_off, "POWER_NOT_CHANGED")
    return begin_keep(place, machine)


def restore_virtual(place: Place) -> str:
    place.host()
    return begin_restore(place, kept(place))


def restore_baremetal(place: Place) -> str:
    place.server()
    return begin_restore(place, kept(place, "baremetal"))


def verify_server(place: Place) -> str:
    server = place.server()
    return str(place.operator.VerifyServer(id=server).metadata.id)


def inspect_host(place: Place) -> str:
    host = place.host()
    return str(place.operator.InspectHost(id=host).metadata.id)


def claim_waited_and_held(place: Place) -> str:
    place.host()
    first = all_vcpus(place)
    waiting = all_vcpus(place, wait_until=soon(hours=1), hold_until=soon(hours=1))
    operation = claims_of(place, waiting.metadata.id)
    place.member.ReleaseClaim(project=place.project, id=first.metadata.id)
    place.member.until(lambda event: event.message.startswith("hold"), operation=operation)
    place.member.ConfirmClaim(project=place.project, id=waiting.metadata.id)
    return operation


def read_region_keys(place: Place) -> str:
    assert place.executor
    place.operator.ListRegionKeys(region=place.region)
    return f"region-keys-{place.region}"


def rotate_region_key(place: Place) -> str:
    place.server()
    return str(place.operator.RotateRegionKey(region=place.region).metadata.id)


def force_release_server(place: Place) -> str:
    server = place.server()
    place.machine("baremetal")
    released = place.operator.ForceRelease(object_id=server, reason="the BMC died")
    return str(released.metadata.id)


def reconcile_region(place: Place) -> str:
    place.server()
    place.executor.answers(redfish.look, ServerLook(has_our_medium=True))
    return begin_reconciliation(place)


def reconcile_on_schedule(place: Place) -> str:
    reconcile_records(place, "reconcile-on-schedule")
    return "reconcile-on-schedule"


def read_operation_log(place: Place) -> str:
    place.host()
    held = place.executor.holds(hypervisor.stage)
    operation = str(place.provision(name="web").metadata.id)
    held.wait()
    place.member.GetOperationLog(id=operation)
    held.release()
    return f"operation-log-{operation}"


def reservation_cancelled(place: Place) -> str:
    place.host()
    staging = place.executor.holds(hypervisor.stage)
    [made] = reserve(place, None, 600)
    staging.wait()
    place.member.CancelReservation(project=place.project, id=made.metadata.id)
    return str(made.operation)


def reservation_ended(place: Place) -> str:
    """It waits for its start, and for its end: each wait ends a run."""
    place.host()
    [made] = reserve(place, 1, 4)
    return str(made.operation)


def reserve_two(place: Place) -> str:
    place.host()
    [first, _] = reserve(place, 600, 1200, times=2)
    listed = place.member.ListOperations(object_id=first.metadata.id).operations
    return next(str(one.metadata.id) for one in listed if one.type == "reserve")


def reserve_series(place: Place) -> str:
    place.host()
    series = begin_series(place)
    look(place, series)
    return f"look-{series.metadata.id}"


RUNS: tuple[Callable[[Place], str], ...] = (
    provision_virtual,
    provision_virtual_undone,
    provision_baremetal,
    provision_baremetal_undone,
    decommission_virtual,
    decommission_baremetal,
    keep_virtual,
    keep_baremetal_failed,
    restore_virtual,
    restore_baremetal,
    verify_server,
    inspect_host,
    claim_waited_and_held,
    read_region_keys,
    read_operation_log,
    rotate_region_key,
    force_release_server,
    reconcile_region,
    reconcile_on_schedule,
    reservation_cancelled,
    reservation_ended,
    reserve_two,
    reserve_series,
)


def histories_of(place: Place, operation: str) -> list[WorkflowHistory]:
    """The histories of a workflow's runs, first to last; it has ended or is about to."""

    async def fetch() -> list[WorkflowHistory]:
        await place.site.ended(operation)
        runs = [await place.site.handle(operation).fetch_history()]
        while earlier := _run_before(runs[0]):
            handle = place.site.client.get_workflow_handle(operation, run_id=earlier)
            runs.insert(0, await handle.fetch_history())
        return runs

    return place.site.run(fetch())


def _run_before(history: WorkflowHistory) -> str:
    started = history.events[0].workflow_execution_started_event_attributes
    return started.continued_execution_run_id


@pytest.mark.parametrize(
    "path",
    [path for release in releases() for path in release.histories()],
    ids=lambda path: f"{path.parents[1].name}-{path.stem}",
)
async def test_a_history_replays(path: Path) -> None:
    assert path.stat().st_size < LIMIT_BYTES
    history = WorkflowHistory.from_json(path.stem, path.read_text())
    replayer = Replayer(workflows=list(WORKFLOWS), data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history)


def test_every_workflow_of_the_latest_release_has_a_history() -> None:
    latest = releases()[-1]
    if latest.version != version_here():
        return  # The next one is in the making: its own are recorded with it.
    recorded = {
        json.loads(path.read_text())["events"][0]["workflowExecutionStartedEventAttributes"][
            "workflowType"
        ]["name"]
        for path in latest.histories()
    }
    assert recorded == {workflow._Definition.must_from_class(one).name for one in WORKFLOWS}, (
        f"{latest.version} is released: a workflow that it lacks is of a later version, which "
        "pyproject.toml is to say"
    )


def test_each_release_has_a_reservation_that_waits() -> None:
    """That run lives for months, while services are upgraded."""
    for release in releases():
        ends = [json.loads(path.read_text())["events"][-1] for path in release.histories()]
        assert "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW" in {
            end["eventType"] for end in ends
        }
