"""Virtual media: where a BMC has it, and how a medium gets in and out.

It hangs under the manager (older BMCs), the system (newer ones), or both; it is driven by actions,
or by PATCH where there are none; and what it reads back differs. DMTF DSP2046, VirtualMedia.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from sushy.resources.manager.virtual_media import VirtualMedia

from activities.bmc import Bmc, Body, links, part, text
from activities.redaction import redact
from mulligan.values.errors import HardwareBusyError, HardwareError

OPTICAL = frozenset({"CD", "DVD", "CDROMDVD", "CDROM", "CDDVD"})

OURS = re.compile(r"/media/[0-9a-f]{40}/")

CANT_FETCH = re.compile(
    r"(?i)(can(?:'|no)t|could not|unable to|failed|failure)\W.{0,40}"
    r"(fetch|download|connect|access|reach|resolve|mount|read|open)"
    r"|unreachable|timed? ?out|not found"
)
"""How BMCs say that they could not get a medium from its address."""


@dataclass(frozen=True)
class Slot:
    """A virtual drive that takes CDs, as it was read."""

    path: str
    place: Literal["manager", "system"]
    body: Body

    @property
    def image(self) -> str:
        """The address of the medium that is in, as far as the BMC tells."""
        return text(self.body, "Image")

    @property
    def inserted(self) -> bool:
        """Whether a medium is in; BMCs that don't say so name it or its connection."""
        if isinstance(said := self.body.get("Inserted"), bool):
            return said
        return bool(self.image) or text(self.body, "ConnectedVia") in ("URI", "Applet")

    @property
    def ours(self) -> bool:
        """Whether the medium is one of ours; one that isn't named may be."""
        return self.inserted and (not self.image or bool(OURS.search(self.image)))

    def holds(self, url: str) -> bool:
        """Say whether exactly this medium is in. BMCs show addresses whole, or their path only."""
        return self.inserted and bool(self.image) and urlsplit(url).path in self.image


def find_slots(bmc: Bmc, system: Body) -> list[Slot]:
    """Find the drives for CDs: the system's if it has any, else its managers'.

    Raises:
        HardwareBusyError: there may be some, but the BMC could not show them now.
    """
    for place, collections in _places(bmc, system):
        found = [
            Slot(path, place, body)
            for collection in collections
            for path, body in bmc.members(collection, "VirtualMedia")
            if _takes_cds(path, body)
        ]
        if found:
            return found
    if bmc.unread:
        raise bmc.unread[-1]
    return []


def require_slots(bmc: Bmc, system_path: str, system: Body) -> list[Slot]:
    """Find the drives for CDs.

    Raises:
        HardwareError: CAPABILITY_NOT_OFFERED.
    """
    slots = find_slots(bmc, system)
    if not slots:
        managers = ", ".join(links(system, "Links", "ManagedBy")) or "its managers"
        raise HardwareError(
            f"{bmc.words()} offers no virtual CD drive: there is none under {system_path} nor "
            f"under {managers}; enable virtual media on the BMC (a licence may be needed)",
            code="CAPABILITY_NOT_OFFERED",
        )
    return slots


def insert(bmc: Bmc, slots: list[Slot], url: str) -> None:
    """Have exactly `url` in the first drive, and nothing in the others; read back.

    Raises:
        HardwareError: MEDIA_NOT_ACCEPTED or MEDIA_URL_UNREACHABLE.
    """
    kept = next((slot for slot in slots if slot.holds(url)), None)
    for slot in slots:
        if slot.inserted and slot is not kept:
            eject(bmc, slot)
    if kept is None:
        _insert_into(bmc, slots[0], url)


def eject(bmc: Bmc, slot: Slot) -> None:
    """Take the medium out of a drive and read back.

    Raises:
        HardwareError: MEDIA_NOT_ACCEPTED, when it stays in.
    """
    refusal = None
    try:
        with bmc.asked("eject a virtual medium"):
            _sushy_slot(bmc, slot).eject_media()
            bmc.line.check_last_write()
    except HardwareError as error:
        # Reading back decides: some BMCs complain about a drive that emptied itself meanwhile.
        if error.reason not in ("BMC_REFUSED", "BMC_BUSY", "BMC_UNREACHABLE"):
            raise
        refusal = error
    within_s = bmc.worth_waiting_s(refusal, bmc.patience.media_s)
    if not bmc.comes_to(partial(_read, bmc, slot), _is_empty, within_s):
        if isinstance(refusal, HardwareBusyError):
            raise refusal
        medium = redact(slot.image) or "a medium"
        raise HardwareError(
            f"{bmc.words()}: {medium} stays in {slot.path} after it was ejected; "
            "eject it in the BMC's own interface, or restart the BMC",
            code="MEDIA_NOT_ACCEPTED",
        )


