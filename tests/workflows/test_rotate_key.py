"""RotateRegionKey, with two executors' real keys in one folder: secrets outlive their key."""

import re
from base64 import b64decode
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from activities.contracts import executor, hypervisor, redfish
from activities.contracts.keys import RecordSealed, Resealed
from activities.key_rotation import KeyRotation
from activities.keys import RegionKeys
from activities.records import keys as records
from mulligan.control import keys as domain
from mulligan.control.tables import Image, Server
from mulligan.values.errors import HardwareBusyError
from mulligan_client.sealing import seal
from tests.fakes.caller import refused
from tests.fakes.place import Place
from tests.workflows.outcome import cancel

PASSWORD = "pässword"


@dataclass
class Keyed:
    """A region whose executors take turns, each with its own view of the keys."""

    place: Place
    folder: Path
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        both = [RegionKeys.load(self.folder, self.place.region) for _ in range(2)]
        self._turns = cycle(both)
        self.keys = both[0]
        for contract in (executor.make_key, executor.seal_anew, executor.retire_keys):
            self.place.executor.does[contract] = self._rotation(contract.__name__)
        self.place.executor.does[executor.describe] = self._describe
        self.place.executor.does[redfish.verify] = self._verify

    def _rotation(self, name: str) -> Any:
        return lambda request: getattr(KeyRotation(next(self._turns)), name)(request)

    def _describe(self, _: Any) -> executor.ExecutorDescription:
        live = [executor.RegionKey(key_id=i, public_key=k) for i, k in self.keys.public_keys()]
        return executor.ExecutorDescription(
            version="1", keys=tuple(live), media_url="", report_url=""
        )

    def _verify(self, request: redfish.VerifyServer) -> redfish.VerifiedServer:
        access = request.access
        secret = next(self._turns).open(
            access.sealed_credentials,
            endpoint=access.server,
            address=access.address,
            region=access.region,
        )
        self.opened.append(secret["password"])
        return redfish.VerifiedServer(system="/redfish/v1/Systems/1", power="off")

    def offered(self) -> list[str]:
        """The ids of the keys that clients are offered."""
        keys = self.place.operator.ListRegionKeys(region=self.place.region).keys
        return [key.key_id for key in keys]

    def add_server(self, key: Any = None, **bound_to: str) -> str:
        """A server with credentials that a client sealed, to the newest key that it is offered."""
        key = key or self.place.operator.ListRegionKeys(region=self.place.region).keys[0]
        server, address = str(uuid4()), f"https://{uuid4()}"
        content = {"endpoint": server, "address": address, "region": self.place.region} | bound_to
        sealed = seal(key.public_key, key.key_id, **content, username="root", password=PASSWORD)
        self.place.add_server(id=server, spec={"address": address, "sealed_credentials": sealed})
        self.place.end_of_check(server)
        return server

    def sealed_of(self, server: str) -> str:
        return self.place.site.read(
            lambda session: session.get_one(Server, server)
        ).sealed_credentials

    def start(self) -> str:
        return str(self.place.operator.RotateRegionKey(region=self.place.region).metadata.id)

    def rotate(self) -> Any:
        ended = self.place.site.end_of(self.start())
        assert ended.status.state == "done", ended.status.reason
        return ended

    def drive(self, server: str) -> None:
        """Have an executor open the server's credentials."""
        before = len(self.opened)
        checked = self.place.operator.VerifyServer(id=server).metadata.id
        assert self.place.site.end_of(checked).status.state == "done"
        assert self.opened[before:] == [PASSWORD]


@pytest.fixture
def keyed(place: Place, tmp_path: Path) -> Keyed:
    return Keyed(place, tmp_path / "keys")


@pytest.fixture
def sqlite_keyed(sqlite_place: Place, tmp_path: Path) -> Keyed:
    return Keyed(sqlite_place, tmp_path / "keys")


def test_a_server_added_before_is_driven_after_with_another_sealed_text(keyed: Keyed) -> None:
    server = keyed.add_server()
    [old], was = keyed.offered(), keyed.sealed_of(server)
    ended = keyed.rotate()
    assert [(step.name, step.state) for step in ended.steps] == [
        ("make key", "done"),
        ("seal anew", "done"),
        ("retire", "done"),
    ]
    assert (ended.type, ended.object_type, ended.object_id) == (
        "rotate-key",
        "region",
        keyed.place.region,
    )
    assert ended.steps[1].message == "1 of 1 secrets are sealed to the new key"
    [new] = keyed.offered()
    assert new != old
    assert was.startswith(f"{old}.")
    assert keyed.sealed_of(server).startswith(f"{new}.")
    keyed.drive(server)


