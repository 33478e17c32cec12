"""The baremetal activities, on sushy-tools' emulator over real QEMU and on recorded BMCs."""

import json
import logging
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import decompress

import pytest
import urllib3
from aiohttp import web

from activities.contracts.redfish import (
    BmcTarget,
    BootMedium,
    InspectServer,
    RamdiskTask,
    StageServer,
    VerifyServer,
)
from activities.redfish import STARTED_FROM_DISK
from deploy.lab import VirtualServer, VirtualServers
from deploy.ports import free_port
from mulligan.values.errors import HardwareBusyError, HardwareError
from tests.lab import Executor, bmc_access, running_executor, serving

OPERATION = "operation-1"


def target(executor: Executor, servers: VirtualServers, server: VirtualServer) -> BmcTarget:
    return BmcTarget(operation=OPERATION, fence=1, access=executor.access(servers, server))


def booting(executor: Executor, servers: VirtualServers, server: VirtualServer) -> BootMedium:
    """Stage a medium and ask for a boot from it."""
    access = executor.access(servers, server)
    executor.run(executor.redfish.stage, StageServer(operation=OPERATION, fence=1, access=access))
    return BootMedium(operation=OPERATION, fence=1, access=access)


def seen(servers: VirtualServers, path: str) -> dict[str, Any]:
    """Read a resource of the emulator, past everything that is tested."""
    headers = urllib3.make_headers(basic_auth=f"{servers.username}:{servers.password}")
    answer = urllib3.request("GET", f"{servers.address}{path}", headers=headers)
    found: dict[str, Any] = json.loads(answer.data)
    return found


def state(servers: VirtualServers, server: VirtualServer) -> tuple[str, str, bool]:
    system = seen(servers, server.system)
    drive = seen(servers, f"{server.system}/VirtualMedia/Cd")
    return system["PowerState"], system["Boot"]["BootSourceOverrideTarget"], drive["Inserted"]


def bmc_said(executor: Executor, request: BmcTarget) -> str:
    logs = executor.run(executor.redfish.read_log, request)
    return "".join(
        decompress(b64decode(log.compressed)).decode() for log in logs if log.source == "bmc"
    )


@pytest.fixture
def server(executor: Executor, virtual_servers: VirtualServers) -> Iterator[VirtualServer]:
    """A server of the lab that is off and empty before and after."""
    server = virtual_servers.servers[0]
    yield server
    executor.run(executor.redfish.power_off, target(executor, virtual_servers, server))


# The emulator


