"""No write to a hypervisor without a lease that is young: in front of each one it is looked at."""

import uuid
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import libvirt
import pytest

from activities import lease
from activities.contracts.hypervisor import StagedMachine
from activities.lease import FRESH_S, Lease
from mulligan.values.errors import HardwareBusyError
from tests.activities.virtual_lab import Lab

WRITES = {
    libvirt.virConnect: ("defineXML", "storagePoolDefineXML"),
    libvirt.virDomain: ("create", "shutdown", "destroyFlags", "undefineFlags", "setMetadata"),
    libvirt.virStoragePool: ("create", "build", "createXML"),
    libvirt.virStorageVol: ("delete", "upload"),
    libvirt.virStream: ("send", "sendHole"),
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of libvirt and of the lease, in order."""
    seen: list[str] = []

    def heard(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def hear(*arguments: Any) -> Any:
            seen.append(name)
            return call(*arguments)

        return hear

    for owner, names in WRITES.items():
        for name in names:
            monkeypatch.setattr(owner, name, heard(name, getattr(owner, name)))
    monkeypatch.setattr(lease, "require", heard("require", lease.require))
    return seen


class Clock:
    """The clock of an activity whose heartbeats are acknowledged only when it begins."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    lease.hold(Lease(lambda one: one.renew(clock.now), clock))
    yield clock
    lease.hold(None)


def test_the_lease_is_looked_at_before_each_write(
    lab: Lab, foreign_pool: Path, calls: list[str]
) -> None:
    machine = str(uuid.uuid4())
    lab.start(machine, lab.stage(machine))
    lab.stop(machine, grace_s=1)
    lab.start_again(machine)
    lab.remove(machine, fence=4)
    before = [first for first, then in pairwise(calls) if then != "require"]
    assert set(before) == {"require"}
    asked = {name for names in WRITES.values() for name in names}
    unseen = {"storagePoolDefineXML", "build"}  # this pool was there before
    assert set(calls) == {"require"} | asked - unseen


def test_an_executor_that_slept_writes_nothing(lab: Lab, calls: list[str], clock: Clock) -> None:
    runs, kept, staged, new = lab.run(), lab.run(), str(uuid.uuid4()), str(uuid.uuid4())
    lab.stop(kept)
    volumes = lab.stage(staged)
    before = (lab.survey(), lab.volumes)
    clock.now += FRESH_S + 1
    calls.clear()
    for write in (
        lambda: lab.stage(new),
        lambda: lab.start(staged, volumes),
        lambda: lab.stop(runs),
        lambda: lab.start_again(kept),
        lambda: lab.start_again(kept, operation="o2", fence=2),
        lambda: lab.remove(runs),
        lambda: lab.remove(runs, grace_s=5),
        lambda: lab.remove(staged),
    ):
        with pytest.raises(HardwareBusyError) as caught:
            write()
        assert caught.value.reason == "FENCED_OFF"
    assert set(calls) == {"require"}
    assert (lab.survey(), lab.volumes) == before
    lease.hold(None)
    for machine in (runs, kept, staged, new):
        lab.remove(machine)


def test_an_upload_stops_in_the_middle_when_the_lease_ends(
    lab: Lab, foreign_pool: Path, calls: list[str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = str(uuid.uuid4())
    send = libvirt.virStream.send

    def sleep_after(stream: libvirt.virStream, content: bytes) -> Any:
        clock.now += FRESH_S + 1
        return send(stream, content)

    monkeypatch.setattr(libvirt.virStream, "send", sleep_after)
    with pytest.raises(HardwareBusyError) as caught:
        lab.stage(machine)
    assert caught.value.reason == "FENCED_OFF"
    assert calls.count("send") == 1
    assert "delete" not in calls
    lease.hold(None)
    lab.remove(machine)
    assert list(foreign_pool.iterdir()) == []


def test_a_started_machine_can_still_be_told_apart_from_one_in_the_making(lab: Lab) -> None:
    """A domain whose start was refused is being made; only one that was started can stop."""
    machine = str(uuid.uuid4())
    volumes: StagedMachine = lab.stage(machine)
    pool = lab.observer.storagePoolLookupByName(lab.access.pool)
    pool.storageVolLookupByName(volumes.config_volume).delete()
    with pytest.raises(Exception, match="start machine"):
        lab.start(machine, volumes)
    other = lab.another()
    other.watch(lab.access)
    other.close()
    lab.hypervisor.close()
    assert lab.stops.empty()
    lab.remove(machine)
