"""An amount of a resource type: what is counted, and how much of it."""

import re
from dataclasses import dataclass

from mulligan.values.errors import InvalidArgumentError

GREATEST_AMOUNT = 2**53 - 1
"""Sums of many such amounts stay within 64 bits, and JSON readers keep them exact."""

_RESOURCE_TYPE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def check_resource_type(name: str, *, field: str = "resource_type") -> None:
    """Refuse what can't be the name of a resource type.

    Raises:
        InvalidArgumentError: it is not upper-case letters, digits and underscores.
    """
    if not _RESOURCE_TYPE.fullmatch(name):
        raise InvalidArgumentError(
            f"{name!r} is not a resource type; give one such as VCPU, MEMORY_MIB or DISK_GIB",
            field=field,
        )


@dataclass(frozen=True, slots=True)
class Amount:
    """So many units of a resource type; the unit is in the type's name.

    Raises:
        InvalidArgumentError: no such name, or the amount is below 1 or beyond `GREATEST_AMOUNT`.
    """

    resource_type: str
    amount: int

    def __post_init__(self) -> None:
        check_resource_type(self.resource_type, field="amounts.resource_type")
        if not 1 <= self.amount <= GREATEST_AMOUNT:
            raise InvalidArgumentError(
                f"an amount of {self.amount} {self.resource_type} can't be claimed; "
                f"give a number from 1 to {GREATEST_AMOUNT}",
                field="amounts.amount",
            )
