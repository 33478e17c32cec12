"""One machine of each kind, side by side, from the request to the last trace of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.lab import VirtualServer
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.e2e.keeping import has_booted_again, is_kept_and_restored
from tests.e2e.stack import Stack

pytestmark = pytest.mark.timeout(900)

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0uMAY0kAV0RlpcfeZ8lZzPvb4z8ks3eXbm0cVeB0Pq me@here"
PATTERN = b"do not leave this to the next tenant"
BEYOND_THE_IMAGE = 64 << 20


def test_both_kinds_side_by_side_and_one_whose_image_is_spoilt_on_the_way(stack: Stack) -> None:
    """Merged into one test, because each boot takes its time."""
    server, server_id = stack.new_server()
    other, other_id = stack.new_server()
    before = stack.in_use()

    spoilt = stack.provision("spoilt-1", "baremetal", provider=other_id)
    stack.wait_for_step(spoilt.metadata.id, "boot ramdisk (deploy)")
    _spoil(stack.state / "executor" / "media" / spoilt.metadata.id)
    virtual = stack.provision("virtual-1", "virtual", ssh_keys=[SSH_KEY])
    metal = stack.provision("metal-1", "baremetal", provider=server_id, ssh_keys=[SSH_KEY])
    assert stack.wait(virtual.metadata.id).status.state == "done"
    _a_name_is_taken_while_its_machine_is_there(stack, virtual.object_id)
    _another_project_sees_none_of_it(stack, virtual.object_id)
    is_kept_and_restored(stack, virtual.object_id)
    assert stack.wait(metal.metadata.id).status.state == "done"
    has_booted_again(stack, virtual.object_id)
    for machine in (virtual.object_id, metal.object_id):
        _is_active_and_has_said_so(stack, machine)
    assert stack.in_use() != before
    _was_configured_by_its_drive(stack.log(virtual.metadata.id), "virtual-1")
    console = stack.lab.console_path(server).read_text("utf-8", "replace")
    _was_configured_by_its_drive(console, "metal-1")
    assert "image written and verified" in stack.log(metal.metadata.id)

    _plant_pattern(stack.lab.disk_path(server))
    _is_shown_what_would_be_lost(stack, server)
    ends = [stack.decommission(machine.object_id) for machine in (virtual, metal)]
    assert [stack.wait(end).status.state for end in ends] == ["done", "done"]
    assert _is_all_zeros(stack.lab.disk_path(server))
    assert stack.machine(metal.object_id).status.state == "gone"
    assert stack.server(server_id).status.state == "available"

    _failed_by_its_checksum(stack, spoilt)
    assert _is_all_zeros(stack.lab.disk_path(other))
    shown = stack.server(other_id)
    assert (shown.status.state, shown.operation) == ("available", "")
    assert stack.in_use() == before


def _spoil(media: Path) -> None:
    """Put a file with another byte in the place of the served one, a link to the cache."""
    (served,) = media.glob("*/image.raw")
    spoilt = served.with_name(".spoilt")
    shutil.copyfile(served, spoilt)
    with spoilt.open("r+b") as file:
        file.seek(40 << 20)
        file.write(b"?")
    spoilt.replace(served)


def _failed_by_its_checksum(stack: Stack, spoilt: control_pb2.Operation) -> None:
    ended = stack.wait(spoilt.metadata.id)
    assert (ended.status.state, ended.error_code) == ("failed", "CHECKSUM_MISMATCH")
    failed = stack.machine(spoilt.object_id)
    assert failed.status.state == "failed"
    assert "sha256" in failed.status.reason
    assert "CHECKSUM_MISMATCH" in stack.log(spoilt.metadata.id)


def _is_active_and_has_said_so(stack: Stack, machine: str) -> None:
    shown = stack.machine(machine)
    assert shown.status.state == "active"
    assert shown.reported_hostname == shown.metadata.name
    assert [shown.reported_address] == [one.address for one in shown.addresses]
    (key,) = shown.ssh_host_keys
    assert key.startswith("ssh-ed25519 ")
    assert key.endswith(f" root@{shown.metadata.name}")


def _was_configured_by_its_drive(console: str, name: str) -> None:
    assert "mulligan-testimage: config drive: config-2 on" in console
    assert f"mulligan-testimage: hostname {name}," in console
    assert "mulligan-testimage: SSH keys: 1" in console
    assert "phone_home" not in console


def _a_name_is_taken_while_its_machine_is_there(stack: Stack, machine: str) -> None:
    (shown,) = stack.machines("virtual-1")
    assert shown.metadata.id == machine
    said = stack.mulligan(
        *("machine", "provision", "virtual-1", "--image", "tiny", "--network", "lan")
    )
    assert said.code == 4
    assert "virtual-1" in said.errors
    assert [one.metadata.id for one in stack.machines("virtual-1")] == [machine]


def _another_project_sees_none_of_it(stack: Stack, machine: str) -> None:
    config = stack.folder / "stranger"
    password = "a stranger's password"
    for words in (
        ("project", "create", "elsewhere"),
        ("account", "create", "stranger", "--password-stdin"),
        ("role", "assign", "stranger", "member", "--project", "elsewhere"),
    ):
        said = stack.mulligan(*words, given=password)
        assert said.code == 0, said.errors
    signed_in = stack.mulligan(
        *("login", stack.login.address, "--account", "stranger", "--password-stdin"),
        config=config,
        given=password,
    )
    assert signed_in.code == 0, signed_in.errors
    for words in (
        ("machine", "show", machine),
        ("machine", "show", "virtual-1"),
        ("machine", "decommission", machine, "--yes"),
    ):
        said = stack.mulligan(*words, config=config)
        assert said.code == 5, said.errors
    in_its_project = ("machine", "show", machine, "--project", stack.login.project)
    assert stack.mulligan(*in_its_project, config=config).code in (5, 7)


def _is_shown_what_would_be_lost(stack: Stack, server: VirtualServer) -> None:
    said = stack.mulligan("machine", "decommission", "metal-1", "--dry-run")
    assert said.code == 0
    assert f"{server.name}.img" in said.out
    assert "wipe" in said.out


def _plant_pattern(disk: Path) -> None:
    """Write a pattern where the image does not reach, and see that it is there."""
    with disk.open("r+b") as file:
        file.seek(BEYOND_THE_IMAGE + 4096)
        file.write(PATTERN)
    assert disk.read_bytes().find(PATTERN) == BEYOND_THE_IMAGE + 4096


def _is_all_zeros(disk: Path) -> bool:
    return all(piece == bytes(len(piece)) for piece in _pieces(disk))


def _pieces(disk: Path) -> Iterator[bytes]:
    with disk.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece
