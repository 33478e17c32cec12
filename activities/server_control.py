"""Finding a server's system, its power, and from what it boots next: read, written, read back."""

from collections.abc import Callable, Set
from typing import Literal

import sushy
from sushy.resources.system.system import System

from activities.bmc import Bmc, Body, link, links, part, text
from mulligan.values.errors import HardwareBusyError, HardwareError

Power = Literal["on", "off", "unknown"]

OFF = (sushy.ResetType.FORCE_OFF,)
ON = (sushy.ResetType.ON, sushy.ResetType.FORCE_ON)
"""What does it, the usual one first. Never a graceful one: an operating system may say no.

Nor one that restarts: whether it did can't be read back.
"""

RESTART_BMC = (sushy.ResetType.GRACEFUL_RESTART, sushy.ResetType.FORCE_RESTART)
"""A BMC that is asked politely keeps its logs and settings."""

CD_TARGETS = frozenset({"Cd", "UsbCd"})
DISK_TARGETS = frozenset({"Hdd"})

_UNCERTAIN = ("BMC_REFUSED", "BMC_BUSY", "BMC_UNREACHABLE")
"""Answers to a write after which reading back still decides."""


def find_system(bmc: Bmc) -> tuple[str, Body]:
    """Find the computer system that is meant: its path and what it says of itself.

    `access.system` is a path, an id or a UUID; empty asks for the only one that can be reset.

    Raises:
        HardwareError: SYSTEM_NOT_FOUND.
        HardwareBusyError: the BMC could not show all of its systems now.
    """
    wanted = bmc.access.system
    if wanted.startswith("/"):
        try:
            return wanted, bmc.get(wanted, "read its system")
        except HardwareError as error:
            if error.reason != "BMC_NOT_FOUND":
                raise
    found = dict(bmc.members(link(bmc.root.json, "Systems"), "Systems"))
    meant = {path: body for path, body in found.items() if _is_meant(path, body, wanted)}
    if len(meant) == 1:
        return meant.popitem()
    if bmc.unread:
        raise bmc.unread[-1]
    offered = ", ".join(found) or "none"
    what = f"has no system {wanted}" if wanted else f"has {len(meant)} systems that can be reset"
    raise HardwareError(
        f"{bmc.words()} {what}; its systems are: {offered}; say which one is meant (--system)",
        code="SYSTEM_NOT_FOUND",
    )


def _is_meant(path: str, body: Body, wanted: str) -> bool:
    """Match a system; baseboards of GPUs and templates are listed as systems, without a reset."""
    if not wanted:
        return "#ComputerSystem.Reset" in part(body, "Actions")
    names = (path.rstrip("/"), path.rstrip("/").rpartition("/")[2], text(body, "UUID"))
    return wanted.rstrip("/").lower() in (name.lower() for name in names)


def power_of(system: Body) -> Power:
    """Read the power from a system's body; passing states such as PoweringOn are unknown."""
    states: dict[str, Power] = {"On": "on", "Off": "off"}
    return states.get(text(system, "PowerState"), "unknown")


def read_power(bmc: Bmc, system_path: str) -> Power:
    """Ask for the power now."""
    return power_of(bmc.get(system_path, "read the power"))


def power_off(bmc: Bmc, system_path: str) -> bool:
    """Have the server off; says whether it was not.

    Raises:
        HardwareError: POWER_NOT_CHANGED, or CAPABILITY_NOT_OFFERED.
    """
    if bmc.steady(lambda: read_power(bmc, system_path)) == "off":
        return False
    _switch(bmc, system_path, OFF, "off")
    return True


def power_on(bmc: Bmc, system_path: str) -> bool:
    """Have the server on; says whether it was not.

    Raises:
        HardwareError: POWER_NOT_CHANGED, or CAPABILITY_NOT_OFFERED.
    """
    if bmc.steady(lambda: read_power(bmc, system_path)) == "on":
        return False
    _switch(bmc, system_path, ON, "on")
    return True


def power_cycle(bmc: Bmc, system_path: str, *, told: Callable[[], None], was_told: bool) -> None:
    """Cut a server's power wholly where its BMC offers that, and leave the server off.

    `told` is called once the BMC was told to; `was_told` says that an earlier try did. Such a
    server comes on by itself, so that it is off for good only after that.

    Raises:
        HardwareError: POWER_NOT_CHANGED, or CAPABILITY_NOT_OFFERED.
    """
    is_on = bmc.steady(lambda: read_power(bmc, system_path)) == "on"
    if is_on and not was_told and sushy.ResetType.POWER_CYCLE in _resets(bmc, system_path)[1]:
        refusal = _reset(bmc, system_path, (sushy.ResetType.POWER_CYCLE,))
        was_told = refusal is None or refusal.reason == "BMC_UNREACHABLE"
        if was_told:
            told()
    if was_told:
        for state in ("off", "on"):
            bmc.comes_to(
                lambda: read_power(bmc, system_path),
                lambda power, state=state: power == state,  # type: ignore[misc]
                bmc.patience.power_s / 4,
            )
    power_off(bmc, system_path)


def restart_bmc(bmc: Bmc, system: Body) -> None:
    """Tell the BMC to restart itself.

    Raises:
        HardwareError: CAPABILITY_NOT_OFFERED.
    """
    managers = links(system, "Links", "ManagedBy") or list(
        bmc.member_paths(link(bmc.root.json, "Managers"), "Managers")
    )
    for path in managers:
        if "#Manager.Reset" not in part(bmc.get_if_offered(path, "Manager"), "Actions"):
            continue
        with bmc.asked("read how the BMC can be restarted"):
            manager = bmc.root.get_manager(path)
            offered = manager.get_allowed_reset_manager_values()
        way = next((way for way in RESTART_BMC if way in offered), None)
        if way is not None:
            try:
                with bmc.asked(f"restart itself ({way.value})"):
                    manager.reset_manager(way)
            except HardwareError as error:
                if error.reason != "BMC_UNREACHABLE":  # it went before it said yes
                    raise
            return
    if bmc.unread:
        raise bmc.unread[-1]
    raise HardwareError(
        f"{bmc.words()} can't be told to restart itself: {', '.join(managers) or 'no manager'} "
        "offers no such reset; restart it in its own interface, or cut the server's power",
        code="CAPABILITY_NOT_OFFERED",
    )


def await_bmc(bmc: Bmc) -> None:
    """Wait until a BMC that restarts has gone, then until it answers again twice in a row.

    Raises:
        HardwareBusyError: it does not come back.
    """

    def answers() -> bool:
        try:
            bmc.get(bmc.root.path, "answer again")
        except HardwareError:  # also nonsense: its web server is up before the rest
            return False
        return True

    bmc.comes_to(lambda: not answers(), bool, bmc.patience.bmc_goes_s)
    if not bmc.comes_to(answers, bool, bmc.patience.bmc_comes_s):
        raise HardwareBusyError(
            f"{bmc.words()} was restarted and does not answer again after "
            f"{bmc.patience.bmc_comes_s:.0f} s; look at its console, or cut the server's power",
            code="BMC_UNREACHABLE",
        )


def boot_once_from_cd(bmc: Bmc, system_path: str) -> None:
    """Have the next boot go to the virtual CD in UEFI mode; read back.

    Raises:
        HardwareError: BOOT_OVERRIDE_REFUSED.
    """
    _override(bmc, system_path, sushy.BootSource.CD, CD_TARGETS)


def boot_once_from_disk(bmc: Bmc, system_path: str) -> None:
    """Have the next boot go to the disk; a BMC without that choice has its override switched off.

    Raises:
        HardwareError: BOOT_OVERRIDE_REFUSED.
    """
    try:
        _override(bmc, system_path, sushy.BootSource.HDD, DISK_TARGETS)
    except HardwareError as error:
        if error.reason != "BOOT_OVERRIDE_REFUSED" or not _let_go(bmc, system_path):
            raise


def _switch(bmc: Bmc, system_path: str, ways: tuple[sushy.ResetType, ...], wanted: Power) -> None:
    """Reset, and read back until the power is as wanted; a BMC that ignored it is told twice."""
    refusal = None
    for _ in range(2):
        refusal = _reset(bmc, system_path, ways)
        done = bmc.comes_to(
            lambda: read_power(bmc, system_path),
            lambda power: power == wanted,
            bmc.worth_waiting_s(refusal, bmc.patience.power_s / 2),
        )
        if done:
            return
        bmc.pause()
    if isinstance(refusal, HardwareBusyError):
        raise refusal
    said = f": {refusal.message}" if refusal else ""
    raise HardwareError(
        f"{bmc.words()} was told twice to be {wanted} and is not after "
        f"{bmc.patience.power_s:.0f} s{said}; look at the server and restart its BMC",
        code="POWER_NOT_CHANGED",
    )


