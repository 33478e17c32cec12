"""How BMCs differ, and what is said when one doesn't do as it was told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.bmc import Patience
from activities.contracts.hardware import Done
from activities.contracts.redfish import BmcTarget, BootMedium
from mulligan.values.errors import HardwareBusyError, HardwareError
from tests.activities.scripted_bmc import ScriptedBmc
from tests.lab import Executor, bmc_access, running_executor, serving

OPERATION = "operation-1"
HASTY = Patience(pause_s=0.01, power_s=0.6, media_s=0.3, boot_s=0.3)


@pytest.fixture
def executor(tmp_path: Path, stand_in_ramdisk: Path) -> Iterator[Executor]:
    with running_executor(tmp_path / "state", stand_in_ramdisk, HASTY) as running:
        yield running


def boot_medium(executor: Executor, bmc: ScriptedBmc) -> Done:
    url = executor.media.write_boot_medium(OPERATION, "server-1")
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        request = BootMedium(operation=OPERATION, fence=1, access=access, boot_url=url)
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


def test_a_server_boots_from_disk_whatever_its_power_was(executor: Executor) -> None:
    for power, reset in (("Off", "On"), ("On", "ForceRestart")):
        bmc = ScriptedBmc(power=power, image=executor.media.boot_url(OPERATION, "server-1"))
        assert boot_disk(executor, bmc).changed
        assert bmc.writes == ["eject", "boot Hdd", reset]
        assert (bmc.power, bmc.image) == ("On", None)


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
