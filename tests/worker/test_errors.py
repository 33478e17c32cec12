"""What Temporal hears of an error."""

from datetime import timedelta
from typing import Any, NoReturn

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor

from mulligan.values.errors import HardwareBusyError
from worker.errors import LONGEST_PAUSE_S, TellsErrors


class Busy(ActivityInboundInterceptor):
    """An activity that meets a busy BMC."""

    def __init__(self, retry_after_s: str) -> None:
        self._retry_after_s = retry_after_s

    async def execute_activity(self, _: Any) -> NoReturn:
        raise HardwareBusyError("busy", code="BMC_BUSY", retry_after_s=self._retry_after_s)


@pytest.mark.parametrize(
    ("asked", "pause_s"), [("30", 30), ("86400", LONGEST_PAUSE_S), ("0", None)]
)
async def test_a_bmc_is_left_alone_for_as_long_as_it_asks(
    asked: str, pause_s: float | None
) -> None:
    activity: Any = TellsErrors().intercept_activity(Busy(asked))
    with pytest.raises(ApplicationError) as caught:
        await activity.execute_activity(None)
    assert caught.value.next_retry_delay == (pause_s and timedelta(seconds=pause_s))
    assert not caught.value.non_retryable
