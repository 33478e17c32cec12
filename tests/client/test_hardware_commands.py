"""mulligan server, host, image, network, operation: what is asked for and what is shown."""

import json
from pathlib import Path

import pytest
import yaml

from activities.keys import RegionKeys
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    HOST,
    MACHINE,
    NETWORK,
    OPERATION,
    REGION,
    SERVER,
    FakeMulligan,
    a_server,
    a_step,
    ago,
    an_event,
    an_operation,
)

pytestmark = pytest.mark.usefixtures("logged_in")


@pytest.fixture
def keys(fake: FakeMulligan, tmp_path: Path) -> RegionKeys:
    """The executor's keys, of which the server tells the public half."""
    found = RegionKeys.load(tmp_path / "keys", REGION)
    [(key_id, public_key)] = found.public_keys()
    offered = control_pb2.RegionKey(key_id=key_id, public_key=public_key)
    fake.on("ListRegionKeys", control_pb2.ListRegionKeysResponse(keys=[offered]))
    return found


def test_a_servers_password_reaches_the_executor_and_nobody_else(
    run: Run, fake: FakeMulligan, keys: RegionKeys
) -> None:
    fake.on("CreateServer", a_server("enrolled"))
    result = run(
        "server",
        "add",
        "rack1-07",
        "HTTPS://10.0.0.17:443/",
        "--username",
        "root",
        "--password-stdin",
        "--insecure-tls",
        stdin="calvin\n",
    )
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("CreateServer")
    assert (asked.name, asked.region) == ("rack1-07", REGION)
    assert asked.spec.address == "https://10.0.0.17"
    assert asked.spec.insecure_tls
    bound = {"endpoint": asked.id, "address": "https://10.0.0.17", "region": REGION}
    opened = keys.open(asked.spec.sealed_credentials, **bound)
    assert opened == {**bound, "username": "root", "password": "calvin"}
    assert all(b"calvin" not in call.request.SerializeToString() for call in fake.calls)
    assert "calvin" not in result.output
    assert f"mulligan operation show {OPERATION} --wait" in result.stderr


def test_an_address_with_a_password_in_it_is_refused_before_anything_is_sent(
    run: Run, fake: FakeMulligan
) -> None:
    result = run("server", "add", "x", "https://root:calvin@bmc", "--username", "root")
    assert result.exit_code == Exit.USAGE
    assert "user name or password" in result.stderr
    assert "calvin" not in result.stderr
    assert fake.calls == []


def test_a_servers_new_password_reaches_the_executor_and_nobody_else(
    run: Run, fake: FakeMulligan, keys: RegionKeys
) -> None:
    fake.on("GetServer", a_server("quarantined"))
    fake.on("UpdateServer", a_server("quarantined"))
    result = run(
        "server", "set", "rack1-07", "--username", "admin", "--password-stdin", stdin="hobbes\n"
    )
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("UpdateServer")
    assert asked.id == SERVER
    assert asked.request_id
    assert list(asked.update_mask.paths) == ["spec.sealed_credentials"]
    sealed = asked.spec.sealed_credentials
    assert asked.spec == control_pb2.ServerSpec(sealed_credentials=sealed)
    bound = {"endpoint": SERVER, "address": "https://10.0.0.17", "region": REGION}
    assert keys.open(sealed, **bound) == {**bound, "username": "admin", "password": "hobbes"}
    assert all(b"hobbes" not in call.request.SerializeToString() for call in fake.calls)
    assert "hobbes" not in result.output
    assert "server rack1-07 is updated" in result.stderr
    assert "mulligan server verify rack1-07 --wait" in result.stderr
    assert fake.asked("VerifyServer") == []


@pytest.mark.parametrize(
    ("switch", "insecure"), [("--insecure-tls", True), ("--verify-tls", False)]
)
def test_a_servers_tls_is_changed_without_a_password(
    run: Run, fake: FakeMulligan, switch: str, insecure: bool
) -> None:
    fake.on("UpdateServer", a_server())
    result = run("server", "set", "rack1-07", switch)
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("UpdateServer")
    assert asked.spec == control_pb2.ServerSpec(insecure_tls=insecure)
    assert list(asked.update_mask.paths) == ["spec.insecure_tls"]


