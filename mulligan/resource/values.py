"""What is asked of inventory and what the answers are made of; each valid from construction."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Generic, TypeVar
from uuid import UUID

from mulligan.values.amount import GREATEST_AMOUNT, check_resource_type
from mulligan.values.errors import InvalidArgumentError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

GREATEST_RATIO = 1000.0
"""Allocation ratios beyond it are mistakes."""

PAGE_SIZE = 100
GREATEST_PAGE_SIZE = 1000

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_PROVIDER_TYPE = re.compile(r"[a-z][a-z0-9_-]{0,15}")


class Placement(StrEnum):
    """The order of preference among providers that fit."""

    PACK = "pack"
    SPREAD = "spread"
    NEAREST = "nearest"


def check_id(value: str, *, field: str) -> str:
    """Bring a UUID into its usual form.

    Raises:
        InvalidArgumentError: it is no UUID.
    """
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidArgumentError(
            f"{value!r} is not a UUID; give the object's id", field=field
        ) from error


def check_name(value: str, *, field: str) -> str:
    """Refuse what can't be the name of a capability or a property.

    Raises:
        InvalidArgumentError: it is not made of letters, digits and ``_.:-``.
    """
    if not _NAME.fullmatch(value):
        raise InvalidArgumentError(
            f"{value!r} can't be a name here; start with a letter and go on with letters, digits "
            "and _ . : - (64 at most)",
            field=field,
        )
    return value


def check_provider_type(name: str, *, field: str) -> str:
    """Refuse what can't be the name of a provider type.

    Raises:
        InvalidArgumentError: it is not made of lower-case letters, digits, ``_`` and ``-``.
    """
    if not _PROVIDER_TYPE.fullmatch(name):
        raise InvalidArgumentError(
            f"{name!r} is not a provider type; give one such as server, rack or gpu (lower-case "
            "letters, digits, _ and -, 16 at most)",
            field=field,
        )
    return name


def choose(kind: type[E], value: str, field: str) -> E:
    """Find the member of an enumeration by its word.

    Raises:
        InvalidArgumentError: there is no such word.
    """
    try:
        return kind(value)
    except ValueError as error:
        raise InvalidArgumentError(
            f"there is no {field} {value!r}; there are {', '.join(kind)}", field=field
        ) from error


@dataclass(frozen=True, slots=True)
class Inventory:
    """How much of a resource type a provider has, and in which portions it is handed out.

    Args:
        resource_type: such as VCPU.
        total: what is there.
        reserved: never handed out.
        min_unit: the smallest amount of one allocation.
        max_unit: the greatest amount of one allocation; by default only the capacity limits it.
        step_size: an allocation is a multiple of it.
        allocation_ratio: how often each unit is handed out.

    Raises:
        InvalidArgumentError: a number is out of its range; the field says which.
    """

    resource_type: str
    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = GREATEST_AMOUNT
    step_size: int = 1
    allocation_ratio: float = 1.0

    def __post_init__(self) -> None:
        check_resource_type(self.resource_type, field="inventories.resource_type")
        self._check_range("total", self.total, 0, GREATEST_AMOUNT)
        self._check_range("reserved", self.reserved, 0, self.total)
        self._check_range("min_unit", self.min_unit, 1, GREATEST_AMOUNT)
        self._check_range("max_unit", self.max_unit, self.min_unit, GREATEST_AMOUNT)
        self._check_range("step_size", self.step_size, 1, GREATEST_AMOUNT)
        if not (isfinite(self.allocation_ratio) and 0 < self.allocation_ratio <= GREATEST_RATIO):
            self._refuse(
                "allocation_ratio", self.allocation_ratio, f"more than 0, up to {GREATEST_RATIO:g}"
            )
        self._check_range("allocation_ratio", self.capacity, 0, GREATEST_AMOUNT)

    def _check_range(self, name: str, value: int, least: int, greatest: int) -> None:
        if not least <= value <= greatest:
            self._refuse(name, value, f"{least} to {greatest}")

    def _refuse(self, name: str, value: float, allowed: str) -> None:
        raise InvalidArgumentError(
            f"{name} {value} of {self.resource_type} is out of range; give {allowed}",
            field=f"inventories.{name}",
        )

    @property
    def capacity(self) -> int:
        """(total - reserved) * allocation_ratio, rounded down; exact for decimal ratios."""
        return int((self.total - self.reserved) * Decimal(str(self.allocation_ratio)))

    def hands_out(self, amount: int) -> bool:
        """Say whether one allocation may be of that amount, if there is as much."""
        return self.min_unit <= amount <= self.max_unit and amount % self.step_size == 0


@dataclass(frozen=True, slots=True)
class Allocation:
    """One amount of one resource type from one provider."""

    provider: str
    resource_type: str
    amount: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, and the token with which it goes on; empty at the end."""

    items: list[T]
    next_token: str = ""

    @classmethod
    def cut(cls, found: Sequence[T], size: int, id_of: Callable[[T], str]) -> "Page[T]":
        """Cut a page of `size` from rows of which one more was read, if there was one."""
        if len(found) <= size:
            return cls(list(found))
        return cls(list(found[:size]), id_of(found[size - 1]))


def page_size(size: int) -> int:
    """Bring a wanted page size into its limits: 0 means 100, never more than 1000.

    Raises:
        InvalidArgumentError: it is negative.
    """
    if size < 0:
        raise InvalidArgumentError("a page size can't be negative; give 0 to 1000", field="page")
    return min(size or PAGE_SIZE, GREATEST_PAGE_SIZE)
