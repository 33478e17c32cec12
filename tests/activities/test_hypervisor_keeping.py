"""Machines that are shut off and started again keep their domain, their volumes and their NVRAM."""

import time
import uuid
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from activities import domains, hypervisor
from activities.domains import owner_of
from mulligan.values.errors import HardwareError
from tests.activities.virtual_lab import DEFINED, STARTED, STOPPED, UNDEFINED, Daemon, Lab, Witness

MARK = b"what the tenant wrote"


def owner(lab: Lab, machine: str) -> tuple[str, int, bool]:
    """Read whose a domain is from outside: its operation, its fence, whether it should run."""
    found = owner_of(lab.observer.lookupByUUIDString(machine))
    assert found is not None
    return found.operation, found.fence, found.was_started


def test_a_machine_is_off_with_all_that_it_has_and_runs_again_with_it(
    lab: Lab, daemon: Daemon
) -> None:
    machine = lab.run()
    witness = Witness(lab.observer, machine)
    domain = lab.observer.lookupByUUIDString(machine)
    volumes, nvram, nics = lab.volumes, daemon.nvram, domain.XMLDesc().count("<interface ")
    assert lab.stop(machine) is True
    assert lab.stop(machine) is False
    assert not domain.isActive()
    assert owner(lab, machine) == ("o2", 2, False)
    disk = lab.pool_folder / f"root-{machine}"
    with disk.open("ab") as file:  # behind what qcow2 knows of; it is a mark, and nothing else
        file.write(MARK)
    for _ in range(2):
        assert lab.start_again(machine).domain_uuid == machine
    assert domain.isActive()
    assert owner(lab, machine)[:2] == ("o3", 3)
    assert disk.read_bytes().endswith(MARK)
    assert (lab.volumes, daemon.nvram) == (volumes, nvram)
    assert domain.XMLDesc().count("<interface ") == nics
    assert lab.remove(machine, fence=4) is True
    assert witness.until_undefined() == [STOPPED, STARTED, STOPPED, UNDEFINED]
    lab.hypervisor.close()
    assert lab.stops.empty(), "each stop was asked for"


def test_nobody_is_told_of_a_machine_that_was_stopped_on_purpose(lab: Lab) -> None:
    """Neither another executor that listens, nor one that starts later; of the next stop, both."""
    machine = lab.run()
    other = lab.another()
    other.watch(lab.access)
    lab.stop(machine)
    other.close()
    late = lab.another()
    late.watch(lab.access)
    late.close()
    assert lab.stops.empty()
    lab.start_again(machine)
    lab.observer.lookupByUUIDString(machine).destroy()
    assert lab.stops.get(timeout=10) == ("o3", f"mulligan-{machine}")
    lab.remove(machine, fence=4)


def test_a_machine_that_is_off_already_is_kept_and_one_that_runs_already_is_restored(
    lab: Lab,
) -> None:
    machine = lab.run()
    domain = lab.observer.lookupByUUIDString(machine)
    domain.destroy()
    assert lab.stops.get(timeout=10)
    assert lab.stop(machine) is False
    assert owner(lab, machine) == ("o2", 2, False)
    domain.create()
    lab.start_again(machine)
    assert owner(lab, machine)[:2] == ("o3", 3)
    domain.destroy()
    assert owner(lab, machine) == ("o3", 3, True)
    lab.remove(machine, fence=4)


def test_a_machine_that_does_not_power_off_is_shut_off_after_its_grace(lab: Lab) -> None:
    machine = lab.run()
    assert lab.stop(machine, grace_s=1) is True
    assert not lab.observer.lookupByUUIDString(machine).isActive()
    lab.remove(machine)