@pytest.mark.parametrize(("state", "code"), [("done", 0), ("failed", 1)])
def test_an_update_that_is_waited_for_ends_as_the_verification_does(
    run: Run, fake: FakeMulligan, state: str, code: int
) -> None:
    fake.on("UpdateServer", a_server("quarantined"))
    fake.on("VerifyServer", an_operation("running"))
    fake.on("ListMachines", control_pb2.ListMachinesResponse(revision=3))
    fake.on("Watch", [an_event(4)])
    fake.on("GetOperation", an_operation("running"), an_operation(state))
    fake.on("GetServer", a_server("available"))
    result = run("server", "set", "rack1-07", "--insecure-tls", "--wait", "-o", "json")
    assert result.exit_code == code, result.stderr
    assert [call.method for call in fake.calls if "Server" in call.method] == [
        "UpdateServer",
        "VerifyServer",
        "GetServer",
    ]
    assert fake.asked("VerifyServer")[0].id == SERVER
    assert json.loads(result.stdout)["status"]["state"] == "available"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "say what to change: --name, --project, --no-project, --username"),
        (("--password-stdin",), "a password needs its user: --username"),
    ],
)
def test_an_update_of_nothing_is_refused_before_anything_is_sent(
    run: Run, fake: FakeMulligan, options: tuple[str, ...], words: str
) -> None:
    result = run("server", "set", "rack1-07", *options, stdin="hobbes\n")
    assert result.exit_code == Exit.USAGE
    assert words in result.stderr
    assert fake.calls == []


@pytest.mark.parametrize(("state", "code"), [("done", 0), ("failed", 1), ("cancelled", 1)])
def test_waiting_ends_with_how_the_operation_ended(
    run: Run, fake: FakeMulligan, state: str, code: int
) -> None:
    fake.on("CreateHost", control_pb2.Host(operation=OPERATION))
    fake.on("GetHost", control_pb2.Host(metadata=common_pb2.Metadata(id=HOST, name="hyper-1")))
    fake.on("ListMachines", control_pb2.ListMachinesResponse(revision=3))
    fake.on("Watch", [an_event(4)])
    running = an_operation("running", a_step("verify", "running"))
    fake.on("GetOperation", running, running, an_operation(state, a_step("verify", "done")))
    result = run("host", "add", "hyper-1", "qemu:///session", "--wait")
    assert result.exit_code == code
    assert "verify running" in result.stderr
    assert "verify done in 12 s" in result.stderr
    assert "hyper-1" in result.stdout
    assert (f"operation log {OPERATION}" in result.stderr) == (code == 1)
    assert fake.asked("Watch")[0].after_revision == 3


def test_lists_are_tables_for_people_without_control_codes_in_a_pipe(
    run: Run, fake: FakeMulligan
) -> None:
    mark = common_pb2.Mark(kind="maintenance", reason="fan", since=ago(60))
    one = a_server("available", marks=[mark], machine=MACHINE)
    one.status.reason = "found [bold]well[/] \x1b[31mred\x07"
    one.status.next_action = "nothing"
    fake.on("ListServers", control_pb2.ListServersResponse(servers=[one]))
    result = run("server", "list")
    assert result.exit_code == 0
    header, row = result.output.splitlines()
    assert header.split() == ["NAME", "STATE", "SINCE", "MACHINE", "WHY,", "AND", "WHAT", "NEXT"]
    assert "available (maintenance)  3 m ago  web-1  " in row
    assert row.rstrip().endswith("found [bold]well[/] red; next: nothing")
    assert "\x1b" not in result.output


def test_programs_get_protobuf_json_with_every_field(run: Run, fake: FakeMulligan) -> None:
    fake.on("GetServer", a_server())
    result = run("server", "show", "rack1-07", "-o", "json")
    found = json.loads(result.stdout)
    assert found["metadata"]["id"] == SERVER
    assert found["spec"]["insecure_tls"] is False
    assert found["inventory"]["memory_mib"] == "262144"
    assert yaml.safe_load(run("server", "show", SERVER, "-o", "yaml").stdout) == found


