"""An executor tells operations what it heard, also when Temporal does not answer at once."""

import asyncio
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from worker import executor


class Operations:
    """Stands for Temporal: keeps signals, and answers the first ones with errors."""

    def __init__(self, *errors: RPCStatusCode) -> None:
        self.errors = list(errors)
        self.asked: list[tuple[str, str]] = []
        self.heard = asyncio.Event()

    def get_workflow_handle(self, operation: str) -> Any:
        """Give what signals the operation."""
        self._operation = operation
        return self

    async def signal(self, name: str) -> None:
        """Take a signal."""
        self.asked.append((self._operation, name))
        if self.errors:
            error = self.errors.pop(0)
            if not self.errors and error is RPCStatusCode.NOT_FOUND:
                self.heard.set()
            raise RPCError("no", error, b"")
        self.heard.set()


@pytest.mark.parametrize(
    ("errors", "times"),
    [
        ((), 1),
        ((RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED), 3),
        ((RPCStatusCode.NOT_FOUND,), 1),
    ],
)
def test_a_stop_is_told_until_temporal_has_heard_it(
    monkeypatch: pytest.MonkeyPatch, errors: tuple[RPCStatusCode, ...], times: int
) -> None:
    monkeypatch.setattr(executor, "TOLD_AGAIN_S", (0, 0, 0, 0))

    async def tell() -> Operations:
        operations = Operations(*errors)
        client = cast("Client", operations)
        told = executor._tells(client, asyncio.get_running_loop())
        await asyncio.to_thread(told, "o1", "mulligan-m1")
        async with asyncio.timeout(10):
            await operations.heard.wait()
        return operations

    assert asyncio.run(tell()).asked == [("o1", "machine_stopped")] * times