def _places(bmc: Bmc, system: Body) -> Iterator[tuple[Literal["manager", "system"], list[str]]]:
    own = links(system, "VirtualMedia")
    yield "system", [path for path in own if "/Managers/" not in path]
    managers = links(system, "Links", "ManagedBy")
    theirs = [
        path
        for manager in managers
        for path in links(bmc.get_if_offered(manager, "Manager"), "VirtualMedia")
    ]
    yield "manager", list(dict.fromkeys(path for path in [*own, *theirs] if "/Managers/" in path))


def _takes_cds(path: str, body: Body) -> bool:
    """Say whether a drive takes CDs; one that lists no media types is known by its name."""
    listed = body.get("MediaTypes")
    if isinstance(listed, list) and listed:
        return any(re.sub(r"\W", "", str(kind)).upper() in OPTICAL for kind in listed)
    return path.rstrip("/").rpartition("/")[2].upper().startswith(("CD", "DVD"))


def _insert_into(bmc: Bmc, slot: Slot, url: str) -> None:
    """Insert in the ways that BMCs understand, until one reads back."""
    refusal: HardwareError | None = None
    by_action = "#VirtualMedia.InsertMedia" in part(slot.body, "Actions")
    ways = (_insert_plainly, _insert_with_all_arguments) if by_action else (_insert_plainly,)
    for way in ways:
        refusal = _tried(way, bmc, slot, url)
        if refusal is not None and refusal.reason == "BMC_REFUSED":
            continue
        accepted = bmc.comes_to(
            partial(_read, bmc, slot),
            lambda now: _accepted(now, url),
            bmc.worth_waiting_s(refusal, bmc.patience.media_s),
        )
        if accepted:
            return
    raise _not_accepted(bmc, slot, url, refusal)


def _tried(
    way: Callable[[Bmc, Slot, str], None], bmc: Bmc, slot: Slot, url: str
) -> HardwareError | None:
    """Insert in one way; gives why the BMC did not say yes, which reading back may still show.

    Raises:
        HardwareError: MEDIA_URL_UNREACHABLE, or what has nothing to do with the medium.
    """
    try:
        way(bmc, slot, url)
    except HardwareError as error:
        if error.reason not in ("BMC_REFUSED", "BMC_BUSY", "BMC_UNREACHABLE"):
            raise
        if CANT_FETCH.search(error.details.get("said", "")):
            raise HardwareError(
                f"{error.message}: the BMC could not fetch the medium from "
                f"{urlsplit(url).netloc}; check that BMCs reach the executor there (--media-url)",
                code="MEDIA_URL_UNREACHABLE",
            ) from None
        return error
    return None


def _insert_plainly(bmc: Bmc, slot: Slot, url: str) -> None:
    """Name the medium only, as Supermicro's X11 wants it; PATCH where there is no action."""
    with bmc.asked("insert a virtual medium"):
        _sushy_slot(bmc, slot).insert_media(url)


def _insert_with_all_arguments(bmc: Bmc, slot: Slot, url: str) -> None:
    """Say also what is the default, which some BMCs require."""
    target = text(part(part(slot.body, "Actions"), "#VirtualMedia.InsertMedia"), "target")
    arguments = {"Image": url, "Inserted": True, "WriteProtected": True}
    bmc.post(target, arguments, "insert a virtual medium")


def _is_empty(slot: Slot) -> bool:
    return not slot.inserted


def _accepted(slot: Slot, url: str) -> bool:
    return slot.holds(url) or (slot.inserted and not slot.image)


def _not_accepted(bmc: Bmc, slot: Slot, url: str, refusal: HardwareError | None) -> HardwareError:
    if isinstance(refusal, HardwareBusyError):
        return refusal
    host = urlsplit(url).netloc
    said = refusal.message if refusal else f"{bmc.words()} took it, but reads back as empty"
    return HardwareError(
        f"{said}: no medium from {host} is in {slot.path}; check that BMCs reach the executor "
        "there (--media-url), and look into the BMC's own log",
        code="MEDIA_NOT_ACCEPTED",
    )


def _read(bmc: Bmc, slot: Slot) -> Slot:
    return Slot(slot.path, slot.place, bmc.get(slot.path, "read a virtual drive"))


def _sushy_slot(bmc: Bmc, slot: Slot) -> VirtualMedia:
    return VirtualMedia(bmc.connector, slot.path, redfish_version=bmc.root.redfish_version)