def _reset(bmc: Bmc, system_path: str, ways: tuple[sushy.ResetType, ...]) -> HardwareError | None:
    """Send a reset; gives what the BMC had against it, which reading back may still refute."""
    system, offered = _resets(bmc, system_path)
    way = next((way for way in ways if way in offered), None)
    if way is None:
        wanted = " or ".join(way.value for way in ways)
        raise HardwareError(
            f"{bmc.words()} does not offer the reset {wanted} for {system_path}; update the "
            "BMC's firmware, or use another server",
            code="CAPABILITY_NOT_OFFERED",
        )
    try:
        with bmc.asked(f"reset its system ({way.value})"):
            system.reset_system(way)
    except HardwareError as error:
        if error.reason not in _UNCERTAIN:
            raise
        return error
    return None


def _resets(bmc: Bmc, system_path: str) -> tuple[System, Set[sushy.ResetType]]:
    with bmc.asked("read how it can be reset"):
        system = bmc.root.get_system(system_path)
        return system, system.get_allowed_reset_system_values()


def _override(
    bmc: Bmc, system_path: str, source: sushy.BootSource, targets: frozenset[str]
) -> None:
    """Set a one-time boot source unless it is set already; read back."""
    if _is_overridden(bmc, system_path, targets):
        return
    refusal = None
    try:
        with bmc.asked(f"boot once from {source.value}"):
            system = bmc.root.get_system(system_path)
            _require_offered(system, source)
            mode = text(part(system.json, "Boot"), "BootSourceOverrideMode")
            system.set_system_boot_options(
                source,
                enabled=sushy.BootSourceOverrideEnabled.ONCE,
                # Only a change is written: some BMCs refuse the mode even when it is the same.
                mode=sushy.BootSourceOverrideMode.UEFI if mode not in ("UEFI", "") else None,
            )
    except HardwareError as error:
        if error.reason not in _UNCERTAIN:
            raise
        refusal = error
    done = bmc.comes_to(
        lambda: _is_overridden(bmc, system_path, targets),
        bool,
        0
        if refusal and refusal.reason == "BMC_REFUSED"
        else bmc.worth_waiting_s(refusal, bmc.patience.boot_s),
    )
    if not done:
        raise _not_overridden(bmc, source, refusal)


def _require_offered(system: System, source: sushy.BootSource) -> None:
    offered = system.get_allowed_system_boot_source_values()
    if source not in offered:
        names = ", ".join(sorted(each.value for each in offered))
        raise HardwareError(f"it offers {names} only", code="BMC_REFUSED")


def _not_overridden(
    bmc: Bmc, source: sushy.BootSource, refusal: HardwareError | None
) -> HardwareError:
    if isinstance(refusal, HardwareBusyError):
        return refusal
    said = f": {refusal.message}" if refusal else ", it reads back otherwise"
    return HardwareError(
        f"{bmc.words()} does not take {source.value} in UEFI mode as its next boot{said}; see that "
        "the server's BIOS is set to UEFI and that its BMC may override the boot order",
        code="BOOT_OVERRIDE_REFUSED",
    )


def _boots(bmc: Bmc, system_path: str) -> list[Body]:
    """Read what is set about booting: of the system, then of its pending settings, if any."""
    system = bmc.get(system_path, "read the boot override")
    pending = links(part(system, "@Redfish.Settings"), "SettingsObject")
    return [part(body, "Boot") for body in (system, *(bmc.get(path) for path in pending))]


def _is_overridden(bmc: Bmc, system_path: str, targets: frozenset[str]) -> bool:
    return any(
        text(boot, "BootSourceOverrideTarget") in targets
        and text(boot, "BootSourceOverrideEnabled") in ("Once", "Continuous")
        for boot in _boots(bmc, system_path)
    )


def _let_go(bmc: Bmc, system_path: str) -> bool:
    """Switch the override off; says whether it reads back so."""

    def is_off() -> bool:
        boot = _boots(bmc, system_path)[0]
        return text(boot, "BootSourceOverrideEnabled") in ("Disabled", "")

    if not bmc.steady(is_off):
        try:
            with bmc.asked("switch its boot override off"):
                bmc.root.get_system(system_path).set_system_boot_options(
                    enabled=sushy.BootSourceOverrideEnabled.DISABLED
                )
        except HardwareError as error:
            if error.reason not in (*_UNCERTAIN, "BMC_ANSWER_MALFORMED"):
                raise
    return bmc.comes_to(is_off, bool, bmc.patience.boot_s)
