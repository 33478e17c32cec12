"""mulligan region key: the keys that are offered, and a new one."""

import json

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import OPERATION, REGION, FakeMulligan, a_step, an_operation

pytestmark = pytest.mark.usefixtures("logged_in")

KEYS = control_pb2.ListRegionKeysResponse(
    keys=[
        control_pb2.RegionKey(key_id="0123456789ab", public_key="bmV3"),
        control_pb2.RegionKey(key_id="ba9876543210", public_key="b2xk"),
    ]
)


def test_the_keys_say_which_one_seals(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListRegionKeys", KEYS)
    shown = run("region", "key", "list", "home").stdout.splitlines()
    assert [line.split() for line in shown[1:]] == [
        ["0123456789ab", "opens", "and", "seals", "bmV3"],
        ["ba9876543210", "opens", "b2xk"],
    ]
    as_json = json.loads(run("region", "key", "list", REGION, "-o", "json").stdout)
    assert [key["key_id"] for key in as_json["keys"]] == ["0123456789ab", "ba9876543210"]
    assert {call.region for call in fake.asked("ListRegionKeys")} == {REGION}


def test_a_rotation_is_started_and_can_be_followed(run: Run, fake: FakeMulligan) -> None:
    fake.on("RotateRegionKey", an_operation("running", a_step("make key", "running")))
    result = run("region", "key", "rotate", "home")
    assert result.exit_code == 0, result.stderr
    assert f"mulligan operation show {OPERATION} --wait" in result.stderr
    [asked] = fake.asked("RotateRegionKey")
    assert asked.region == REGION
    assert asked.request_id


@pytest.mark.parametrize(("state", "code"), [("done", 0), ("failed", Exit.OPERATION_FAILED)])
def test_waiting_for_a_rotation_ends_as_it_did(
    run: Run, fake: FakeMulligan, state: str, code: int
) -> None:
    fake.on("RotateRegionKey", an_operation("running"))
    fake.on("ListMachines", control_pb2.ListMachinesResponse(revision=3))
    ended = an_operation(state, a_step("seal anew", "done", message="3 of 3 secrets are sealed"))
    fake.on("GetOperation", ended)
    result = run("region", "key", "rotate", "home", "--wait")
    assert result.exit_code == code
    assert "3 of 3 secrets are sealed" in result.stderr


def test_an_unknown_region_is_not_found(run: Run, fake: FakeMulligan) -> None:
    assert run("region", "key", "rotate", "nowhere").exit_code == Exit.NOT_FOUND
    assert fake.asked("RotateRegionKey") == []
