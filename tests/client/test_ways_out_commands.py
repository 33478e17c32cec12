"""mulligan operation abort and retry, force-release, freeze, thaw."""

import json

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    ACCOUNT,
    MACHINE,
    OPERATION,
    REGION,
    SERVER,
    FakeMulligan,
    RefusalError,
    ago,
    an_operation,
)

pytestmark = pytest.mark.usefixtures("logged_in")


@pytest.mark.parametrize(
    ("verb", "method"), [("abort", "AbortOperation"), ("retry", "RetryOperation")]
)
def test_an_operation_is_aborted_or_retried(
    run: Run, fake: FakeMulligan, verb: str, method: str
) -> None:
    fake.on(method, an_operation("running"))
    result = run("operation", verb, OPERATION)
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked(method)
    assert asked.id == OPERATION
    assert asked.request_id
    assert OPERATION in result.output


def test_what_ended_can_not_be_aborted(run: Run, fake: FakeMulligan) -> None:
    said = RefusalError("FAILED_PRECONDITION", "FAILED_PRECONDITION", "it is done already")
    fake.on("AbortOperation", said)
    result = run("operation", "abort", OPERATION)
    assert result.exit_code == Exit.REFUSED
    assert "done already" in result.stderr


@pytest.mark.parametrize(
    ("noun", "name", "object_id"), [("machine", "web-1", MACHINE), ("server", "rack1-07", SERVER)]
)
def test_a_forced_release_says_what_it_leaves_behind(
    run: Run, fake: FakeMulligan, noun: str, name: str, object_id: str
) -> None:
    fake.on("ForceRelease", an_operation("running"))
    result = run(noun, "force-release", name, "--reason", "BMC died", "--yes")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("ForceRelease")
    assert (asked.object_id, asked.reason) == (object_id, "BMC died")
    assert "not clean" in " ".join(result.stderr.split())


def test_nothing_is_released_by_force_without_a_yes(run: Run, fake: FakeMulligan) -> None:
    result = run("machine", "force-release", "web-1", "--reason", "BMC died")
    assert result.exit_code == Exit.USAGE
    assert "--yes" in result.stderr
    assert fake.asked("ForceRelease") == []


def test_a_freeze_is_set_listed_and_taken_back(run: Run, fake: FakeMulligan) -> None:
    frozen = control_pb2.Freeze(region=REGION, reason="power works", author=ACCOUNT, since=ago(60))
    fake.on("Freeze", control_pb2.FreezeResponse(freeze=frozen))
    fake.on("Thaw", control_pb2.ThawResponse())
    fake.on(
        "ListFreezes",
        control_pb2.ListFreezesResponse(freezes=[frozen]),
        control_pb2.ListFreezesResponse(),
    )
    result = run("freeze", "--region", "home", "--reason", "power works")
    assert result.exit_code == 0, result.stderr
    assert "home" in result.output
    assert "power works" in result.output
    assert fake.asked("Freeze")[0].region == REGION
    thawed = run("thaw", "--site", "-o", "json")
    assert json.loads(thawed.stdout)["freezes"] == []
    assert fake.asked("Thaw")[0].region == ""
