"""mulligan ... set NAME --name NEW."""

from typing import Any

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    HOST,
    IMAGE,
    MACHINE,
    NETWORK,
    PROJECT,
    REGION,
    SERVER,
    FakeMulligan,
    a_machine,
    a_server,
    an_operation,
)

pytestmark = pytest.mark.usefixtures("logged_in")


def renamed(object_id: str) -> common_pb2.Metadata:
    return common_pb2.Metadata(id=object_id, name="other", region=REGION)


@pytest.mark.parametrize(
    ("noun", "name", "object_id", "answer"),
    [
        ("machine", "web-1", MACHINE, a_machine()),
        ("server", "rack1-07", SERVER, a_server()),
        ("host", "hyper-1", HOST, control_pb2.Host(metadata=renamed(HOST))),
        ("image", "debian-13", IMAGE, control_pb2.Image(metadata=renamed(IMAGE))),
        ("network", "lan", NETWORK, resource_pb2.Network(metadata=renamed(NETWORK))),
    ],
)
def test_a_name_is_changed(
    run: Run, fake: FakeMulligan, noun: str, name: str, object_id: str, answer: Any
) -> None:
    rpc = f"Update{noun.title()}"
    fake.on(rpc, answer)
    fake.on("GetOperation", an_operation("done"))
    result = run(noun, "set", name, "--name", "other", "--generation", "4", "-o", "json")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked(rpc)
    assert (asked.id, asked.name, asked.generation) == (object_id, "other", 4)
    assert list(asked.update_mask.paths) == ["name"]
    assert asked.request_id
    assert noun != "machine" or asked.project == PROJECT
    nothing = run(noun, "set", name)
    assert nothing.exit_code == Exit.USAGE
    assert "--name" in nothing.stderr