def test_credentials_of_an_image_are_sealed_anew(keyed: Keyed) -> None:
    place, image = keyed.place, str(uuid4())
    [old] = place.operator.ListRegionKeys(region=place.region).keys
    bound_to = {"endpoint": image, "address": "http://images:80", "region": place.region}
    content = bound_to | {"username": "reader", "password": PASSWORD}
    sealed = seal(old.public_key, old.key_id, **content)
    spec = {"url": "http://images/x.raw", "sha256": "0" * 64, "disk_format": "raw"}
    place.operator.CreateImage(
        image_id=image, name="x", region=place.region, spec=spec | {"sealed_credentials": sealed}
    )
    assert keyed.rotate().steps[1].message == "1 of 1 secrets are sealed to the new key"
    now = place.site.read(lambda session: session.get_one(Image, image)).sealed_credentials
    assert now.startswith(f"{keyed.offered()[0]}.")
    assert keyed.keys.open(now, **bound_to) == content


def test_clients_that_know_the_old_key_are_still_understood_and_sealed_anew_next_time(
    sqlite_keyed: Keyed,
) -> None:
    place = sqlite_keyed.place
    [old] = place.operator.ListRegionKeys(region=place.region).keys
    sqlite_keyed.rotate()
    late = sqlite_keyed.add_server(old)
    assert sqlite_keyed.sealed_of(late).startswith(f"{old.key_id}.")
    sqlite_keyed.drive(late)
    sqlite_keyed.rotate()
    assert sqlite_keyed.sealed_of(late).startswith(f"{sqlite_keyed.offered()[0]}.")
    sqlite_keyed.drive(late)


