"""The validation rules that stand in the protos, checked, and what they refuse in our words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import Violation, collect_violations

from api.wellformed import VERSION
from mulligan.meta.names import is_uuid
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
    "repeated.unique": "{path} has the same entry twice; give each once",
    "enum.defined_only": "{path} {shown} is not one of {enum}; this server "
    f"({VERSION}) knows {{known}}",
}
"""By the rule's id. Only ids are shown as they were sent: what is too long may be a secret."""

_OF_IDS = ("string.uuid", "string.pattern")
"""The rules that only ids have: a pattern where an id may be empty and absent, too."""

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


def ids_named(message: Message) -> Iterator[tuple[str, str]]:
    """Give what a message names by an id, however deep: the field's name, and the id.

    An id is what the rules say has to be a UUID.
    """
    ids, around = fields_of_ids(message.DESCRIPTOR)
    for field in ids:
        given = getattr(message, field.name)
        for one in given if field.is_repeated else (given,):
            if is_uuid(one):
                yield field.name, one.lower()
    for field in around:
        if field.is_repeated:
            for each in getattr(message, field.name):
                yield from ids_named(each)
        elif message.HasField(field.name):
            yield from ids_named(getattr(message, field.name))


def lower_ids(message: Message) -> None:
    """Write the ids in a message in lower case, as all that they are compared with is written."""
    ids, around = fields_of_ids(message.DESCRIPTOR)
    for field in ids:
        given = getattr(message, field.name)
        if not field.is_repeated:
            if given != given.lower() and is_uuid(given):
                setattr(message, field.name, given.lower())
            continue
        for number, one in enumerate(given):
            if one != one.lower() and is_uuid(one):
                given[number] = one.lower()
    for field in around:
        if field.is_repeated:
            for each in getattr(message, field.name):
                lower_ids(each)
        elif message.HasField(field.name):
            lower_ids(getattr(message, field.name))


@cache
def fields_of_ids(kind: Descriptor) -> tuple[Sequence[FieldDescriptor], Sequence[FieldDescriptor]]:
    """A message's fields that are ids, and those that hold messages with ids."""
    texts = [field for field in kind.fields if field.type == FieldDescriptor.TYPE_STRING]
    around = [field for field in kind.fields if _holds_ids(field)]
    return [field for field in texts if _is_id(kind, field)], around


def _is_id(kind: Descriptor, field: FieldDescriptor) -> bool:
    """Say whether a rule wants UUIDs; that is tried, because descriptors leave the rules out."""
    wrong: Any = ["x"] if field.is_repeated else "x"
    broken = collect_violations(GetMessageClass(kind)(**{field.name: wrong}))
    return any(
        one.proto.rule_id in _OF_IDS
        and one.proto.field is not None
        and one.proto.field.elements[0].field_name == field.name
        for one in broken
    )


def _holds_ids(field: FieldDescriptor) -> bool:
    """Say whether a field holds messages with ids; those of maps have none."""
    kind = field.message_type
    return kind is not None and not kind.GetOptions().map_entry and any(fields_of_ids(kind))


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
