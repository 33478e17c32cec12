"""An executor takes in how it is configured with what it is asked for."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.bmc import Patience
from activities.contracts.configuration import Configured
from activities.contracts.executor import DescribeExecutor
from mulligan.log_level import LogLevel
from mulligan.values.configuration import UNSET, Configuration
from worker.configured import Follows


class Done(ActivityInboundInterceptor):
    """An activity."""

    def __init__(self) -> None:
        pass

    async def execute_activity(self, asked: Any) -> Any:
        return asked.args[0].region


@pytest.fixture
def log_level() -> Iterator[LogLevel]:
    root = logging.getLogger()
    usual = root.level
    root.setLevel(logging.WARNING)
    yield LogLevel()
    root.setLevel(usual)


def at(generation: int, level: str | None) -> Configured:
    return Configured(generation=generation, wanted=Configuration(log_level=level))


async def test_the_newest_configuration_counts_whichever_comes_last(log_level: LogLevel) -> None:
    activity = Follows(log_level).intercept_activity(Done())
    levels = []
    for told in (None, at(2, "DEBUG"), at(1, "ERROR"), None, at(3, None)):
        request = DescribeExecutor(region="r", configured=told)
        asked = ExecuteActivityInput(fn=len, args=[request], executor=None, headers={})
        assert await activity.execute_activity(asked) == "r"
        levels.append(logging.getLogger().level)
    assert levels == [30, 10, 10, 10, 30]


def test_a_process_logs_what_its_most_talkative_part_is_to(log_level: LogLevel) -> None:
    levels = []
    for part, level in (("a", "INFO"), ("b", "ERROR"), ("a", None), ("b", None)):
        log_level.tell(part, level)
        levels.append(logging.getLogger().level)
    assert levels == [20, 20, 40, 30]


def test_what_an_operator_set_of_a_bmc_goes_before_what_is_usual() -> None:
    usual = Patience(pause_s=0.1)
    assert usual.told(None) == usual
    assert usual.told(Configured(generation=1, wanted=UNSET)) == usual
    wanted = Configuration(bmc_power_timeout=200, bmc_answer_timeout=7, bmc_restart_timeout=500)
    told = usual.told(Configured(generation=1, wanted=wanted))
    assert told == Patience(pause_s=0.1, power_s=200, answer_s=7, bmc_comes_s=500)
