"""Heartbeats of an executor's activities, each acknowledged by Temporal: `activities.lease`."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError, AsyncActivityHandle, Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities import lease
from activities.lease import BEAT_S, Lease

_log = logging.getLogger(__name__)

_ANSWER = timedelta(seconds=5)


class Beats(Interceptor):
    """Gives each activity that heartbeats a lease, and renews it as long as the activity runs."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - the SDK names it
    ) -> ActivityInboundInterceptor:
        """Stand around each activity."""
        return _Beating(next, self._client)


class _Beating(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, client: Client) -> None:  # noqa: A002
        super().__init__(next)
        self._client = client
        self._outbound: ActivityOutboundInterceptor | None = None

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._outbound = outbound
        super().init(outbound)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        told = activity.info()
        if told.heartbeat_timeout is None or self._outbound is None:
            return await super().execute_activity(input)
        beats = _Heart(
            self._client.get_async_activity_handle(task_token=told.task_token),
            self._outbound.heartbeat,
        )
        beating = asyncio.create_task(beats.go_on(), name="heartbeats")
        lease.hold(beats.lease)
        try:
            return await super().execute_activity(input)
        finally:
            lease.hold(None)
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)


class _Heart:
    """The heartbeats of one activity.

    `tell_core` is the SDK's own heartbeat: it is what tells the activity's thread that it was
    cancelled, once an answer said so.
    """

    def __init__(self, handle: AsyncActivityHandle, tell_core: Callable[..., None]) -> None:
        self._handle = handle
        self._tell_core = tell_core
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self.lease = Lease(self._beat_now)

    async def go_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self._beat()

    def _beat_now(self, _: Lease) -> None:
        """Send a heartbeat from the activity's thread, and wait for the answer."""
        asyncio.run_coroutine_threadsafe(self._beat(), self._loop).result()

    async def _beat(self) -> None:
        """Send one; never two at a time, so that the later one's details stay."""
        async with self._turn:
            await self._send()

    async def _send(self) -> None:
        sent_at, details = self.lease.now(), self.lease.details
        try:
            await self._handle.heartbeat(*details, rpc_timeout=_ANSWER)
        except AsyncActivityCancelledError:
            # It is still ours: what it does to stop may be written.
            self.lease.renew(sent_at)
            self._tell_core(*details)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                self.lease.lose()
                self._tell_core(*details)
            _log.warning("a heartbeat was not acknowledged: %s", error.message)
        else:
            self.lease.renew(sent_at)
