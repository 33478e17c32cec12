"""Objects by their ids, which several sites have, as one answer."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

Answer = TypeVar("Answer", bound=Message)


def part_of(request: Any, ids: Sequence[str]) -> Any:
    """Ask the same for some of the ids."""
    part = type(request)()
    part.CopyFrom(request)
    part.ids[:] = ids
    return part


def put_together(request: Any, parts: Sequence[Any], answer: type[Answer]) -> Answer:
    """Make one answer of the sites' ones, in the order of the ids that were asked for."""
    merged = answer()
    [name] = [one.name for one in merged.DESCRIPTOR.fields]
    rows = [row for part in parts for row in getattr(part, name)]
    found: Mapping[str, Any] = {row.metadata.id: row for row in rows}
    getattr(merged, name).extend(found[one.lower()] for one in request.ids if one.lower() in found)
    return merged