def test_a_server_is_verified(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    access = executor.access(virtual_servers, server)
    found = executor.run(
        executor.redfish.verify, VerifyServer(operation=OPERATION, fence=1, access=access)
    )
    assert found.system == server.system
    assert found.system_uuid == server.uuid
    assert (found.vendor, found.power, found.virtual_media) == ("Sushy Emulator", "off", "system")
    assert any("http" in note for note in found.notes)


def test_a_server_is_found_by_its_uuid(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    access = executor.access(virtual_servers, server).model_copy(update={"system": server.uuid})
    found = executor.run(
        executor.redfish.verify, VerifyServer(operation=OPERATION, fence=1, access=access)
    )
    assert found.system == server.system


@pytest.mark.parametrize("system", ["", "/redfish/v1/Systems/nowhere", "nowhere"])
def test_which_system_is_meant_must_be_clear(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer, system: str
) -> None:
    access = executor.access(virtual_servers, server).model_copy(update={"system": system})
    with pytest.raises(HardwareError) as caught:
        executor.run(
            executor.redfish.verify, VerifyServer(operation=OPERATION, fence=1, access=access)
        )
    assert caught.value.reason == "SYSTEM_NOT_FOUND"
    assert server.system in caught.value.message


def test_a_server_is_inspected(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    access = executor.access(virtual_servers, server)
    found = executor.run(
        executor.redfish.inspect, InspectServer(operation=OPERATION, fence=1, access=access)
    )
    assert (found.cpus, found.sockets, found.architecture) == (1, 1, "x86_64")
    assert found.memory_mib == server.memory_gib * 1024
    assert [disk.size_bytes for disk in found.disks] == [server.disk_mib << 20]
    assert [nic.mac for nic in found.nics] == [server.mac]
    assert found.boot_mode == "uefi"
    assert any(note.startswith("Storage") for note in found.not_offered)


def test_wrong_credentials_are_refused_and_not_repeated(
    executor: Executor,
    virtual_servers: VirtualServers,
    server: VirtualServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    access = executor.access(virtual_servers, server, password="not-the-right-one")
    with caplog.at_level(logging.DEBUG), pytest.raises(HardwareError) as caught:
        executor.run(
            executor.redfish.verify, VerifyServer(operation=OPERATION, fence=1, access=access)
        )
    assert caught.value.reason == "BMC_CREDENTIALS_REFUSED"
    assert not caught.value.retryable
    assert server.name in caught.value.message
    request = BmcTarget(operation=OPERATION, fence=1, access=access)
    said = (caught.value.message, caplog.text, bmc_said(executor, request))
    assert not any("not-the-right-one" in words for words in said)


def test_credentials_for_another_address_are_not_sent(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    access = executor.access(virtual_servers, server)
    elsewhere = access.model_copy(update={"address": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(HardwareError) as caught:
        executor.run(
            executor.redfish.verify, VerifyServer(operation=OPERATION, fence=1, access=elsewhere)
        )
    assert caught.value.reason == "SECRET_MISMATCH"


def test_a_bmc_that_does_not_answer_is_tried_again(executor: Executor) -> None:
    access = bmc_access(executor.keys, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(HardwareBusyError) as caught:
        executor.run(
            executor.redfish.verify, VerifyServer(operation=OPERATION, fence=1, access=access)
        )
    assert caught.value.reason == "BMC_UNREACHABLE"
    assert "connection refused" in caught.value.message


def test_something_that_is_not_redfish_is_named_so(executor: Executor) -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", hello)
    with serving(app) as address:
        access = bmc_access(executor.keys, address)
        with pytest.raises(HardwareError) as caught:
            executor.run(
                executor.redfish.verify, VerifyServer(operation=OPERATION, fence=1, access=access)
            )
    assert caught.value.reason == "BMC_ANSWER_MALFORMED"


def test_an_untrusted_certificate_is_refused_unless_allowed(
    executor: Executor, virtual_servers: VirtualServers
) -> None:
    """Our own HTTPS server stands for a BMC with a certificate that nobody vouches for."""
    address = executor.settings.ramdisk_url.replace("10.0.2.2", "127.0.0.1")
    access = bmc_access(executor.keys, address)
    request = VerifyServer(operation=OPERATION, fence=1, access=access)
    with pytest.raises(HardwareError) as caught:
        executor.run(executor.redfish.verify, request)
    assert caught.value.reason == "BMC_TLS_UNTRUSTED"
    insecure = request.model_copy(
        update={"access": access.model_copy(update={"verify_tls": False})}
    )
    with pytest.raises(HardwareError) as caught:
        executor.run(executor.redfish.verify, insecure)
    assert caught.value.reason != "BMC_TLS_UNTRUSTED"


def test_a_server_boots_from_medium_and_disk_and_is_switched_off_twice_over(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    request = booting(executor, virtual_servers, server)
    off = target(executor, virtual_servers, server)
    for _ in range(2):
        assert executor.run(executor.redfish.boot_medium, request).changed
        assert state(virtual_servers, server) == ("On", "Cd", True)
        assert executor.run(executor.redfish.boot_disk, off).changed
        assert state(virtual_servers, server) == ("On", "Hdd", False)
        assert executor.run(executor.redfish.power_off, off).changed
        assert state(virtual_servers, server) == ("Off", "Hdd", False)
        assert not executor.run(executor.redfish.power_off, off).changed
    assert virtual_servers.remove_ejected_media() == [f"boot-iso-{server.uuid}.img"]
    assert virtual_servers.remove_ejected_media() == []


def test_a_server_that_runs_from_the_medium_is_not_switched_again(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    request = booting(executor, virtual_servers, server)
    off = target(executor, virtual_servers, server)
    assert executor.run(executor.redfish.boot_medium, request).changed
    before = bmc_said(executor, off)
    assert not executor.run(executor.redfish.boot_medium, request).changed
    assert bmc_said(executor, off) == before


def test_the_medium_of_another_operation_is_taken_out(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    first = booting(executor, virtual_servers, server)
    executor.run(executor.redfish.boot_medium, first)
    executor.media.write_boot_medium("operation-2", server.name)
    second = first.model_copy(update={"operation": "operation-2"})
    assert executor.run(executor.redfish.boot_medium, second).changed
    url = executor.media.boot_url("operation-2", server.name)
    assert seen(virtual_servers, f"{server.system}/VirtualMedia/Cd")["Image"] == url


def test_a_later_try_does_not_restart_what_an_earlier_one_started(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    request = target(executor, virtual_servers, server)
    assert executor.run(executor.redfish.boot_disk, request).changed
    before = bmc_said(executor, request)
    assert not executor.run(executor.redfish.boot_disk, request, [STARTED_FROM_DISK]).changed
    assert bmc_said(executor, request) == before


def test_a_medium_that_is_not_served_is_not_inserted(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    request = booting(executor, virtual_servers, server)
    off = target(executor, virtual_servers, server)
    assert executor.run(executor.redfish.unstage, off).changed
    assert not executor.run(executor.redfish.unstage, off).changed
    with pytest.raises(HardwareBusyError) as caught:
        executor.run(executor.redfish.boot_medium, request)
    assert caught.value.reason == "MEDIA_URL_UNREACHABLE"
    assert "/media/" not in caught.value.message
    assert state(virtual_servers, server)[0] == "Off"


def test_a_missing_ramdisk_is_named(
    executor: Executor, virtual_servers: VirtualServers, server: VirtualServer
) -> None:
    (executor.settings.ramdisk_folder / "vmlinuz").unlink()
    with pytest.raises(HardwareError) as caught:
        booting(executor, virtual_servers, server)
    assert caught.value.reason == "RAMDISK_NOT_BUILT"


def test_the_ramdisk_boots_and_asks_for_its_task(
    tmp_path: Path, ramdisk_folder: Path, virtual_servers: VirtualServers
) -> None:
    server = virtual_servers.servers[1]
    with running_executor(tmp_path, ramdisk_folder) as executor:
        reports = executor.reports
        reports.live.add(OPERATION)
        reports.tasks[OPERATION] = RamdiskTask(action="wipe")
        request = booting(executor, virtual_servers, server)
        off = target(executor, virtual_servers, server)
        try:
            executor.run(executor.redfish.boot_medium, request)
            facts = reports.wait_for("facts", 150)
            assert [disk.serial for disk in facts.disks] == [server.disk_serial]
            assert [nic.mac for nic in facts.nics] == [server.mac]
            assert facts.boot_mode == "uefi"
            result = reports.wait_for("result", 100)
            assert result.ok, result.message
        finally:
            executor.run(executor.redfish.power_off, off)
        said = reports.kinds()
        assert said.index("facts") < said.index("task") < said.index("result")
        sources = [log.source for log in executor.run(executor.redfish.read_log, off)]
        assert sources == ["ramdisk", "bmc"]


# Recorded BMCs
