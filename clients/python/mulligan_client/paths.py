"""The values that a path of field names leads to in a message."""

from collections.abc import Iterator, Sequence
from typing import Any


def holders(message: Any, path: Sequence[str]) -> Iterator[Any]:
    """Give the messages within a message that have the last field of a path.

    What is not there leads nowhere; of a repeated field, each element does.
    """
    name, *rest = path
    if not rest:
        yield message
    elif message.DESCRIPTOR.fields_by_name[name].is_repeated:
        for one in getattr(message, name):
            yield from holders(one, rest)
    elif message.HasField(name):
        yield from holders(getattr(message, name), rest)


def texts(message: Any, path: Sequence[str]) -> Iterator[str]:
    """Give the texts that a path leads to, those that are not empty."""
    name = path[-1]
    for holder in holders(message, path):
        value = getattr(holder, name)
        yield from filter(None, [value] if isinstance(value, str) else value)


def replace_texts(message: Any, path: Sequence[str], by: dict[str, str]) -> None:
    """Put other texts into the place of those that a path leads to."""
    name = path[-1]
    for holder in holders(message, path):
        value = getattr(holder, name)
        if isinstance(value, str):
            setattr(holder, name, by.get(value, value))
        else:
            value[:] = [by.get(one, one) for one in value]
