"""Reports reach real workflows, and what workflows refuse comes back as it should."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.contracts import reports
from activities.contracts.hardware import GuestReport
from activities.contracts.redfish import (
    RamdiskFacts,
    RamdiskProgress,
    RamdiskResult,
    RamdiskTask,
)
from deploy.dev_server import DevServer
from deploy.temporal import cache_folder, find_temporal
from mulligan.values.errors import ConflictError, NotFoundError, UnavailableError
from worker.reports import TemporalReports

OPERATION = "operation-1"


@workflow.defn
class Hears:
    """Keeps what it hears until a guest is active; has one task, until a result is in."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.guest: GuestReport | None = None

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.guest is not None)
        return self.heard

    @workflow.signal(name=reports.GUEST_REPORT)
    def on_guest(self, report: GuestReport) -> None:
        self.heard.append(f"guest {report.hostname}")
        self.guest = report

    @workflow.signal(name=reports.RAMDISK_FACTS)
    def on_facts(self, facts: RamdiskFacts) -> None:
        self.heard.append(f"facts {facts.cpus}")

    @workflow.signal(name=reports.RAMDISK_PROGRESS)
    def on_progress(self, progress: RamdiskProgress) -> None:
        self.heard.append(f"progress {progress.percent}")

    @workflow.signal(name=reports.RAMDISK_RESULT)
    def on_result(self, result: RamdiskResult) -> None:
        self.heard.append(f"result {result.ok}")

    @workflow.update(name=reports.RAMDISK_TASK)
    def task(self) -> RamdiskTask:
        return RamdiskTask(action="wipe")

    @task.validator
    def check_task(self) -> None:
        if any(heard.startswith("result") for heard in self.heard):
            raise ApplicationError("it is done", type="NO_TASK", non_retryable=True)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    command = find_temporal(cache_folder(os.environ))
    database, log = tmp_path / "temporal.db", tmp_path / "temporal.log"
    async with DevServer(command, database, log=log) as server:
        yield await Client.connect(
            server.address,
            namespace=server.namespace,
            data_converter=pydantic_data_converter,
        )


async def test_reports_reach_the_workflow_until_it_is_over(client: Client) -> None:
    told = TemporalReports(client)
    handle = await client.start_workflow(Hears.run, id=OPERATION, task_queue="q")
    async with Worker(
        client, task_queue="q", workflows=[Hears], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        await told.facts(OPERATION, RamdiskFacts(cpus=2))
        assert await told.task(OPERATION) == RamdiskTask(action="wipe")
        await told.progress(OPERATION, RamdiskProgress(step="wipe", percent=7))
        await told.result(OPERATION, RamdiskResult(ok=True))
        with pytest.raises(ConflictError, match="it is done"):
            await told.task(OPERATION)
        await told.guest(OPERATION, GuestReport(hostname="m1"))
        assert await handle.result() == ["facts 2", "progress 7", "result True", "guest m1"]
        with pytest.raises(NotFoundError):
            await told.guest(OPERATION, GuestReport(hostname="m1"))
        with pytest.raises(NotFoundError):
            await told.task(OPERATION)
    with pytest.raises(NotFoundError):
        await told.facts("nobody", RamdiskFacts())


async def test_a_task_that_nobody_gives_now_may_be_asked_for_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.reports.TASK_ANSWER_S", 0.5)
    await client.start_workflow(
        Hears.run, id=OPERATION, task_queue="nobody", execution_timeout=timedelta(minutes=1)
    )
    with pytest.raises(UnavailableError):
        await TemporalReports(client).task(OPERATION)