def test_many_secrets_are_sealed_in_batches_and_none_twice(
    sqlite_keyed: Keyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = sorted(sqlite_keyed.add_server() for _ in range(5))
    listed = domain.sealed_to_others

    def two_of_them(session: Any, region: str, key_id: str, after: str, _: int) -> Any:
        return listed(session, region, key_id, after, 2)

    monkeypatch.setattr(domain, "sealed_to_others", two_of_them)
    sqlite_keyed.rotate()
    asked = [
        request
        for name, request in sqlite_keyed.place.executor.asked
        if name == "executor.seal_anew"
    ]
    assert [[one.id for one in request.secrets] for request in asked] == [
        servers[:2],
        servers[2:4],
        servers[4:],
    ]
    new = sqlite_keyed.offered()[0]
    assert all(sqlite_keyed.sealed_of(server).startswith(f"{new}.") for server in servers)


def test_what_can_not_be_opened_is_named_and_does_not_stop_the_rest(sqlite_keyed: Keyed) -> None:
    good = sqlite_keyed.add_server()
    moved = sqlite_keyed.add_server(address="https://another")
    was = sqlite_keyed.sealed_of(moved)
    message = sqlite_keyed.rotate().steps[1].message
    assert message.startswith("1 of 2 secrets are sealed to the new key; 1 can't be opened")
    assert f"server {moved}: the secret was sealed for another address" in message
    assert sqlite_keyed.sealed_of(moved) == was
    sqlite_keyed.drive(good)


def test_credentials_that_changed_meanwhile_are_left_alone(keyed: Keyed) -> None:
    server = keyed.add_server()
    held = keyed.place.executor.holds(executor.seal_anew)
    operation = keyed.start()
    held.wait()
    [new, old] = keyed.offered()
    changed = update(Server).where(Server.id == server).values(sealed_credentials=f"{old}.changed")
    keyed.place.site.database.write(lambda session: session.execute(changed))
    held.release()
    assert keyed.place.site.end_of(operation).status.state == "done"
    assert keyed.sealed_of(server) == f"{old}.changed"
    assert keyed.offered() == [new]


def test_writing_a_sealed_secret_twice_is_writing_it_once(keyed: Keyed) -> None:
    server = keyed.add_server()
    was = keyed.sealed_of(server)

    def write(sealed: str) -> None:
        changed = RecordSealed(
            region=keyed.place.region,
            secrets=(Resealed(kind="server", id=server, was=was, sealed=sealed),),
        )
        keyed.place.site.database.write(lambda s: records.record_sealed(s, changed))

    write("first")
    write("second")
    assert keyed.sealed_of(server) == "first"


def test_an_interrupted_rotation_is_run_again(sqlite_keyed: Keyed) -> None:
    place, server = sqlite_keyed.place, sqlite_keyed.add_server()
    held = place.executor.holds(executor.seal_anew)
    operation = sqlite_keyed.start()
    held.wait()
    with refused("FAILED_PRECONDITION", "ENDPOINT_BUSY") as refusal:
        sqlite_keyed.start()
    assert operation in refusal.message
    cancel(place, operation)
    assert place.site.end_of(operation).status.state == "cancelled"
    held.release()
    half = sqlite_keyed.offered()
    assert len(half) == 2
    sqlite_keyed.drive(server)
    sqlite_keyed.rotate()
    [new] = sqlite_keyed.offered()
    assert new not in half
    assert sqlite_keyed.sealed_of(server).startswith(f"{new}.")
    sqlite_keyed.drive(server)


def test_a_rotation_whose_workflow_was_terminated_is_taken_up_with_the_key_that_it_made(
    sqlite_keyed: Keyed,
) -> None:
    place, server = sqlite_keyed.place, sqlite_keyed.add_server()
    held = place.executor.holds(executor.seal_anew)
    operation = sqlite_keyed.start()
    held.wait()
    made = sqlite_keyed.offered()[0]
    place.site.run(place.site.handle(operation).terminate("by mistake"))
    held.release()
    place.operator.RetryOperation(id=operation)
    assert place.site.end_of(operation).status.state == "done"
    assert sqlite_keyed.offered() == [made]
    assert sqlite_keyed.sealed_of(server).startswith(f"{made}.")
    sqlite_keyed.drive(server)


def test_an_aborted_rotation_whose_workflow_was_terminated_ends(sqlite_keyed: Keyed) -> None:
    place, server = sqlite_keyed.place, sqlite_keyed.add_server()
    held = place.executor.holds(executor.seal_anew)
    operation = sqlite_keyed.start()
    held.wait()
    place.site.run(place.site.handle(operation).terminate("by mistake"))
    held.release()
    place.operator.AbortOperation(id=operation)
    assert place.site.end_of(operation).status.state == "cancelled"
    sqlite_keyed.drive(server)
    sqlite_keyed.rotate()


def test_an_executor_that_stumbles_is_asked_again(sqlite_keyed: Keyed) -> None:
    server = sqlite_keyed.add_server()
    for contract in (executor.make_key, executor.seal_anew, executor.retire_keys):
        busy = HardwareBusyError("not now", code="FENCED_OFF")
        sqlite_keyed.place.executor.stumbles(contract, busy)
    sqlite_keyed.rotate()
    assert len(sqlite_keyed.offered()) == 1
    assert len(list((sqlite_keyed.folder).glob("*.key"))) == 1
    sqlite_keyed.drive(server)


def test_keys_that_something_may_be_sealed_to_are_named_to_the_executor(keyed: Keyed) -> None:
    place, server = keyed.place, keyed.add_server()
    [old] = keyed.offered()
    held = place.executor.holds(redfish.inspect)
    checked = place.operator.InspectServer(id=server)
    held.wait()
    keyed.rotate()
    asked = place.executor.request_of(executor.retire_keys)
    assert set(asked.needed) == {old, *keyed.offered()}
    assert asked.oldest_running == checked.metadata.created_at.ToDatetime(
        asked.oldest_running.tzinfo
    )
    held.release()
    place.site.end_of(checked.metadata.id)
    keyed.rotate()
    asked = place.executor.request_of(executor.retire_keys)
    assert old not in asked.needed
    assert asked.oldest_running is None


def test_a_running_request_s_sealed_user_data_keeps_its_key(sqlite_keyed: Keyed) -> None:
    place = sqlite_keyed.place
    place.host()
    [key] = place.operator.ListRegionKeys(region=place.region).keys
    sealed = seal(
        key.public_key, key.key_id, region=place.region, purpose="user-data", user_data="#!"
    )
    held = place.executor.holds(hypervisor.stage)
    operation = place.provision(spec={"sealed_user_data": sealed}).metadata.id
    held.wait()
    sqlite_keyed.rotate()
    assert key.key_id in place.executor.request_of(executor.retire_keys).needed
    held.release()
    assert place.site.end_of(operation).status.state == "done"


def test_no_plain_secret_is_in_the_history(sqlite_keyed: Keyed) -> None:
    place, server = sqlite_keyed.place, sqlite_keyed.add_server()
    was = sqlite_keyed.sealed_of(server)
    handle = place.site.handle(sqlite_keyed.rotate().metadata.id)
    history = place.site.run(handle.fetch_history()).to_json()
    told = "".join(b64decode(text).decode() for text in re.findall(r'"data": "([^"]+)"', history))
    assert was in told, "the sealed text travels"
    assert "password" not in told
    assert "root" not in told
    assert PASSWORD not in told
