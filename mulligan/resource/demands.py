"""What a request demands of where its amounts come from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mulligan.resource.values import check_id, check_name
from mulligan.values.amount import GREATEST_AMOUNT
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.regions import DomainKind

T = TypeVar("T")

MOST_DEMANDS = 64
"""Of one kind on one group."""


@dataclass(frozen=True)
class Demand(Generic[T]):
    """What must hold all, what must not hold, and of what at least one each."""

    require: tuple[T, ...] = ()
    forbid: tuple[T, ...] = ()
    any: tuple[tuple[T, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.require or self.forbid or self.any)

    def checked(self, field: str, check: Callable[[T], T]) -> "Demand[T]":
        """Bring everything that it names into its usual form and order, each once.

        Raises:
            InvalidArgumentError: it names too much, something both ways, or an empty alternative.
        """

        def usual(named: tuple[T, ...]) -> tuple[T, ...]:
            return tuple(sorted({check(one) for one in named}, key=str))

        same = Demand(
            usual(self.require), usual(self.forbid), tuple(usual(each) for each in self.any)
        )
        both = set(same.require) & set(same.forbid)
        if both:
            one = min(both, key=str)
            raise InvalidArgumentError(
                f"{one} is both required and forbidden; decide on one", field=field
            )
        if not all(same.any):
            raise InvalidArgumentError(
                "an alternative of nothing can't be met; give at least one", field=field
            )
        if len(same.require) + len(same.forbid) + sum(map(len, same.any)) > MOST_DEMANDS:
            raise InvalidArgumentError(
                f"a group demands too many {field}; give {MOST_DEMANDS} at most", field=field
            )
        return same


@dataclass(frozen=True, slots=True)
class PropertyRange:
    """A property between two values, both included; a provider without it is in no range.

    Raises:
        InvalidArgumentError: no such name, or nothing lies between the values.
    """

    name: str
    at_least: int = 0
    at_most: int = GREATEST_AMOUNT

    def __post_init__(self) -> None:
        check_name(self.name, field="properties")
        if not 0 <= self.at_least <= self.at_most <= GREATEST_AMOUNT:
            raise InvalidArgumentError(
                f"property {self.name} can't be between {self.at_least} and {self.at_most}; give "
                f"values from 0 to {GREATEST_AMOUNT}, the smaller first",
                field="properties",
            )

    def __str__(self) -> str:
        if self.at_most == GREATEST_AMOUNT:
            return f"{self.name} of at least {self.at_least}"
        if self.at_least == 0:
            return f"{self.name} of at most {self.at_most}"
        return f"{self.name} from {self.at_least} to {self.at_most}"


@dataclass(frozen=True, slots=True)
class DistanceLimit:
    """How far from something the providers may be at most, or must be at least.

    Args:
        type: the distance type.
        code: one of its codes.
        at_least: it is a least distance; else a greatest.
        origin: UUID of the provider or group from which it is measured.
        group: the name of the request group from which it is measured, instead.

    Raises:
        InvalidArgumentError: not exactly one of both is given, or no name can be so.
    """

    type: str
    code: str
    at_least: bool = False
    origin: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        for name in ("type", "code"):
            check_name(getattr(self, name), field=f"distances.{name}")
        if bool(self.origin) == bool(self.group):
            raise InvalidArgumentError(
                "a distance is measured from one thing; give the id of a provider or group, or "
                "the name of another group of the request",
                field="distances.origin",
            )
        if self.origin:
            object.__setattr__(self, "origin", check_id(self.origin, field="distances.origin"))

    def __str__(self) -> str:
        limit = "at least" if self.at_least else "at most"
        origin = self.origin or f"group {self.group!r}"
        return f"{limit} {self.type} {self.code} from {origin}"


@dataclass(frozen=True, slots=True)
class DomainLimit:
    """Whether the providers share a failure domain with something, or share none.

    Where it is not said of one of both which domains of the kind it has, neither holds.

    Args:
        kind: the kind of domain.
        origin: UUID of a machine, claim, provider or region.
        same: they share one; else none.

    Raises:
        InvalidArgumentError: the origin is no UUID.
    """

    kind: DomainKind
    origin: str
    same: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin", check_id(self.origin, field="domains.origin"))

    def words(self, noun: str, codes: Iterable[str] = ()) -> str:
        """Say it, with the codes of the origin's domains where they may be told."""
        told = " ".join(["", *sorted(codes)])
        return f"{'' if self.same else 'not '}in {self.kind} domain{told} of {noun} {self.origin}"


@dataclass(frozen=True, slots=True)
class Near:
    """From where nearness is measured, and by which distance type.

    Raises:
        InvalidArgumentError: no name or UUID can be so.
    """

    type: str
    origin: str

    def __post_init__(self) -> None:
        check_name(self.type, field="near.type")
        object.__setattr__(self, "origin", check_id(self.origin, field="near.origin"))