def test_a_name_that_leads_nowhere_gets_the_nearest_told(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListServers", control_pb2.ListServersResponse(servers=[a_server()]))
    result = run("server", "show", "rack1-70")
    assert result.exit_code == Exit.NOT_FOUND
    assert "no server is called 'rack1-70'" in result.stderr
    assert "the nearest is 'rack1-07'" in result.stderr


@pytest.mark.parametrize("noun", ["server", "host"])
def test_marks_are_set_with_a_reason_and_taken_back(
    run: Run, fake: FakeMulligan, noun: str
) -> None:
    name, object_id = {"server": ("rack1-07", SERVER), "host": ("hyper-1", HOST)}[noun]
    mark = common_pb2.Mark(kind="maintenance", reason="fan", since=ago(60))
    fake.on("SetMark", control_pb2.SetMarkResponse(marks=[mark]))
    fake.on("ClearMark", control_pb2.ClearMarkResponse())
    assert run(noun, "maintenance", name, "on").exit_code == Exit.USAGE
    for verb, kind in (("protect", "protected"), ("lock", "locked"), ("retire", "retired")):
        assert run(noun, verb, name).exit_code == Exit.USAGE
        assert run(noun, verb, name, "--reason", "why").exit_code == 0
        assert fake.asked("SetMark")[-1].kind == kind
    result = run(noun, "maintenance", name, "on", "--reason", "fan")
    assert "fan (1 m ago)" in result.stdout
    asked = fake.asked("SetMark")[-1]
    assert (asked.object_id, asked.kind, asked.reason) == (object_id, "maintenance", "fan")
    for verb, kind in (
        ("unprotect", "protected"),
        ("unlock", "locked"),
        ("unretire", "retired"),
    ):
        assert run(noun, verb, name).exit_code == 0
        assert fake.asked("ClearMark")[-1].kind == kind
    assert run(noun, "maintenance", name, "off").exit_code == 0
    assert fake.asked("ClearMark")[-1].kind == "maintenance"


def test_nothing_is_forgotten_without_a_yes(run: Run, fake: FakeMulligan) -> None:
    fake.on("DeleteServer", control_pb2.DeleteServerResponse())
    result = run("server", "delete", "rack1-07", stdin="")
    assert result.exit_code == Exit.USAGE
    assert "--yes" in result.stderr
    assert fake.asked("DeleteServer") == []
    assert run("server", "delete", "rack1-07", "--yes").exit_code == 0
    assert fake.asked("DeleteServer")[0].id == SERVER


def test_an_image_is_described_completely(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateImage", lambda request: control_pb2.Image(spec=request.spec))
    url, checksum = "https://images.example/d.qcow2", "AB" * 32
    assert run("image", "add", "d", url, "--sha256", checksum).exit_code == Exit.USAGE
    bad = run("image", "add", "d", url, "--sha256", "abc", "--format", "qcow2")
    assert "64 hex digits" in bad.stderr
    result = run("image", "add", "d", url, "--sha256", checksum, "--format", "qcow2")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("CreateImage")
    assert asked.spec == control_pb2.ImageSpec(
        url=url,
        sha256=checksum.lower(),
        disk_format="qcow2",
        activation="phone-home",
        config_format="config-2",
    )


def test_networks_show_how_many_addresses_are_taken(run: Run, fake: FakeMulligan) -> None:
    one = resource_pb2.Network(
        metadata=common_pb2.Metadata(id=NETWORK, name="lan"),
        spec=resource_pb2.NetworkSpec(prefix="10.0.2.0/24"),
        addresses=100,
        addresses_used=2,
    )
    fake.on("ListNetworks", resource_pb2.ListNetworksResponse(networks=[one]))
    assert "2 of 100" in run("network", "list").stdout


def test_an_operations_log_can_not_drive_the_terminal(run: Run, fake: FakeMulligan) -> None:
    part = control_pb2.LogPart(source="console", text="\x1b]0;owned\x07\x1b[2Jboot\r\nlogin:")
    other = control_pb2.LogPart(source="bmc", text="ok")
    fake.on("GetOperationLog", control_pb2.GetOperationLogResponse(parts=[part, other]))
    assert run("operation", "log", OPERATION).stdout == (
        "== console ==\nboot\nlogin:\n== bmc ==\nok\n"
    )
    assert run("operation", "log", OPERATION, "--source", "bmc").stdout == "== bmc ==\nok\n"
    as_json = json.loads(run("operation", "log", OPERATION, "-o", "json").stdout)
    assert as_json["parts"][0]["text"] == part.text


def test_an_operation_shows_steps_error_and_workflow(run: Run, fake: FakeMulligan) -> None:
    failed = an_operation(
        "failed",
        a_step("stage image", "undone"),
        a_step("boot", "failed", message="no report within 10 minutes"),
        error_code="NO_REPORT",
    )
    fake.on("GetOperation", failed)
    shown = run("operation", "show", OPERATION).stdout
    for words in ("provision machine web-1", "NO_REPORT", "↶", "✘", "no report within", "8233"):
        assert words in shown
    assert "1 m 05 s" in shown


def test_the_whole_list_is_shown_when_it_comes_in_pages(run: Run, fake: FakeMulligan) -> None:
    fake.on(
        "ListServers",
        control_pb2.ListServersResponse(servers=[a_server()], next_page_token="2"),
        control_pb2.ListServersResponse(servers=[a_server("quarantined")]),
    )
    shown = run("server", "list").stdout
    assert "available" in shown
    assert "quarantined" in shown
