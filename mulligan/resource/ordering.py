"""The order of many by several keys, of which the first few are wanted most of the time."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST = 256
"""So many are put in order at first: rarely does anybody look further."""


def in_order(keys: Sequence[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """The places of an order by the first key, then by the second, ..., in two parts.

    Args:
        keys: of the same length, the first one counts most; together they order without ties.
    """
    first = _first(keys, FIRST)
    yield first[_order([key[first] for key in keys])]
    if len(first) < len(keys[0]):
        yield _order(keys)[len(first) :]


def _order(keys: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.lexsort(list(reversed(keys)))


def _first(keys: Sequence[NDArray[Any]], count: int) -> NDArray[Any]:
    """The first `count` in order, in any order: key by key those below the count's value."""
    ties = np.arange(len(keys[0]))
    found: list[NDArray[Any]] = []
    for key in keys:
        if len(ties) <= count:
            break
        values = key[ties]
        last = np.partition(values, count - 1)[count - 1]
        below = ties[values < last]
        found.append(below)
        count -= len(below)
        ties = ties[values == last]
    return np.concatenate([*found, ties[:count]])
