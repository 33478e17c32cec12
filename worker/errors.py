"""Errors of activities as Temporal keeps them: a stable type, a sentence, whether to retry."""

import asyncio
import logging
from typing import Any

from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.redaction import redact
from mulligan.values.errors import MulliganError

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
            raise ApplicationError(
                redact(error.message),
                {**error.details, "grpc_status": error.grpc_status},
                type=error.reason,
                non_retryable=not error.retryable,
            ) from None
        except (FailureError, asyncio.CancelledError):
            raise
        except Exception as error:
            _log.exception("an activity failed")
            words = redact(f"{type(error).__name__}: {error}")
            raise ApplicationError(words, type="INTERNAL") from None
