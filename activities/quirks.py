"""Where servers differ from the standard: rows of data, each with the recording that proves it."""

from dataclasses import dataclass

from activities.bmc import Body, Patience, text


@dataclass(frozen=True)
class Quirk:
    """What is different with servers whose manufacturer and model begin so.

    `tree` names the recorded tree that proves it, beside the test that replays it. `mixes_units`:
    MB are taken for MiB. `patience`: it needs another one than is usual.
    """

    manufacturer: str = ""
    model: str = ""
    tree: str = ""
    mixes_units: bool = False
    patience: Patience | None = None


NONE = Quirk()

QUIRKS = (
    # A module of 16 GiB (its part number says so) reads 15625 MiB, which is 16384 x 10^6 / 2^20; a
    # drive of 1920383 MB reads 1920383 x 2^20 bytes.
    Quirk("GIGABYTE", "H262-", "gigabyte-h262-megarac", mixes_units=True),
)
"""The first match counts."""


def quirk_of(system: Body) -> Quirk:
    """Find what a server is known for."""
    manufacturer, model = text(system, "Manufacturer"), text(system, "Model")
    for quirk in QUIRKS:
        if manufacturer.startswith(quirk.manufacturer) and model.startswith(quirk.model):
            return quirk
    return NONE
