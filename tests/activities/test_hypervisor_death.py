"""libvirt's daemon dies, machines stop while nobody listens, executors come and go."""

import os
import queue
import signal
import uuid
from contextlib import suppress
from pathlib import Path
from threading import Thread

import libvirt
import pytest

from activities import libvirt_connections, watched_hosts
from activities.contracts.hypervisor import InspectHost
from mulligan.values.errors import HardwareBusyError, HardwareError
from tests.activities.virtual_lab import Daemon, Lab, end, make_hypervisor


def guest_of(machine: str) -> int:
    """Find the process of a machine."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended just now
            command = (process / "cmdline").read_bytes()
            if b"qemu-system" in command and machine.encode() in command:
                return int(process.name)
    raise AssertionError(f"{machine} does not run")


def test_a_machine_that_stops_while_the_daemon_is_dead_is_told_when_it_is_back(
    lab: Lab, daemon: Daemon
) -> None:
    stopped, goes_on = lab.run(), lab.run()
    daemon.stop(signal.SIGKILL)
    end(guest_of(stopped), signal.SIGKILL)
    with pytest.raises(HardwareBusyError) as caught:
        lab.hypervisor.inspect(InspectHost(operation="o1", fence=1, access=lab.access))
    assert caught.value.reason == "HOST_UNREACHABLE"
    daemon.start()
    # Nothing is asked of the host: it is connected to again all the same.
    assert lab.stops.get(timeout=20) == ("o1", f"mulligan-{stopped}")
    assert guest_of(goes_on)
    # Not by a signal: a guest that dies while libvirt finds it again is noticed late by libvirt.
    lab.observer = libvirt.open(daemon.uri)
    lab.observer.lookupByUUIDString(goes_on).destroy()
    assert lab.stops.get(timeout=20) == ("o1", f"mulligan-{goes_on}")
    for machine in (stopped, goes_on):
        assert lab.remove(machine) is True


def test_what_was_asked_while_the_daemon_froze_is_tried_again(
    lab: Lab, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both through a connection that is open, and where one would have to be opened."""
    monkeypatch.setattr(libvirt_connections, "KEEPALIVE_INTERVAL_S", 1)
    monkeypatch.setattr(libvirt_connections, "KEEPALIVE_MISSES", 1)
    monkeypatch.setattr(libvirt_connections, "OPEN_LIMIT_S", 1.0)
    hypervisor = make_hypervisor(lab.settings, lab.stops)
    request = InspectHost(operation="o1", fence=1, access=lab.access)
    hypervisor.inspect(request)
    told: queue.Queue[HardwareError] = queue.Queue()

    def inspect() -> None:
        for _ in range(2):
            try:
                hypervisor.inspect(request)
            except HardwareError as error:
                told.put(error)

    asking = Thread(target=inspect)
    os.kill(daemon.pid, signal.SIGSTOP)
    asking.start()
    try:
        errors = [told.get(timeout=20) for _ in range(2)]
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
        asking.join()
    assert [error.reason for error in errors] == ["HOST_UNREACHABLE"] * 2
    assert all(error.retryable for error in errors)
    assert "says nothing" in errors[1].message
    assert hypervisor.inspect(request).hypervisor == "qemu"
    hypervisor.close()


def test_an_executor_that_starts_hears_of_a_machine_that_stopped_before(lab: Lab) -> None:
    machine = lab.run()
    lab.hypervisor.close()
    lab.observer.lookupByUUIDString(machine).destroy()
    other = lab.another()
    assert lab.stops.get(timeout=20) == ("o1", f"mulligan-{machine}")
    lab.hypervisor = other
    lab.remove(machine)


def test_an_executor_hears_of_a_host_on_which_only_another_one_works(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_hosts, "LOOK_S", 0.05)
    other = lab.another()
    machine = lab.run()
    lab.hypervisor.close()
    lab.observer.lookupByUUIDString(machine).destroy()
    assert lab.stops.get(timeout=20) == ("o1", f"mulligan-{machine}")
    lab.hypervisor = other
    lab.remove(machine)


def test_a_host_that_is_gone_for_long_is_forgotten(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = watched_hosts.WatchedHosts(lab.settings.state_folder / "hosts", lab.hypervisor.watch)
    gone = lab.access.model_copy(update={"uri": "qemu+unix:///session?socket=/nowhere"})
    hosts.add(gone)
    hosts.add(gone)
    [kept] = (lab.settings.state_folder / "hosts").iterdir()
    hosts._look(kept)
    assert kept.exists()
    monkeypatch.setattr(watched_hosts, "GIVE_UP_S", -1)
    hosts._look(kept)
    assert not kept.exists()


def test_a_machine_that_ends_at_once_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = str(uuid.uuid4())
    volumes = lab.stage(machine)
    create = libvirt.virDomain.create

    def create_and_die(domain: libvirt.virDomain) -> None:
        create(domain)
        end(guest_of(machine), signal.SIGKILL)
        assert not lab.stops.qsize()
        while domain.isActive():
            pass

    monkeypatch.setattr(libvirt.virDomain, "create", create_and_die)
    lab.start(machine, volumes)
    assert lab.stops.get(timeout=20) == ("o1", f"mulligan-{machine}")
    lab.remove(machine)
