"""mulligan machine: provision, watch, decommission."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from activities.keys import RegionKeys
from mulligan_client.client import Client
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    HOST,
    IMAGE,
    MACHINE,
    NETWORK,
    OPERATION,
    PROJECT,
    REGION,
    SERVER,
    FakeMulligan,
    RefusalError,
    a_machine,
    a_step,
    an_event,
    an_operation,
    status,
)

pytestmark = pytest.mark.usefixtures("logged_in")

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqR1s9rV0c3mYQZ0tZpZkqk0aaaaaaaaaaaaaaaaaaa ann"
DOOMED = control_pb2.DoomedDisk(name="web-1.qcow2", size_bytes=10 << 30, policy="delete")


def test_everything_that_was_said_is_asked_for(
    run: Run, fake: FakeMulligan, tmp_path: Path
) -> None:
    keys = RegionKeys.load(tmp_path / "keys", REGION)
    [(key_id, public_key)] = keys.public_keys()
    offered = control_pb2.RegionKey(key_id=key_id, public_key=public_key)
    fake.on("ListRegionKeys", control_pb2.ListRegionKeysResponse(keys=[offered]))
    fake.on("ProvisionMachine", an_operation("running"))
    (tmp_path / "id.pub").write_text(f"{KEY}\n")
    (tmp_path / "user-data").write_text("#cloud-config\n")
    result = run(
        *("machine", "provision", "web-1", "--image", "debian-13", "--vcpus", "2"),
        *("--memory", "2GiB", "--disk", "20GiB", "--network", "lan:static=10.0.2.9"),
        *("--network", f"{NETWORK}:dhcp", "--ssh-key", str(tmp_path / "id.pub")),
        *("--user-data", str(tmp_path / "user-data"), "--from", "2026-12-01T00:00Z"),
        *("--until", "2026-12-02T00:00Z", "--on", "hyper-1", "--require", "UEFI"),
        *("--placement", "spread", "--request-id", "r-1"),
    )
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("ProvisionMachine")
    assert (asked.project, asked.region, asked.name) == (PROJECT, REGION, "web-1")
    assert asked.request_id == "r-1"
    spec = asked.spec
    assert (spec.kind, spec.image, spec.provider) == ("virtual", IMAGE, HOST)
    assert (spec.vcpus, spec.memory_mib, spec.disk_gib) == (2, 2048, 20)
    assert [(nic.network, nic.mode, nic.address) for nic in spec.nics] == [
        (NETWORK, "static", "10.0.2.9"),
        (NETWORK, "dhcp", ""),
    ]
    assert list(spec.ssh_keys) == [KEY]
    assert list(spec.required_capabilities) == ["UEFI"]
    assert spec.placement == common_pb2.PLACEMENT_SPREAD
    assert spec.window.acquire_at.ToDatetime(UTC) == datetime(2026, 12, 1, tzinfo=UTC)
    assert spec.window.release_at.ToDatetime(UTC) == datetime(2026, 12, 2, tzinfo=UTC)
    opened = keys.open(spec.sealed_user_data, region=REGION, purpose="user-data")
    assert opened["user_data"] == "#cloud-config\n"
    assert f"operation show {OPERATION} --wait" in result.stderr


def test_baremetal_is_taken_as_it_is_unless_said_otherwise(run: Run, fake: FakeMulligan) -> None:
    fake.on("ProvisionMachine", an_operation("running"))
    run("machine", "provision", "m", "--image", IMAGE, "--kind", "baremetal", "--on", "rack1-07")
    [asked] = fake.asked("ProvisionMachine")
    spec = asked.spec
    assert (spec.kind, spec.vcpus, spec.memory_mib, spec.disk_gib) == ("baremetal", 0, 0, 0)
    assert spec.provider == SERVER
    assert not spec.HasField("window")


@pytest.mark.parametrize(
    ("option", "content", "why"),
    [
        ("--ssh-key", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "PRIVATE key"),
        ("--ssh-key", "hello", "no SSH public key"),
        ("--user-data", "x" * 65537, "65536 are the most"),
    ],
)
def test_a_file_with_the_wrong_thing_in_it_is_refused_before_anything_is_sent(
    run: Run, fake: FakeMulligan, tmp_path: Path, option: str, content: str, why: str
) -> None:
    path = tmp_path / "file"
    path.write_text(content)
    result = run("machine", "provision", "m", "--image", "debian-13", option, str(path))
    assert result.exit_code == Exit.USAGE
    assert option in result.stderr
    assert why in result.stderr
    assert fake.calls == []


def test_no_capacity_has_a_code_of_its_own_and_is_explained(run: Run, fake: FakeMulligan) -> None:
    why = "nothing fits: of 3 hosts, MEMORY_MIB removed 2, maintenance removed 1"
    fake.on("ProvisionMachine", RefusalError("RESOURCE_EXHAUSTED", "NO_CAPACITY", why))
    result = run("machine", "provision", "m", "--image", "debian-13")
    assert result.exit_code == Exit.NO_CAPACITY
    assert why in result.stderr


def test_waiting_shows_the_machine_with_duration_and_workflow(run: Run, fake: FakeMulligan) -> None:
    fake.on("ProvisionMachine", an_operation("running"))
    fake.on("ListMachines", control_pb2.ListMachinesResponse(revision=3))
    fake.on("Watch", [an_event(4)])
    running = an_operation("running", a_step("boot", "running"))
    fake.on("GetOperation", running, running, an_operation("done", a_step("boot", "done")))
    fake.on("GetMachine", a_machine(reported_hostname="web-1"))
    result = run("machine", "provision", "web-1", "--image", "debian-13", "--wait")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines() == ["boot running", "boot done in 12 s"]
    for words in ("10.0.2.100 in lan", "hyper-1", "1 m 05 s", "http://127.0.0.1:8233"):
        assert words in result.stdout


def test_ctrl_c_detaches_and_says_how_to_come_back(
    run: Run, fake: FakeMulligan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    fake.on("ProvisionMachine", an_operation("running"))
    monkeypatch.setattr(Client, "wait_for_operation", interrupted)
    result = run("machine", "provision", "web-1", "--image", "debian-13", "--wait")
    assert result.exit_code == Exit.DETACHED
    assert f"mulligan operation show {OPERATION} --wait" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_dry_run_lists_the_disks_and_destroys_nothing(run: Run, fake: FakeMulligan) -> None:
    fake.on("DecommissionMachine", control_pb2.DecommissionMachineResponse(disks=[DOOMED]))
    result = run("machine", "decommission", "web-1", "--dry-run")
    assert result.exit_code == 0
    assert "web-1.qcow2  10.0 GiB  delete" in result.stdout
    assert [asked.dry_run for asked in fake.asked("DecommissionMachine")] == [True]


def test_a_machine_is_not_ended_without_a_yes(run: Run, fake: FakeMulligan) -> None:
    answer = control_pb2.DecommissionMachineResponse(
        disks=[DOOMED], operation=an_operation("running")
    )
    fake.on("DecommissionMachine", answer)
    result = run("machine", "decommission", "web-1", stdin="")
    assert result.exit_code == Exit.USAGE
    assert "web-1.qcow2" in result.stderr
    assert [asked.dry_run for asked in fake.asked("DecommissionMachine")] == [True]
    assert run("machine", "decommission", "web-1", "--yes").exit_code == 0
    real = fake.asked("DecommissionMachine")[-1]
    assert (real.dry_run, real.id, real.project) == (False, MACHINE, PROJECT)


def test_watching_starts_at_the_lists_revision_and_tells_machines_and_their_operations(
    run: Run, fake: FakeMulligan
) -> None:
    fake.on("ListMachines", control_pb2.ListMachinesResponse(machines=[a_machine()], revision=9))
    fake.on(
        "Watch",
        [
            an_event(10, status=status("decommissioning", "asked for")),
            an_event(11, object_type="image", object_id=IMAGE, operation="", message="an image"),
            an_event(12, object_type="operation", object_id=OPERATION, kind="step", message="wipe"),
            RefusalError("PERMISSION_DENIED", "ROLE_LOST", "no longer yours"),
        ],
    )
    result = run("machine", "watch", "web-1")
    assert result.exit_code == Exit.NOT_ALLOWED
    standing, changed, step = result.stdout.splitlines()
    assert standing == "now       web-1  active: it phoned home"
    assert changed.endswith("web-1  decommissioning: asked for")
    assert step.endswith("web-1  step: wipe")
    assert fake.asked("Watch")[0].after_revision == 9
    as_json = run("machine", "watch", "-o", "json").stdout.splitlines()
    assert [json.loads(line)["revision"] for line in as_json] == ["10", "12"]


def test_lists_show_another_projects_machines_only_when_asked(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListMachines", control_pb2.ListMachinesResponse(machines=[a_machine()]))
    assert "10.0.2.100" in run("machine", "list", "--all").stdout
    assert run("machine", "list", "--project", "nope").exit_code == Exit.NOT_FOUND
    [asked] = fake.asked("ListMachines")
    assert (asked.project, asked.include_ended) == (PROJECT, True)
