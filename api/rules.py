"""The validation rules that stand in the protos, checked, and what they refuse in our words."""

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any

from google.protobuf.message import Message
from protovalidate import Violation, collect_violations

from api.wellformed import VERSION
from mulligan.values.errors import InvalidArgumentError

MOST_TOLD = 20
"""Of what is broken, so much is told; the rest shows when that is mended."""

_LONGEST_SHOWN = 80
"""Characters of a value or key that was sent."""

_WORDS = {
    "request_id": "{path} is needed and may have 64 characters at most; give a UUID, and the same "
    "one when you try again",
    "string.uuid": "{path} {shown} is not an id; give the object's UUID",
    "string.pattern": "{path} {shown} is not an id; give the object's UUID",
    "string.uuid_empty": "say which {noun}: {path} is empty",
    "string.min_len": "{path} is empty; say it",
    "string.max_len": "{path} has {size} characters; give {limit} at most",
    "required": "{path} is missing; say it",
    "repeated.min_items": "{path} has {size} entries; give at least {limit}",
    "repeated.max_items": "{path} has {size} entries; give {limit} at most",
    "enum.defined_only": "{path} {shown} is not one of {enum}; this server "
    f"({VERSION}) knows {{known}}",
}
"""By the rule's id. Only ids are shown as they were sent: what is too long may be a secret."""

_OUT_OF_RANGE = "{path} {shown} can't be used; it {must}"
"""Of numbers, for which protovalidate says their range as "must be …"."""


def refuse_broken_rules(request: Message) -> None:
    """Refuse a request that breaks a rule of its .proto, and tell each field that does.

    Raises:
        InvalidArgumentError: it breaks one.
    """
    broken = collect_violations(request)
    if broken:
        (field, words), *others = [_told(request, one) for one in broken[:MOST_TOLD]]
        raise InvalidArgumentError(words, field=field, others=others)


def _told(request: Message, broken: Violation) -> tuple[str, str]:
    """A field's path, and what is wrong with it."""
    steps: Any = broken.proto.field
    path, value, rule = _path(steps.elements), broken.field_value, broken.proto.rule_id or ""
    name = path.rpartition(".")[2]
    said = _WORDS.get("request_id" if path == "request_id" else rule, _OUT_OF_RANGE)
    words = said.format(
        path=path,
        noun="object" if name in ("id", "object_id") else name,
        shown=repr(value[:_LONGEST_SHOWN]) if isinstance(value, str) else value,
        size=len(value) if isinstance(value, Sized) else 0,
        limit=broken.rule_value,
        must=_shorter(broken.proto.message or ""),
        **(_enum(request, steps.elements) if rule == "enum.defined_only" else {}),
    )
    return path, words


def _shorter(must: str) -> str:
    return must.replace("greater than or equal to", "at least").replace(
        "less than or equal to", "at most"
    )


def _path(elements: Iterable[Any]) -> str:
    """Such as spec.groups[0].name, or properties["cpus"]."""
    steps = []
    for element in elements:
        subscript = element.subscript and element.subscript.value
        if isinstance(subscript, str):
            subscript = f'"{subscript[:_LONGEST_SHOWN]}"'
        steps.append(element.field_name + ("" if subscript is None else f"[{subscript}]"))
    return ".".join(steps)


def _enum(request: Message, elements: Sequence[Any]) -> Mapping[str, str]:
    """The name and values of the enum that a path leads to."""
    descriptor: Any = request.DESCRIPTOR
    for element in elements[:-1]:
        descriptor = descriptor.fields_by_name[element.field_name].message_type
    enum = descriptor.fields_by_name[elements[-1].field_name].enum_type
    return {"enum": enum.name, "known": ", ".join(enum.values_by_name)}
