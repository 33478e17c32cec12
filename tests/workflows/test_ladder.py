"""What is tried, rung by rung, with hardware that fails a step."""

from datetime import timedelta

import pytest

from activities.contracts import redfish
from mulligan.values.errors import HardwareError
from tests.fakes.place import Place
from tests.workflows.outcome import names_of
from workflows import policies


@pytest.fixture(autouse=True)
def no_fence_to_wait_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No executor of these tests is frozen: nobody waits for its heartbeats."""
    monkeypatch.setattr(policies, "BEATS", timedelta(milliseconds=1))


def test_a_server_that_stays_on_climbs_the_ladder_and_is_quarantined(place: Place) -> None:
    server = place.server()
    machine = place.machine("baremetal")
    place.executor.breaks(redfish.power_off, "POWER_NOT_CHANGED", "it stays on")
    ended = place.site.end_of(place.decommission(machine).metadata.id)
    rungs = [name for name in names_of(ended) if name != "power off"]
    assert rungs == ["retry", "restart the BMC", "power cycle"]
    assert place.executor.called.count("redfish.restart_bmc") == 1
    assert place.executor.called.count("redfish.power_cycle") == 1
    shown = place.operator.GetServer(id=server).status
    assert shown.state == "quarantined"
    assert "it stays on" in shown.reason
    assert place.get(machine).status.state == "gone"


def test_a_rung_that_helps_is_the_last_one(sqlite_place: Place) -> None:
    place = sqlite_place
    place.server()
    place.executor.stumbles(
        redfish.boot_medium, HardwareError("nothing in it", code="MEDIA_NOT_ACCEPTED")
    )
    ended = place.site.end_of(place.provision("baremetal").metadata.id)
    assert ended.status.state == "done", ended.status.reason
    assert names_of(ended)[:4] == [
        "stage",
        "boot ramdisk (deploy)",
        "retry",
        "boot ramdisk (deploy)",
    ]
    assert "redfish.restart_bmc" not in place.executor.called
    boots = [one.anew for name, one in place.executor.asked if name == "redfish.boot_medium"]
    assert boots == [False, True], "the end of an earlier ramdisk's task is heard by nobody"


def test_no_rung_is_climbed_when_none_can_help(sqlite_place: Place) -> None:
    place = sqlite_place
    server = place.server()
    place.executor.breaks(redfish.boot_medium, "BMC_CREDENTIALS_REFUSED", "wrong password")
    ended = place.site.end_of(place.provision("baremetal").metadata.id)
    assert ended.error_code == "BMC_CREDENTIALS_REFUSED"
    assert "retry" not in names_of(ended)
    assert place.operator.GetServer(id=server).status.state == "available"


def test_booting_the_disk_never_cycles_the_power(sqlite_place: Place) -> None:
    place = sqlite_place
    place.server()
    place.executor.breaks(redfish.boot_disk, "BOOT_OVERRIDE_REFUSED", "no")
    ended = place.site.end_of(place.provision("baremetal").metadata.id)
    assert ended.error_code == "BOOT_OVERRIDE_REFUSED"
    assert "redfish.restart_bmc" in place.executor.called
    assert "redfish.power_cycle" not in place.executor.called
