"""What no request may carry, whatever the RPC: each is refused before anything looks at it."""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from mulligan.meta import names
from mulligan.values.errors import InvalidArgumentError

VERSION = version("mulligan")
SPANS_S = {
    # From 1970 to the end of 9999, after which no date can be written.
    "google.protobuf.Timestamp": (0, 253_402_300_799),
    # 1,000 years.
    "google.protobuf.Duration": (-31_536_000_000, 31_536_000_000),
}
"""The least and most seconds of times and durations."""

OBJECTS = frozenset(
    (
        "id",
        "ids",
        "object_id",
        "object_ids",
        "provider",
        "group",
        "tree",
        "parent",
        "from_provider",
        "to_provider",
    )
)
"""Fields that name objects that a request is about, or to which a list is narrowed."""

NANOS = 1_000_000_000


def decode(kind: type[Message], encoded: bytes) -> Message:
    """Read a request.

    Raises:
        InvalidArgumentError: the bytes are no such message.
    """
    try:
        return kind.FromString(encoded)
    except (DecodeError, ValueError) as error:
        raise InvalidArgumentError(
            f"this is no {kind.DESCRIPTOR.full_name} ({error}); use a client of the same version",
            code="MALFORMED_MESSAGE",
        ) from None


def refuse_malformed(request: Message) -> None:
    """Refuse what can be sent, but means nothing, and what no rule can name; wherever it is.

    Raises:
        InvalidArgumentError: there is a field number that this server does not know, a text has a
            NUL character, or a time or duration is out of range.
    """
    _refuse_unknown_field(request)
    for field, value in request.ListFields():
        for one in _each(field, value):
            _refuse_value(field, one)
            if isinstance(one, Message):
                refuse_malformed(one)


def _refuse_unknown_field(message: Message) -> None:
    unknown = UnknownFieldSet(message)
    if len(unknown):
        raise InvalidArgumentError(
            f"message {message.DESCRIPTOR.full_name} has field number "
            f"{unknown[0].field_number}, which this server ({VERSION}) does not know; use a "
            "client of the same version or leave the field out",
            code="UNKNOWN_FIELD",
            field=str(unknown[0].field_number),
        )


def ids_in(request: Message) -> Iterator[tuple[str, str]]:
    """Give every text of a request that could be an id, however deep: its field's name, and it."""
    for message in messages_in(request):
        for field, value in message.ListFields():
            for one in _each(field, value):
                if isinstance(one, str) and names.is_uuid(one):
                    yield field.name, one.lower()


def _refuse_value(field: FieldDescriptor, value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidArgumentError(
                f"{field.name} has a NUL character; leave it out", field=field.name
            )
    elif field.message_type is not None and field.message_type.full_name in SPANS_S:
        least, most = SPANS_S[field.message_type.full_name]
        one_sign = value.seconds * value.nanos >= 0 and (value.nanos >= 0 or least < 0)
        if not (least <= value.seconds <= most and abs(value.nanos) < NANOS and one_sign):
            raise InvalidArgumentError(
                f"{field.name} is out of range: {value.seconds} s and {value.nanos} ns; give "
                f"{least} to {most} s, and less than a second of ns with the same sign",
                field=field.name,
            )


def _each(field: FieldDescriptor, value: Any) -> Iterable[Any]:
    """A field's values; of a map's entries keys and values."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return (*value.keys(), *value.values())
    return value if field.is_repeated else (value,)


def messages_in(message: Message) -> Iterator[Message]:
    """Give a message and every one in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for nested in _each(field, value):
            if isinstance(nested, Message):
                yield from messages_in(nested)
