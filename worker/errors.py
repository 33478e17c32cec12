"""Errors of activities as Temporal keeps them: a stable type, a sentence, whether to retry.

What hardware said is for operators only, and so is what nobody expected: it may say anything.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.redaction import redact
from mulligan.values import told
from mulligan.values.errors import HardwareError, MulliganError

LONGEST_PAUSE_S = 60.0
"""How long a BMC that asks to be left alone (Retry-After) is, at most."""

_log = logging.getLogger(__name__)


class TellsErrors(Interceptor):
    """Turns Mulligan's errors into Temporal's, without secrets."""

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - the SDK names it
    ) -> ActivityInboundInterceptor:
        """Stand around each activity."""
        return _TellsErrors(next)


class _TellsErrors(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        try:
            return await super().execute_activity(input)
        except MulliganError as error:
            words = redact(error.message)
            raise ApplicationError(
                told.of_hardware(error.reason, words)
                if isinstance(error, HardwareError)
                else words,
                {**error.details, "grpc_status": error.grpc_status},
                type=error.reason,
                non_retryable=not error.retryable,
                next_retry_delay=_pause(error),
            ) from None
        except (FailureError, asyncio.CancelledError):
            raise
        except Exception as error:
            _log.exception("an activity failed")
            words = redact(f"{type(error).__name__}: {error}")
            raise ApplicationError(
                told.both("something went wrong inside", words), type="INTERNAL"
            ) from None


def _pause(error: MulliganError) -> timedelta | None:
    """Give the pause that the hardware asked for; None leaves it to the policy."""
    asked_s = float(error.details.get("retry_after_s") or 0)
    return timedelta(seconds=min(asked_s, LONGEST_PAUSE_S)) if asked_s else None
