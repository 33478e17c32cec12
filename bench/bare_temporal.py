"""The bare rate of Temporal: a workflow of the same shape as a provision, that does nothing.

As many activities and local ones as a history has, each taking and giving a small payload, on the
dev server that the measured Mulligan uses, with its worker set-up: one process with workflows and
local activities and one with activities, eight threads each.
`python -m bench.bare_temporal ROLE ADDRESS NAMESPACE` is one of the two.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

CONTROL_QUEUE = "bench.control"
EXECUTOR_QUEUE = "bench.executor"
THREADS = 8


class Nothing(BaseModel):
    """What goes in and comes out."""

    text: str = "0123456789abcdef" * 16


class Shape(BaseModel, frozen=True):
    """How many activities a workflow has, of executors and local ones."""

    activities: int
    local: int

    def __str__(self) -> str:
        return f"{self.activities} + {self.local}"


@activity.defn(name="bench.work")
def work(request: Nothing) -> Nothing:
    """Stand for what an executor does."""
    return request


@activity.defn(name="bench.note")
def note(request: Nothing) -> Nothing:
    """Stand for what is recorded."""
    return request


@workflow.defn(name="BenchProvision")
class BenchProvision:
    """A note before each work, and the other notes at the end."""

    @workflow.run
    async def run(self, shape: Shape) -> None:
        """Note and work as often as the shape says."""
        for _ in range(shape.activities):
            await self._note()
            await workflow.execute_activity(
                work,
                Nothing(),
                task_queue=EXECUTOR_QUEUE,
                start_to_close_timeout=timedelta(minutes=1),
                heartbeat_timeout=timedelta(seconds=22),
            )
        for _ in range(shape.local - shape.activities):
            await self._note()

    async def _note(self) -> None:
        await workflow.execute_local_activity(
            note, Nothing(), start_to_close_timeout=timedelta(seconds=5)
        )


async def shape_of(address: str, namespace: str, workflow_id: str) -> Shape:
    """Count the activities of both kinds in a workflow's history."""
    client = await _connect(address, namespace)
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    kinds = [event.WhichOneof("attributes") for event in history.events]
    return Shape(
        activities=kinds.count("activity_task_scheduled_event_attributes"),
        local=kinds.count("marker_recorded_event_attributes"),
    )


def machines_per_second(
    address: str, namespace: str, shape: Shape, count: int, clients: int
) -> float:
    """Measure how many such workflows end in a second, from the first start to the last end."""
    with _working("control", address, namespace), _working("executor", address, namespace):
        return asyncio.run(_measure(address, namespace, shape, count, clients))


@contextmanager
def _working(role: str, address: str, namespace: str) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.bare_temporal", role, address, namespace]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            yield
        finally:
            process.terminate()


async def _measure(address: str, namespace: str, shape: Shape, count: int, clients: int) -> float:
    client = await _connect(address, namespace)
    await asyncio.gather(*await _start(client, shape, clients, clients))  # the workers are warm
    started = time.monotonic()
    ends = await _start(client, shape, count, clients)
    await asyncio.gather(*ends)
    return count / (time.monotonic() - started)


async def _start(
    client: Client, shape: Shape, count: int, clients: int
) -> list[asyncio.Task[None]]:
    """Start that many workflows, as many at a time as there are clients; gives their ends."""
    at_once = asyncio.Semaphore(clients)

    async def one() -> asyncio.Task[None]:
        async with at_once:
            handle: WorkflowHandle[BenchProvision, None] = await client.start_workflow(
                BenchProvision.run, shape, id=str(uuid4()), task_queue=CONTROL_QUEUE
            )
        return asyncio.create_task(handle.result())

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def _connect(address: str, namespace: str) -> Client:
    return await Client.connect(
        address, namespace=namespace, data_converter=pydantic_data_converter
    )


async def _work(role: str, address: str, namespace: str) -> None:
    client = await _connect(address, namespace)
    threads = ThreadPoolExecutor(THREADS)
    if role == "control":
        worker = Worker(
            client,
            task_queue=CONTROL_QUEUE,
            workflows=[BenchProvision],
            activities=[note],
            activity_executor=threads,
            max_concurrent_local_activities=THREADS,
        )
    else:
        worker = Worker(
            client,
            task_queue=EXECUTOR_QUEUE,
            activities=[work],
            activity_executor=threads,
            max_concurrent_activities=THREADS,
        )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(_work(*sys.argv[1:]))
