"""Objects by their ids, which several sites have, as one answer."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

from mulligan_client.leads import asked_for

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


def each_once(request: Any, answer: Answer) -> Answer:
    """Leave out what another site told already, such as a project; in the order that was asked."""
    [kind] = [one.name for one in answer.DESCRIPTOR.fields]
    asked = asked_for(request)
    places = {one: at for at, one in reversed(list(enumerate(asked)))}

    def place(row: Any) -> int:
        names = (getattr(row, name, "").lower() for name in ("asked", "object_id", "id"))
        return min(places.get(one, len(asked)) for one in names)

    def key(row: Any) -> tuple[str, ...]:
        # Names differ by case, ids don't.
        ids = (getattr(row, name, "").lower() for name in ("id", "object_id"))
        return getattr(row, "asked", ""), getattr(row, "attribute", ""), *ids

    rows = {key(row): row for row in getattr(answer, kind)}
    made = type(answer)()
    getattr(made, kind).extend(sorted(rows.values(), key=place))
    return made