def test_its_grace_begins_once_for_all_who_go_on_with_an_operation(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = lab.run()
    domain = lab.observer.lookupByUUIDString(machine)
    graces: list[float] = []

    def die(_stopped: object, _domain: object, left_s: float) -> None:
        graces.append(left_s)
        raise InterruptedError

    monkeypatch.setattr(domains, "_wait", die)

    def ask(after_s: float, **other: Any) -> float:
        then = SimpleNamespace(time=lambda: time.time() + after_s)
        monkeypatch.setattr(domains, "time", then)
        with pytest.raises(InterruptedError):
            lab.stop(machine, grace_s=60, **other)
        assert domain.isActive()
        return graces[-1]

    assert ask(0) == 60
    assert 20 < ask(20) <= 40
    assert ask(3600) == domains.LEAST_GRACE_S
    assert ask(-3600) == 60, "a clock that is behind makes it no longer"
    assert ask(3600, operation="o3", fence=3) == 60, "another operation asks anew"
    lab.remove(machine, fence=4)


def test_a_guest_is_asked_also_when_that_can_not_be_noted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = lab.run()
    graces: list[float] = []
    monkeypatch.setattr(domains, "_wait", lambda _stopped, _domain, left_s: graces.append(left_s))

    def refuse(_: object) -> str:
        raise libvirt.libvirtError("the run folder is full")

    monkeypatch.setattr(domains, "written", refuse)
    monkeypatch.setattr(hypervisor, "take_over", lambda *_: None)
    assert lab.stop(machine, grace_s=60) is True
    assert graces == [60]
    lab.remove(machine, fence=4)


def test_who_was_overtaken_neither_stops_nor_starts_it(lab: Lab) -> None:
    machine = lab.run()
    lab.stop(machine, operation="o5", fence=5)
    _is_refused("STALE_FENCE", lambda: lab.start_again(machine))
    assert not lab.observer.lookupByUUIDString(machine).isActive()
    lab.start_again(machine, operation="o6", fence=6)
    _is_refused("STALE_FENCE", lambda: lab.stop(machine, operation="o5", fence=5))
    assert lab.observer.lookupByUUIDString(machine).isActive()
    lab.remove(machine, fence=7)


def test_what_is_not_there_or_not_ours_is_neither_stopped_nor_started(lab: Lab) -> None:
    machine = str(uuid.uuid4())
    for ask in (lab.stop, lab.start_again):
        _is_refused("MACHINE_NOT_ON_HOST", partial(ask, machine))
    assert not lab.pool_folder.exists()
    theirs = lab.observer.createXML(
        f"<domain type='qemu'><name>theirs</name><uuid>{machine}</uuid><memory unit='MiB'>64"
        "</memory><os><type machine='q35'>hvm</type></os></domain>"
    )
    for ask in (lab.stop, lab.start_again):
        _is_refused("DOMAIN_NOT_OURS", partial(ask, machine))
    assert theirs.isActive()
    theirs.destroy()


def test_a_host_that_was_restarted_has_its_pool_started_first(lab: Lab) -> None:
    machine = lab.run()
    lab.stop(machine)
    pool = lab.observer.storagePoolLookupByName(lab.access.pool)
    pool.destroy()
    with pytest.raises(libvirt.libvirtError, match="not active"):
        lab.observer.lookupByUUIDString(machine).create()
    lab.start_again(machine)
    assert lab.observer.lookupByUUIDString(machine).isActive()
    lab.remove(machine, fence=4)


def test_libvirts_test_driver_can_do_it_too(imitated: Lab) -> None:
    machine = str(uuid.uuid4())
    witness = Witness(imitated.observer, machine)
    imitated.start(machine, imitated.stage(machine))
    assert imitated.stop(machine, grace_s=5) is True
    imitated.start_again(machine)
    assert owner(imitated, machine)[:2] == ("o3", 3)
    assert imitated.remove(machine, fence=4) is True
    assert witness.until_undefined() == [DEFINED, STARTED, STOPPED, STARTED, STOPPED, UNDEFINED]


def _is_refused(code: str, ask: Callable[[], Any]) -> None:
    with pytest.raises(HardwareError) as caught:
        ask()
    assert caught.value.reason == code
