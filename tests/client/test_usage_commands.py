"""mulligan usage."""

import json
from datetime import UTC, datetime

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from tests.client.conftest import Run
from tests.client.fake_mulligan import HOST, PROJECT, REGION, FakeMulligan

pytestmark = pytest.mark.usefixtures("logged_in")


def test_usage_is_a_table_of_providers(run: Run, fake: FakeMulligan) -> None:
    rows = [
        pb.Usage(of=HOST, resource_type="VCPU", capacity=8, used=4, reserved=6, peak=7, free=1),
        pb.Usage(of=HOST, resource_type="MEMORY_MIB", capacity=64, free=64),
    ]
    fake.on("ListUsage", pb.ListUsageResponse(usage=rows))
    result = run("usage")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("ListUsage")
    assert asked == pb.ListUsageRequest()
    heading, memory, cpus = (line.split() for line in result.stdout.splitlines())
    assert heading[-5:] == ["CAPACITY", "USED", "RESERVED", "PEAK", "FREE"]
    assert memory == ["hyper-1", "MEMORY_MIB", "64", "0", "0", "0", "64"]
    assert cpus == ["hyper-1", "VCPU", "8", "4", "6", "7", "1"]


def test_usage_is_summed_up_and_narrowed_as_asked(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListUsage", pb.ListUsageResponse())
    result = run(
        "usage", "--by", "region", "--from", "2030-01-07", "--until", "2030-01-08", "--region",
        "home", "--provider", "hyper-1", "--resource-type", "VCPU",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("ListUsage")
    assert (asked.by, asked.region, asked.provider) == (pb.USAGE_BY_REGION, REGION, HOST)
    assert asked.resource_type == "VCPU"
    assert asked.window.acquire_at.ToDatetime(UTC) == datetime(2030, 1, 7, tzinfo=UTC)
    assert asked.window.release_at.ToDatetime(UTC) == datetime(2030, 1, 8, tzinfo=UTC)
    assert run("usage", "--by", "rack").exit_code == Exit.USAGE


def test_of_a_project_there_may_be_no_limit(run: Run, fake: FakeMulligan) -> None:
    row = pb.Usage(of=PROJECT, resource_type="VCPU", used=4, peak=4)
    fake.on("ListProjectUsage", pb.ListProjectUsageResponse(usage=[row]))
    result = run("usage", "--project", "default")
    assert result.exit_code == 0, result.stderr
    assert fake.asked("ListProjectUsage")[0].project == PROJECT
    assert result.stdout.splitlines()[1].split() == ["default", "VCPU", "4", "0", "4"]
    [shown] = json.loads(run("usage", "--project", "default", "-o", "json").stdout)["usage"]
    assert (shown["of"], shown["peak"], "capacity" in shown) == (PROJECT, "4", False)
