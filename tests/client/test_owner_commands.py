"""mulligan server, host and provider: whose hardware is, and what is a project's."""

import json
from typing import Any

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.client.conftest import Run
from tests.client.fake_mulligan import (
    HOST,
    PROJECT,
    REGION,
    SERVER,
    FakeMulligan,
    a_server,
    status,
)

pytestmark = pytest.mark.usefixtures("logged_in")

ITS: dict[str, Any] = {"id": HOST, "name": "hyper-1", "project": PROJECT, "region": REGION}


def a_host() -> control_pb2.Host:
    return control_pb2.Host(metadata=common_pb2.Metadata(**ITS), status=status("available"))


def test_a_new_host_is_given_to_a_project(run: Run, fake: FakeMulligan) -> None:
    fake.on("CreateHost", a_host())
    result = run("host", "add", "hyper-1", "qemu:///session", "--project", "default")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("CreateHost")
    assert asked.project == PROJECT
    assert "default" in result.stdout


@pytest.mark.parametrize(
    ("noun", "name", "answer"), [("server", "rack1-07", a_server()), ("host", "hyper-1", a_host())]
)
def test_hardware_gets_another_owner_or_none(
    run: Run, fake: FakeMulligan, noun: str, name: str, answer: Any
) -> None:
    rpc = f"Update{noun.title()}"
    fake.on(rpc, answer, answer)
    for words, owner in ((("--project", "default"), PROJECT), (("--no-project",), "")):
        result = run(noun, "set", name, *words, "-o", "json")
        assert result.exit_code == 0, result.stderr
        asked = fake.asked(rpc)[-1]
        assert (asked.project, list(asked.update_mask.paths)) == (owner, ["project"])
    both = run(noun, "set", name, "--project", "default", "--no-project")
    assert both.exit_code == Exit.USAGE
    assert "exclude each other" in both.stderr


def test_a_provider_gets_another_owner_or_none(run: Run, fake: FakeMulligan) -> None:
    changed = resource_pb2.ProviderChanged(id=HOST, generation=2)
    answer = resource_pb2.UpdateProvidersResponse(providers=[changed])
    fake.on("UpdateProviders", answer, answer, answer)
    for words, owner in ((("--project", "default"), PROJECT), (("--no-project",), "")):
        assert run("provider", "set", "hyper-1", *words).exit_code == 0
        [change] = fake.asked("UpdateProviders")[-1].changes
        assert (change.HasField("project"), change.project) == (True, owner)
    assert run("provider", "set", "hyper-1", "--top").exit_code == 0
    [change] = fake.asked("UpdateProviders")[-1].changes
    assert not change.HasField("project")


def test_a_project_sees_what_is_its(run: Run, fake: FakeMulligan) -> None:
    server = control_pb2.ProjectServer(
        metadata=common_pb2.Metadata(id=SERVER, name="rack1-07", project=PROJECT, region=REGION),
        status=status("in_use"),
        architecture="x86_64", cpus=64, memory_mib=262144, disk_gib=960,
    )  # fmt: skip
    host = control_pb2.ProjectHost(metadata=common_pb2.Metadata(**ITS), cpus=8)
    servers = control_pb2.ListProjectServersResponse(servers=[server])
    fake.on("ListProjectServers", servers, servers)
    fake.on("ListProjectHosts", control_pb2.ListProjectHostsResponse(hosts=[host]))
    shown = run("server", "list", "--project", "default", "--state", "in_use").stdout
    for words in ("rack1-07", "in_use", "64 x86_64", "256 GiB", "960 GiB"):
        assert words in shown
    [asked] = fake.asked("ListProjectServers")
    assert (asked.project, list(asked.filter.states)) == (PROJECT, ["in_use"])
    as_json = json.loads(run("server", "list", "--project", "default", "-o", "json").stdout)
    assert as_json["servers"][0]["metadata"]["id"] == SERVER
    assert "hyper-1" in run("host", "list", "--project", "default").stdout
    assert fake.asked("ListServers") == []
    refused = run("host", "list", "--project", "default", "--region", "lab")
    assert refused.exit_code == Exit.USAGE
    assert "--region" in refused.stderr
