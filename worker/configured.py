"""An executor's log follows what its region's executors are configured to."""

import logging
from typing import Any

from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.contracts.configuration import Configured, ForExecutor
from mulligan.log_level import LogLevel
from mulligan.values.configuration import EXECUTOR

_log = logging.getLogger(__name__)


class Follows(Interceptor):
    """Takes in the newest configuration that came with an activity."""

    def __init__(self, log_level: LogLevel) -> None:
        self._log_level = log_level
        self._generation = 0

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - the SDK names it
    ) -> ActivityInboundInterceptor:
        """Stand around each activity."""
        return _Follows(next, self)

    def take(self, configured: Configured) -> None:
        """Take a configuration in, unless a newer one was."""
        if configured.generation <= self._generation:
            return
        self._generation = configured.generation
        self._log_level.tell(EXECUTOR, configured.wanted.log_level)
        _log.info("the executor is configured anew: generation %d", configured.generation)


class _Follows(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, follows: Follows) -> None:  # noqa: A002
        super().__init__(next)
        self._follows = follows

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        request = input.args[0] if input.args else None
        if isinstance(request, ForExecutor) and request.configured is not None:
            self._follows.take(request.configured)
        return await super().execute_activity(input)
