"""Requests that are refused at the door: exit code, words, and nothing half-done."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from mulligan.database import Database
from mulligan.iam import tokens
from mulligan.iam.tables import Assignment
from tests.e2e.stack import Stack

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--image", "tinny"], 5, ["no image is called 'tinny'", "the nearest is 'tiny'"]),
        (["--image", "tiny", "--vcpus", "5000"], 6, ["5000"]),
        (
            ["--image", "tiny", "--from", "2031-01-02T00:00Z", "--until", "2031-01-01T00:00Z"],
            4,
            ["window"],
        ),
    ],
    ids=["unknown image", "no capacity", "a window that ends before it starts"],
)
def test_a_machine_that_can_not_be_is_refused(
    stack: Stack, words: list[str], code: int, says: list[str]
) -> None:
    before = stack.in_use()
    said = stack.mulligan("machine", "provision", "never", "--network", "lan", *words)
    assert said.code == code, said.errors
    for one in says:
        assert one in said.errors
    assert stack.machines("never") == []
    assert stack.in_use() == before


def test_no_capacity_says_how_many_each_constraint_removed(stack: Stack) -> None:
    said = stack.mulligan(
        *("machine", "provision", "huge", "--image", "tiny", "--network", "lan"),
        *("--memory", "900GiB"),
    )
    assert said.code == 6
    for constraint in ("in the region: 0 removed", "of type host: ", "when empty: 1 removed"):
        assert constraint in said.errors


def test_names_that_are_taken_are_refused(stack: Stack) -> None:
    url = (stack.folder / "images" / "tiny.raw").as_uri()
    for words in (
        ("image", "add", "tiny", url, "--sha256", "2" * 64, "--format", "raw"),
        ("host", "add", "hypervisor", "qemu:///session"),
        (
            *("network", "add", "lan", "--prefix", "10.9.0.0/24"),
            *("--first-address", "10.9.0.10", "--last-address", "10.9.0.20"),
        ),
    ):
        said = stack.mulligan(*words)
        assert said.code == 4, (words, said)
        assert "already" in said.errors


def test_a_request_id_is_for_one_request(stack: Stack) -> None:
    image = stack.folder / "images" / "not-there-yet.raw"
    stack.add_image("not-there-yet", image, sha256="3" * 64)
    asked = ("--image", "not-there-yet", "--network", "lan", "--request-id", "once", "-o", "json")
    first, again = (stack.mulligan("machine", "provision", "once", *asked) for _ in range(2))
    operation = json.loads(first.out)["metadata"]["id"]
    assert json.loads(again.out)["metadata"]["id"] == operation
    other = stack.mulligan("machine", "provision", "other", *asked)
    assert other.code == 4
    assert "REQUEST_ID_REUSED" in other.errors
    assert len(stack.machines("once")) == 1
    assert stack.machines("other") == []
    assert stack.wait(operation).error_code == "IMAGE_NOT_FOUND"


def test_an_expired_token_is_refused(stack: Stack) -> None:
    database = Database(f"sqlite:///{stack.state}/iam.sqlite")
    account = database.read(lambda session: session.scalars(select(Assignment.account)).first())
    assert account
    token, _ = database.read(
        lambda session: tokens.issue(session, account, lifetime=timedelta(minutes=-1))
    )
    database.close()
    said = stack.mulligan("machine", "list", token=token)
    assert said.code == 7
    assert "the token is expired" in said.errors
    assert token not in said.errors


def test_a_wrong_bmc_password_leaves_the_server_enrolled_with_the_reason(stack: Stack) -> None:
    server = stack.lab.servers[-1]
    said = stack.mulligan(
        *("server", "add", "wrong-password", stack.lab.address, "--system", server.system),
        *("--username", stack.lab.username, "--password-stdin", "--wait"),
        given="not the password",
    )
    assert said.code == 1, said
    shown = stack.mulligan("server", "show", "wrong-password")
    assert "enrolled" in shown.out
    assert "password" in shown.out
    assert "not the password" not in said.out + said.errors + shown.out


def test_a_bmc_that_does_not_answer_leaves_the_server_enrolled_with_the_reason(
    stack: Stack,
) -> None:
    ended = stack.wait(stack.unreachable.operation)
    assert ended.status.state == "failed"
    shown = stack.server(stack.unreachable.metadata.id)
    assert shown.status.state == "enrolled"
    assert stack.unreachable.spec.address in shown.status.reason


def test_a_second_up_on_the_same_state_folder_is_refused(stack: Stack) -> None:
    said = stack.mulligan("up", "--state", stack.state)
    assert said.code == 4
    assert "another `mulligan up` uses the state folder" in said.errors


@pytest.mark.parametrize("taken", ["--listen", "--temporal-port", "--ui-port", "--media-port"])
def test_a_port_that_is_taken_is_named(stack: Stack, taken: str) -> None:
    ports = {
        "--listen": "127.0.0.1:0",
        "--temporal-port": "0",
        "--ui-port": "0",
        "--media-port": "0",
        taken: stack.up.argument(taken),
    }
    words = [word for pair in ports.items() for word in pair]
    said = stack.mulligan("up", "--state", stack.folder / "second", *words)
    assert said.code == 4, said
    assert stack.up.argument(taken).rpartition(":")[2] in said.errors
