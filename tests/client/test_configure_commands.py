"""mulligan configure: what is in force, and what is turned."""

import json

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import ACCOUNT, REGION, FakeMulligan, ago

pytestmark = pytest.mark.usefixtures("logged_in")

SPEC = common_pb2.ConfigurationSpec(
    log_level=common_pb2.LOG_LEVEL_DEBUG, writes=common_pb2.RateLimit(per_second=50, burst=200)
)


def found() -> common_pb2.Configuration:
    """How iam is configured, since three minutes."""
    answer = common_pb2.Configuration(
        service="iam",
        spec=SPEC,
        in_force=SPEC,
        generation=3,
        changed_by=ACCOUNT,
        changed_at=ago(200),
    )
    answer.in_force.transaction_timeout.seconds = 60
    return answer


def test_what_is_in_force_is_shown_with_who_set_it(run: Run, fake: FakeMulligan) -> None:
    fake.on("GetIamConfiguration", found())
    shown = run("configure", "show", "iam")
    assert shown.exit_code == 0, shown.stderr
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in shown.stdout.splitlines()}
    assert rows == {
        "service": "iam",
        "log-level": "debug",
        "writes": "50/s, 200 at once",
        "transaction-timeout": "60 s (default)",
        "changed": "3 m ago by ann",
        "generation": "3",
    }
    as_json = json.loads(run("configure", "show", "iam", "-o", "json").stdout)
    assert as_json["in_force"]["log_level"] == "LOG_LEVEL_DEBUG"


def test_what_is_said_is_set_and_the_rest_stays(run: Run, fake: FakeMulligan) -> None:
    fake.on("ExecutorConfigure", found())
    result = run(
        *("configure", "set", "executor", "--region", "home", "--log-level", "debug"),
        *("--bmc-answer-timeout", "40s", "--default", "bmc-power-timeout", "--generation", "2"),
    )
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("ExecutorConfigure")
    assert (asked.region, asked.generation) == (REGION, 2)
    assert sorted(asked.update_mask.paths) == [
        "spec.bmc_answer_timeout",
        "spec.bmc_power_timeout",
        "spec.log_level",
    ]
    assert asked.spec.bmc_answer_timeout.seconds == 40
    assert not asked.spec.HasField("bmc_power_timeout")
    fake.on("MetaConfigure", found())
    run("configure", "set", "meta", "--reads", "0.5/3")
    [asked] = fake.asked("MetaConfigure")
    assert (asked.spec.reads.per_second, asked.spec.reads.burst) == (0.5, 3)


@pytest.mark.parametrize(
    "said",
    [
        [],
        ["--reads", "many"],
        ["--reads", "5", "--default", "reads"],
        ["--default", "nothing"],
        ["--log-level", "loud"],
    ],
)
def test_what_means_nothing_is_refused(run: Run, fake: FakeMulligan, said: list[str]) -> None:
    assert run("configure", "set", "meta", *said).exit_code == Exit.USAGE
    assert fake.asked("MetaConfigure") == []
