"""A region of a test's own with a project, and short ways to fill both."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller
from tests.fakes.executor import KEY_ID, FakeExecutor
from tests.fakes.site import Site


def sealed_text(content: str) -> str:
    """What looks as if it were sealed to the fake executor's key: nothing opens it."""
    return f"{KEY_ID}.{b64encode(content.ljust(64).encode()).decode()}"


SEALED = sealed_text("sealed")
SHA256 = "0" * 64

on_sqlite = pytest.mark.parametrize("site", ["sqlite"], indirect=True)
"""For tests of what does not depend on the database."""


def new_name(noun: str) -> str:
    return f"{noun}-{uuid4().hex[:8]}"


@dataclass
class Place:
    """Everything is made when it is first asked for."""

    site: Site
    operator: Caller = field(init=False)

    def __post_init__(self) -> None:
        self.operator = self.site.admin

    @cached_property
    def region(self) -> str:
        return str(self.operator.CreateRegion(name=new_name("region")).metadata.id)

    @cached_property
    def project(self) -> str:
        return str(self.operator.CreateProject(name=new_name("project")).metadata.id)

    @cached_property
    def member(self) -> Caller:
        return self.site.account(common_pb2.ROLE_MEMBER, self.project)

    @cached_property
    def executor(self) -> FakeExecutor:
        return self.site.executor(self.region)

    @cached_property
    def image(self) -> str:
        return str(self.create_image().metadata.id)

    def create_image(self, **spec: str) -> Any:
        given = {"url": "http://images/test.raw", "sha256": SHA256, "disk_format": "raw"}
        return self.operator.CreateImage(
            name=new_name("image"), region=self.region, spec=given | spec
        )

    @cached_property
    def network(self) -> str:
        return str(self.create_network().metadata.id)

    def create_network(self, prefix: str = "10.0.2.0/24", **more: Any) -> Any:
        fields = {"name": new_name("network"), "region": self.region, "spec": {"prefix": prefix}}
        return self.operator.CreateNetwork(**{**fields, **more})

    def add_host(self, **more: Any) -> str:
        """A host that is on its way to be offered."""
        return str(self.operator.CreateHost(**self.asks_for("Host", **more)).metadata.id)

    def asks_for(self, noun: str, **more: Any) -> dict[str, Any]:
        """What a new host or server is asked for with, under an id of its own."""
        fields = {
            "name": new_name(noun.lower()),
            "region": self.region,
            "request_id": str(uuid4()),
            "spec": {"uri": f"test:///default?{uuid4()}"},
        }
        if noun == "Server":
            fields["id"] = str(uuid4())
            fields["spec"] = {"address": f"https://{uuid4()}", "sealed_credentials": SEALED}
        return {**fields, **more}

    def host(self, **more: Any) -> str:
        """A host that is offered: 8 VCPU, 16384 MiB, 100 GiB."""
        assert self.executor
        host = self.add_host(**more)
        self.end_of_check(host)
        assert self.operator.GetHost(id=host).status.state == "available"
        return host

    def add_server(self, **more: Any) -> str:
        """A server that is on its way to be offered."""
        return str(self.operator.CreateServer(**self.asks_for("Server", **more)).metadata.id)

    def server(self, **more: Any) -> str:
        """A server that is offered."""
        assert self.executor
        server = self.add_server(**more)
        self.end_of_check(server)
        assert self.operator.GetServer(id=server).status.state == "available"
        return server

    def end_of_check(self, endpoint: str) -> Any:
        """Wait for the end of the latest operation on a server or host."""
        latest = self.operator.ListOperations(object_id=endpoint).operations[0]
        return self.site.end_of(latest.metadata.id)

    def spec(self, kind: str = "virtual", **more: Any) -> dict[str, Any]:
        """What a small machine is asked for with."""
        fields = {
            "kind": kind,
            "image": self.image,
            "vcpus": 2,
            "memory_mib": 2048,
            "disk_gib": 10,
            "nics": [{"network": self.network}],
            "ssh_keys": ["ssh-ed25519 AAAA"],
        }
        return fields | more

    def provision(self, kind: str = "virtual", **more: Any) -> Any:
        """Ask for a machine; gives the operation that begins."""
        fields = {"name": new_name("machine"), "project": self.project, "region": self.region}
        spec = self.spec(**{"kind": kind, **more.pop("spec", {})})
        return self.member.ProvisionMachine(**{**fields, "spec": spec, **more})

    def machine(self, kind: str = "virtual", **more: Any) -> str:
        """A machine that is active."""
        operation = self.provision(kind, **more)
        ended = self.site.end_of(operation.metadata.id)
        assert ended.status.state == "done", ended.status.reason
        return str(ended.object_id)

    def get(self, machine: str) -> Any:
        return self.member.GetMachine(project=self.project, id=machine)

    def decommission(self, machine: str) -> Any:
        """Ask for a machine's end; gives the operation that begins."""
        answer = self.member.DecommissionMachine(project=self.project, id=machine)
        return answer.operation

    def claim(self, **more: Any) -> Any:
        """Claim two VCPU."""
        spec = {
            "amounts": [{"resource_type": "VCPU", "amount": 2}],
            "region": self.region,
            **more.pop("spec", {}),
        }
        return self.member.CreateClaim(project=self.project, spec=spec, **more)


def at(**span: float) -> Timestamp:
    """So long from now."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(**span))
    return stamp


@pytest.fixture
def place(site: Site) -> Place:
    """A region and a project of this test's own, on each kind of database."""
    return Place(site)


@pytest.fixture
def sqlite_place(sqlite_site: Site) -> Place:
    """A region and a project of this test's own, on SQLite."""
    return Place(sqlite_site)
