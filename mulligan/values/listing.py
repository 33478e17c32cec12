"""How a list of objects is narrowed and ordered, and where one of its pages begins."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

S = TypeVar("S")
T = TypeVar("T")

PAGE_SIZE = 100
"""Objects in a page of a list that was not told how many."""


class OrderBy(StrEnum):
    """What orders a list; where it is the same, the id does."""

    ID = "id"
    NAME = "name"
    CREATED_AT = "created_at"


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; what is empty or None narrows nothing.

    Attributes:
        name_prefix: only names that begin with this.
        created_since: only what was made then or later.
        created_until: only what was made before.
        states: only what is in one of these states.
    """

    name_prefix: str = ""
    created_since: datetime | None = None
    created_until: datetime | None = None
    states: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """What is asked of a list of objects.

    Attributes:
        order_by: what orders it.
        descending: from the greatest to the least.
        filter: what it is narrowed to.
        after: where the page before ended: by id (id,), else (name or time, id); () for the first.
        limit: at most this many.
    """

    order_by: OrderBy = OrderBy.ID
    descending: bool = False
    filter: Filter = field(default_factory=Filter)
    after: tuple[Any, ...] = ()
    limit: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of a list.

    Attributes:
        items: what is in it.
        places: where each of them stands, as the `after` of what follows it; the last one is where
            the page ended.
        more: whether anything follows the page.
    """

    items: list[T]
    places: list[tuple[Any, ...]]
    more: bool

    @property
    def end(self) -> tuple[Any, ...]:
        """Where the page ended, if anything follows it; else ()."""
        return self.places[-1] if self.more else ()

    def of(self, items: list[S]) -> "Listed[S]":
        """The same page, with its items told in another way."""
        return Listed(items, self.places, self.more)
