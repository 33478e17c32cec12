"""An executor takes in how it is configured with what it is asked for."""

import logging
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from protovalidate import collect_violations
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.bmc import Patience
from activities.contracts import redfish
from activities.contracts.configuration import Configured
from activities.contracts.executor import DescribeExecutor
from mulligan.log_level import LogLevel
from mulligan.values.configuration import UNSET, Configuration
from mulligan_client.gen.mulligan.common.v1.common_pb2 import ConfigurationSpec
from worker.configured import Follows
from workflows.policies import POLICIES


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
    found = LogLevel()
    yield found
    found.restore()
    root.setLevel(usual)


def level() -> int:
    """From which level on we log."""
    return logging.getLogger("activities.redfish").getEffectiveLevel()


def at(generation: int, level: str | None) -> Configured:
    return Configured(generation=generation, wanted=Configuration(log_level=level))


async def test_the_newest_configuration_counts_whichever_comes_last(log_level: LogLevel) -> None:
    activity = Follows(log_level).intercept_activity(Done())
    levels = []
    for told in (None, at(2, "DEBUG"), at(1, "ERROR"), None, at(3, None)):
        request = DescribeExecutor(region="r", configured=told)
        asked = ExecuteActivityInput(fn=len, args=[request], executor=None, headers={})
        assert await activity.execute_activity(asked) == "r"
        levels.append(level())
    assert levels == [30, 10, 10, 10, 30]


def test_a_process_logs_what_its_most_talkative_part_is_to(log_level: LogLevel) -> None:
    levels = []
    told = (
        ("a", None),
        ("b", "ERROR"),
        ("a", "INFO"),
        ("a", "ERROR"),
        ("b", "NEW_IN_A_LATER_RELEASE"),
    )
    for part, wanted in told:
        log_level.tell(part, wanted)
        levels.append(level())
    assert levels == [30, 30, 20, 40, 30]


def test_what_speaks_http_for_us_never_logs_its_urls(log_level: LogLevel) -> None:
    """A boot medium's is a secret."""
    log_level.tell("executor", "DEBUG")
    assert logging.getLogger("worker.executor").isEnabledFor(logging.DEBUG)
    for name in ("urllib3.connectionpool", "sushy.connector"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


def longest_s(field: str) -> int:
    """What an operator can set at most."""

    def is_too_long(seconds: int) -> bool:
        return bool(collect_violations(ConfigurationSpec(**{field: timedelta(seconds=seconds)})))  # type: ignore[arg-type]

    return bisect_left(range(3600), True, lo=30, key=is_too_long) - 1


def test_what_can_be_set_of_a_bmc_ends_before_the_activity_does() -> None:
    """The waits of each activity that writes, one after the other, and one last answer."""
    answer, power, media, comes = (
        longest_s(f"bmc_{what}_timeout") for what in ("answer", "power", "media", "restart")
    )
    usual = Patience()
    waits: dict[Callable[..., Any], float] = {
        redfish.verify: 0,
        redfish.restart_bmc: usual.bmc_goes_s + comes,
        redfish.power_cycle: power / 4 * 2 + power,
        # Off, eject another medium, insert in two ways, the boot override, on.
        redfish.boot_medium: power + media + 2 * media + usual.boot_s + power,
        # Off, eject, the boot override, or letting go of it, on.
        redfish.boot_disk: power + media + 2 * usual.boot_s + power,
        redfish.power_off: power + media,
    }
    for contract, waits_s in waits.items():
        assert waits_s + answer < POLICIES[contract].takes.total_seconds(), contract.__name__


def test_what_hardware_needs_goes_before_what_an_operator_set() -> None:
    told = Patience(power_s=200, media_s=5).or_longer(Patience(power_s=100, media_s=50))
    assert told == Patience(power_s=200, media_s=50)


def test_what_an_operator_set_of_a_bmc_goes_before_what_is_usual() -> None:
    usual = Patience(pause_s=0.1)
    assert usual.told(None) == usual
    assert usual.told(Configured(generation=1, wanted=UNSET)) == usual
    wanted = Configuration(bmc_power_timeout=200, bmc_answer_timeout=7, bmc_restart_timeout=500)
    told = usual.told(Configured(generation=1, wanted=wanted))
    assert told == Patience(pause_s=0.1, power_s=200, answer_s=7, bmc_comes_s=500)
