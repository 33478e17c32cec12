"""mulligan reconcile: what is asked for and what is shown."""

import json

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    HOST,
    OPERATION,
    REGION,
    SERVER,
    FakeMulligan,
    ago,
    an_operation,
)

pytestmark = pytest.mark.usefixtures("logged_in")

DEAD = control_pb2.Difference(
    region=REGION,
    kind="HOST_UNREACHABLE",
    object_type="host",
    object_id=HOST,
    message="host hyper-1 can't be reached: no route",
    action="mend that, then `mulligan host verify hyper-1`",
)
MENDED = control_pb2.Difference(
    region=REGION,
    kind="OFFER_WRONG",
    object_type="server",
    object_id=SERVER,
    message="server rack1-07 is not offered to requests",
    action="offer it",
    mends_itself=True,
)


@pytest.fixture(autouse=True)
def differing(fake: FakeMulligan) -> None:
    listed = control_pb2.ListDifferencesResponse(differences=[DEAD, MENDED])
    listed.differences[0].found_at.CopyFrom(ago(60))
    listed.differences[1].found_at.CopyFrom(ago(200))
    listed.differences[1].mended_at.CopyFrom(ago(120))
    fake.on("ListDifferences", listed)


def test_a_run_is_of_the_current_region_and_can_be_followed(run: Run, fake: FakeMulligan) -> None:
    fake.on("Reconcile", an_operation("running"))
    result = run("reconcile", "run")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("Reconcile")
    assert (asked.region, bool(asked.request_id)) == (REGION, True)
    assert f"mulligan operation show {OPERATION} --wait" in result.stderr


def test_a_run_that_failed_says_so(run: Run, fake: FakeMulligan) -> None:
    fake.on("Reconcile", an_operation("running"))
    fake.on("ListMachines", control_pb2.ListMachinesResponse(revision=3))
    fake.on("Watch", [])
    fake.on("GetOperation", an_operation("failed"))
    assert run("reconcile", "run", "--region", "home", "--wait").exit_code == Exit.OPERATION_FAILED


def test_what_differs_is_shown_with_what_mends_it(run: Run, fake: FakeMulligan) -> None:
    shown = run("reconcile", "show")
    assert shown.exit_code == 0, shown.stderr
    _, row = shown.stdout.splitlines()
    assert row.split("  ")[0] == "1 m ago"
    assert "HOST_UNREACHABLE  by you" in row
    assert row.endswith("no route. Mend that, then `mulligan host verify hyper-1`.")
    assert fake.asked("ListDifferences")[0].region == ""


def test_what_was_mended_is_shown_when_asked_for(run: Run, fake: FakeMulligan) -> None:
    shown = run("reconcile", "show", "--all", "--region", "home").stdout
    assert "OFFER_WRONG       2 m ago" in shown
    assert fake.asked("ListDifferences")[0].region == REGION
    as_json = json.loads(run("reconcile", "show", "-o", "json").stdout)
    assert [one["kind"] for one in as_json["differences"]] == ["HOST_UNREACHABLE"]
