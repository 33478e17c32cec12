"""How BMCs differ, and what is said when one doesn't do as it was told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.bmc import Patience
from activities.contracts.hardware import Done
from activities.contracts.redfish import BmcTarget, BootMedium, InspectServer, ServerLook
from activities.redfish import (
    BMC_RESTARTS,
    POWER_CYCLES,
    STARTED_FROM_DISK,
    STARTED_FROM_MEDIUM,
)
from mulligan.values.errors import HardwareBusyError, HardwareError
from tests.activities.scripted_bmc import LOGIN, MANAGER, Hiccup, ScriptedBmc
from tests.lab import Executor, bmc_access, running_executor, serving

OPERATION = "operation-1"
HASTY = Patience(
    pause_s=0.01, power_s=0.6, media_s=0.3, boot_s=0.3, bmc_goes_s=0.2, bmc_comes_s=0.3
)


@pytest.fixture
def executor(tmp_path: Path, stand_in_ramdisk: Path) -> Iterator[Executor]:
    with running_executor(tmp_path / "state", stand_in_ramdisk, HASTY) as running:
        yield running


def boot_medium(executor: Executor, bmc: ScriptedBmc) -> Done:
    executor.media.write_boot_medium(OPERATION, "server-1")
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        request = BootMedium(operation=OPERATION, fence=1, access=access)
        return executor.run(executor.redfish.boot_medium, request)


def boot_disk(executor: Executor, bmc: ScriptedBmc) -> Done:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        request = BmcTarget(operation=OPERATION, fence=1, access=access)
        return executor.run(executor.redfish.boot_disk, request)


def power_off(executor: Executor, bmc: ScriptedBmc) -> Done:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        request = BmcTarget(operation=OPERATION, fence=1, access=access)
        return executor.run(executor.redfish.power_off, request)


@pytest.mark.parametrize(
    "bmc",
    [
        ScriptedBmc(),
        ScriptedBmc(media="patch"),
        ScriptedBmc(wants_all_arguments=True),
        ScriptedBmc(ejects_with_body_only=True, image="http://elsewhere/left-behind.iso"),
        ScriptedBmc(shows_image_as="path"),
        ScriptedBmc(shows_image_as="nothing"),
        ScriptedBmc(ignores_resets=1),
        ScriptedBmc(lies_about_power=1),
        ScriptedBmc(power="Off", resets=("ForceOn", "ForceOff")),
    ],
    ids=lambda bmc: str(bmc).partition("boot=")[0][-120:],
)
def test_a_server_boots_from_its_medium_with_any_of_these(
    executor: Executor, bmc: ScriptedBmc
) -> None:
    assert boot_medium(executor, bmc).changed
    assert bmc.power == "On"
    assert bmc.image == executor.media.boot_url(OPERATION, "server-1")
    assert bmc.boot["BootSourceOverrideTarget"] == "Cd"
    assert bmc.boot["BootSourceOverrideEnabled"] == "Once"
    assert bmc.boot["BootSourceOverrideMode"] == "UEFI"


def test_the_power_is_off_while_media_change(executor: Executor) -> None:
    bmc = ScriptedBmc(image="http://elsewhere/left-behind.iso")
    boot_medium(executor, bmc)
    assert bmc.writes == ["ForceOff", "eject", "insert", "boot Cd", "On"]


@pytest.mark.parametrize(
    ("bmc", "code"),
    [
        (ScriptedBmc(media="none"), "CAPABILITY_NOT_OFFERED"),
        (ScriptedBmc(resets=("GracefulShutdown",)), "CAPABILITY_NOT_OFFERED"),
        (ScriptedBmc(drops_media=True), "MEDIA_NOT_ACCEPTED"),
        (ScriptedBmc(shows_image_as="something else"), "MEDIA_NOT_ACCEPTED"),
        (ScriptedBmc(keeps_media=True, image="http://elsewhere/x.iso"), "MEDIA_NOT_ACCEPTED"),
        (ScriptedBmc(cannot_fetch=True), "MEDIA_URL_UNREACHABLE"),
        (ScriptedBmc(ignores_boot_override=True), "BOOT_OVERRIDE_REFUSED"),
        (ScriptedBmc(takes_boot_targets=("None", "Hdd")), "BOOT_OVERRIDE_REFUSED"),
        (ScriptedBmc(ignores_resets=9), "POWER_NOT_CHANGED"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_bmc_does_not_do_is_said(executor: Executor, bmc: ScriptedBmc, code: str) -> None:
    with pytest.raises(HardwareError) as caught:
        boot_medium(executor, bmc)
    assert caught.value.reason == code
    assert not caught.value.retryable
    assert "server-1" in caught.value.message
    assert ";" in caught.value.message, "what to do is missing"


def test_a_bmc_that_is_busy_for_a_moment_is_told_again(executor: Executor) -> None:
    bmc = ScriptedBmc(power="Off", busy_writes=1)
    assert boot_medium(executor, bmc).changed
    assert bmc.writes == ["insert", "insert", "boot Cd", "On"]


def test_a_bmc_that_stays_busy_is_tried_again_later_from_where_it_was(executor: Executor) -> None:
    bmc = ScriptedBmc(busy_writes=99)
    with pytest.raises(HardwareBusyError) as caught:
        boot_medium(executor, bmc)
    assert caught.value.reason == "BMC_BUSY"
    bmc.busy_writes, bmc.power = 0, "Off"
    bmc.writes.clear()
    assert boot_medium(executor, bmc).changed
    assert bmc.writes == ["insert", "boot Cd", "On"]


def test_a_server_that_runs_from_its_medium_is_booted_anew_once_when_that_is_asked(
    executor: Executor,
) -> None:
    executor.media.write_boot_medium(OPERATION, "server-1")
    bmc = ScriptedBmc(image=executor.media.boot_url(OPERATION, "server-1"))
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        request = BootMedium(operation=OPERATION, fence=1, access=access, anew=True)
        assert executor.run(executor.redfish.boot_medium, request).changed
        assert bmc.writes == ["ForceOff", "boot Cd", "On"]
        later = executor.run(executor.redfish.boot_medium, request, [STARTED_FROM_MEDIUM])
    assert not later.changed
    assert bmc.writes == ["ForceOff", "boot Cd", "On"]


def test_a_server_boots_from_disk_whatever_its_power_was(executor: Executor) -> None:
    for power, resets in (("Off", []), ("On", ["ForceOff"])):
        bmc = ScriptedBmc(power=power, image=executor.media.boot_url(OPERATION, "server-1"))
        assert boot_disk(executor, bmc).changed
        assert bmc.writes == [*resets, "eject", "boot Hdd", "On"]
        assert (bmc.power, bmc.image) == ("On", None)


def test_a_server_that_was_off_when_an_earlier_try_died_is_started_from_disk(
    executor: Executor,
) -> None:
    bmc = ScriptedBmc(power="Off")
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        request = BmcTarget(operation=OPERATION, fence=1, access=access)
        for changed in (True, False):
            done = executor.run(executor.redfish.boot_disk, request, [STARTED_FROM_DISK])
            assert done.changed == changed
    assert bmc.writes == ["boot Hdd", "On"]


def test_a_restart_that_a_bmc_ignores_is_noticed(executor: Executor) -> None:
    with pytest.raises(HardwareError) as caught:
        boot_disk(executor, ScriptedBmc(ignores_resets=9))
    assert caught.value.reason == "POWER_NOT_CHANGED"


@pytest.mark.parametrize("busy", [1, 99])
def test_a_medium_that_a_busy_bmc_does_not_eject_is_no_refusal(
    executor: Executor, busy: int
) -> None:
    ours = executor.media.boot_url(OPERATION, "server-1")
    bmc = ScriptedBmc(power="Off", image=ours, busy_writes=busy)
    with pytest.raises(HardwareBusyError) as caught:
        power_off(executor, bmc)
    assert caught.value.reason == "BMC_BUSY"


def test_without_a_choice_of_disk_the_override_is_let_go(executor: Executor) -> None:
    bmc = ScriptedBmc(takes_boot_targets=("None", "Cd"))
    bmc.boot |= {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Cd"}
    assert boot_disk(executor, bmc).changed
    assert bmc.boot["BootSourceOverrideEnabled"] == "Disabled"


def test_a_medium_of_somebody_else_stays_in_when_the_power_goes_off(executor: Executor) -> None:
    bmc = ScriptedBmc(image="http://elsewhere/operators.iso")
    assert power_off(executor, bmc).changed
    assert not power_off(executor, bmc).changed
    assert bmc.writes == ["ForceOff"]


def test_a_server_without_virtual_media_can_be_switched_off(executor: Executor) -> None:
    bmc = ScriptedBmc(media="none")
    assert power_off(executor, bmc).changed
    assert bmc.power == "Off"


# A look, and the rungs of the ladder


def look(executor: Executor, bmc: ScriptedBmc) -> ServerLook:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        request = InspectServer(operation=OPERATION, fence=1, access=access)
        return executor.run(executor.redfish.look, request)


def restart_bmc(executor: Executor, bmc: ScriptedBmc, *marks: str) -> Done:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        request = BmcTarget(operation=OPERATION, fence=1, access=access)
        return executor.run(executor.redfish.restart_bmc, request, marks)


def power_cycle(executor: Executor, bmc: ScriptedBmc, *marks: str) -> Done:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        request = BmcTarget(operation=OPERATION, fence=1, access=access)
        return executor.run(executor.redfish.power_cycle, request, marks)


def test_a_look_tells_power_and_medium_and_writes_nothing(executor: Executor) -> None:
    ours = executor.media.boot_url(OPERATION, "server-1")
    for bmc, seen in (
        (ScriptedBmc(power="Off"), ServerLook(power="off")),
        (ScriptedBmc(image=ours), ServerLook(power="on", has_our_medium=True)),
        (ScriptedBmc(image="http://elsewhere/x.iso"), ServerLook(power="on")),
        (ScriptedBmc(media="none", lies_about_power=1), ServerLook(power="on")),
    ):
        assert look(executor, bmc) == seen
        assert all(line.startswith("GET") for line in bmc.requests)


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        (("ForceRestart", "GracefulRestart"), "GracefulRestart"),
        (("ForceRestart",), "ForceRestart"),
    ],
)
def test_a_bmc_is_restarted_and_waited_for(
    executor: Executor, offered: tuple[str, ...], taken: str
) -> None:
    bmc = ScriptedBmc(login=LOGIN, manager_resets=offered, restarts_for=4)
    assert restart_bmc(executor, bmc).changed
    assert bmc.writes == [f"BMC {taken}"]
    assert bmc.power == "On", "the server goes on"
    after = bmc.requests[bmc.requests.index(f"POST {MANAGER}/Actions/Manager.Reset") + 1 :]
    assert bmc.away == 0
    assert after[-3:-1] == ["GET /redfish/v1/"] * 2


def test_a_bmc_that_restarts_without_being_missed_is_believed(executor: Executor) -> None:
    bmc = ScriptedBmc(manager_resets=("ForceRestart",))
    assert restart_bmc(executor, bmc).changed


def test_a_bmc_that_does_not_come_back_is_unreachable(executor: Executor) -> None:
    bmc = ScriptedBmc(manager_resets=("ForceRestart",), restarts_for=9999)
    with pytest.raises(HardwareBusyError) as caught:
        restart_bmc(executor, bmc)
    assert caught.value.reason == "BMC_UNREACHABLE"


def test_a_bmc_that_talks_nonsense_while_it_starts_is_waited_for(executor: Executor) -> None:
    bmc = ScriptedBmc(manager_resets=("ForceRestart",))
    starting = [Hiccup("GET /redfish/v1/", status, body="<html>") for status in (200, 200, 404)]
    bmc.after_restart += starting
    assert restart_bmc(executor, bmc).changed
    assert bmc.hiccups == []


def test_a_bmc_that_an_earlier_try_restarted_is_only_waited_for(executor: Executor) -> None:
    bmc = ScriptedBmc(manager_resets=("ForceRestart",))
    restart_bmc(executor, bmc, BMC_RESTARTS)
    assert bmc.writes == []
    assert bmc.requests[-2:] == ["GET /redfish/v1/"] * 2


def test_a_bmc_that_can_not_be_restarted_says_so(executor: Executor) -> None:
    with pytest.raises(HardwareError) as caught:
        restart_bmc(executor, ScriptedBmc(manager_resets=()))
    assert caught.value.reason == "CAPABILITY_NOT_OFFERED"
    assert MANAGER in caught.value.message


def test_the_power_is_cut_wholly_where_that_is_offered(executor: Executor) -> None:
    bmc = ScriptedBmc(resets=("On", "ForceOff", "PowerCycle"))
    assert power_cycle(executor, bmc).changed
    assert bmc.writes == ["PowerCycle", "ForceOff"]
    assert (bmc.power, bmc.cycling) == ("Off", [])


def test_without_that_or_when_it_is_off_a_server_is_switched_off(executor: Executor) -> None:
    for bmc, writes in (
        (ScriptedBmc(), ["ForceOff"]),
        (ScriptedBmc(power="Off", resets=("On", "ForceOff", "PowerCycle")), []),
    ):
        power_cycle(executor, bmc)
        assert (bmc.writes, bmc.power) == (writes, "Off")


def test_a_server_that_comes_on_by_itself_after_the_first_try_died_ends_off(
    executor: Executor,
) -> None:
    bmc = ScriptedBmc(
        power="Off", resets=("On", "ForceOff", "PowerCycle"), cycling=["Off"] * 4 + ["On"]
    )
    power_cycle(executor, bmc, POWER_CYCLES)
    assert bmc.writes == ["ForceOff"]
    assert (bmc.power, bmc.cycling) == ("Off", [])


def test_a_power_cycle_that_is_refused_still_ends_off(executor: Executor) -> None:
    bmc = ScriptedBmc(resets=("On", "ForceOff", "PowerCycle"), busy_writes=1)
    power_cycle(executor, bmc)
    assert bmc.writes == ["PowerCycle", "ForceOff"]
    assert bmc.power == "Off"
