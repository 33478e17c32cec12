"""Messages that no well-meaning client would send, made from the descriptors.

The same seed makes the same ones, but for the time of day.
"""

import random
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

MOST_DEPTH = 6

WORDS = (
    "a", " ", "x" * 255, "y" * 10_000, "\0", "a\0b", "\u202egnp.exe", "\u200b", "\r\n", "\x1b[2J",
    "\uffff", "\U0001f4a5" * 300, "e\u0301", "'; DROP TABLE claims; --", "%", "_", "\\",
    "../../etc/passwd", "{{7*7}}", "${jndi:x}", "%s%n", "-1", "0", "NaN", "1e999", "true", "null",
    "{}", "[]", '"', "<script>", "VCPU", "SERVER", "host", "pack", "virtual", "raw", "uefi",
    "rack", "CUSTOM_X", "standard", "http://[::1", "http://a:99999999/", "https://user:pass@h/x",
    "file:///etc/passwd", "qemu:///session", "qemu+ssh://h/system?command=x", "test:///default",
    "10.0.0.1", "10.0.0.0/33", "::/0", "fe80::1%eth0", "* * * * *", "0 19 * * 1-5",
    "Europe/Berlin", "Mars/Olympus", "2026-01-01T00:00:00Z", "P1D", "WyJhIl0=", "bnVsbA==",
    "52:54:00:00:00:01", "sha256:0", "0" * 64,
)  # fmt: skip
INTEGERS = (0, 1, 2, 3, -1, 7, 64, 255, 1 << 20, (1 << 31) - 1, -(1 << 31))
LONG = (*INTEGERS, (1 << 53) + 1, (1 << 62), (1 << 63) - 1, -(1 << 63))
UNSIGNED = (0, 1, (1 << 32) - 1)
REALS = (0.0, -0.0, 1.0, -1.5, 1e308, float("inf"), float("-inf"), float("nan"))
SECONDS = (
    0, 1, -1, 60, 3600, 86_400, 1_800_000_000, 4_000_000_000, 253_402_300_798, 253_402_300_799,
    253_402_300_800, -62_135_596_800, -62_135_596_801, 315_576_000_000, -315_576_000_001,
    (1 << 63) - 1, -(1 << 63),
)  # fmt: skip
NANOS = (0, 0, 0, 1, 999_999_999, 1_000_000_000, -1, (1 << 31) - 1)
TAME = {
    "token": "",
    "resource_type": "VCPU",
    "resource_types": "VCPU",
    "kind": "virtual",
    "type": "rack",
    "code": "near",
    "uri": "test:///default",
    "address": "https://10.0.0.9",
    "url": "http://images/one.raw",
    "sha256": "0" * 64,
    "disk_format": "raw",
    "mode": "auto",
    "prefix": "10.9.0.0/24",
    "time_zone": "Europe/Berlin",
    "cron": "0 19 * * 1-5",
}
"""What a text field has that means no harm; any other has one of the ids, or a new name."""

_MASK = "google.protobuf.FieldMask"
_NO_CHANGE = {"request_id", "update_mask", "id", "project", "region", "generation"}
"""Fields of a request that say what is changed, not how."""

_TIMES = ("google.protobuf.Timestamp", "google.protobuf.Duration")


class Hostile:
    """Makes messages of any type.

    Args:
        seed: the same seed makes the same messages.
        known: ids of objects that exist, so that some messages get past "there is none".
    """

    def __init__(self, seed: int, known: Sequence[str]) -> None:
        self.dice = random.Random(seed)
        self._known = known
        self._hostility = 1.0
        self._paths: list[str] = []

    def encoded(self, descriptor: Descriptor, **fields: str) -> bytes:
        """A message of a type with some fields given, as bytes; some of those are broken.

        Of some messages a few values only are hostile: others would be refused for the first one.
        """
        self._hostility = self.dice.choice((0.0, 0.02, 0.1, 0.5))
        self._paths = _paths(descriptor)
        message = self._message(descriptor, 0)
        for name, value in fields.items():
            if name in descriptor.fields_by_name and self.dice.random() < 0.9:
                setattr(message, name, value)
        text = bytearray(message.SerializePartialToString())
        if self._hostility < 0.5:
            return bytes(text)
        if text and self.dice.random() < 0.1:
            for _ in range(self.dice.randint(1, 4)):
                text[self.dice.randrange(len(text))] = self.dice.randrange(256)
        elif self.dice.random() < 0.05:
            del text[self.dice.randrange(len(text) + 1) :]
        return bytes(text)

    def _message(self, descriptor: Descriptor, depth: int) -> Any:
        message: Any = GetMessageClass(descriptor)()
        if descriptor.full_name in _TIMES:
            if self._is_tame():
                soon = int(time.time()) if "Timestamp" in descriptor.full_name else 0
                message.seconds = soon + self.dice.randrange(100_000)
            else:
                message.seconds, message.nanos = self.dice.choice(SECONDS), self.dice.choice(NANOS)
            return message
        if descriptor.full_name == _MASK and self._is_tame():
            many = self.dice.choice((1, 1, 2))
            message.paths.extend(self.dice.choices(self._paths, k=many))
            return message
        given = self.dice.choice((0.3, 0.6, 0.9))
        for field in descriptor.fields:
            if self.dice.random() < given and depth < MOST_DEPTH:
                self._fill(message, field, depth)
        return message

    def _fill(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            self._fill_map(getattr(message, field.name), field.message_type, depth)
        elif field.is_repeated:
            many = self.dice.choice((0, 1, 1, 2, 3, 12))
            values = [self._value(field, depth) for _ in range(many)]
            getattr(message, field.name).extend(values * self.dice.choice((1, 1, 1, 2)))
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(self._value(field, depth))
        else:
            setattr(message, field.name, self._value(field, depth))

    def _fill_map(self, filled: Any, entry: Descriptor, depth: int) -> None:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        for _ in range(self.dice.choice((0, 1, 3))):
            made = self._value(key, depth)
            if value.message_type is not None:
                filled[made].CopyFrom(self._value(value, depth))
            else:
                filled[made] = self._value(value, depth)

    def _value(self, field: FieldDescriptor, depth: int) -> Any:
        dice, kind = self.dice, field.type
        if kind == FieldDescriptor.TYPE_MESSAGE:
            assert field.message_type is not None
            return self._message(field.message_type, depth + 1)
        if self._is_tame():
            return self._tame(field)
        if kind == FieldDescriptor.TYPE_ENUM:
            assert field.enum_type is not None
            return dice.choice([*field.enum_type.values_by_number, 99, -1])
        if kind == FieldDescriptor.TYPE_STRING:
            return self._text()
        if kind == FieldDescriptor.TYPE_BYTES:
            return dice.randbytes(dice.choice((0, 1, 64, 4096)))
        if kind == FieldDescriptor.TYPE_BOOL:
            return dice.random() < 0.5
        if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return dice.choice(REALS)
        if kind == FieldDescriptor.TYPE_INT64:
            return dice.choice(LONG)
        return dice.choice(INTEGERS if kind == FieldDescriptor.TYPE_INT32 else UNSIGNED)

    def _is_tame(self) -> bool:
        return self.dice.random() >= self._hostility

    def _tame(self, field: FieldDescriptor) -> Any:
        if field.enum_type is not None:
            return self.dice.choice(list(field.enum_type.values_by_number))
        if field.type == FieldDescriptor.TYPE_STRING:
            if field.name in TAME:
                return TAME[field.name]
            named = field.name == "name" or self.dice.random() < 0.1
            return f"n{self.dice.getrandbits(64)}" if named else self.dice.choice(self._known)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return b"tame"
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self.dice.random() < 0.5
        return self.dice.choice((0, 1, 2, 4))

    def _text(self) -> str:
        many = self.dice.random()
        if many < 0.45:
            return self.dice.choice(self._known)
        if many < 0.5:
            return str(UUID(int=self.dice.getrandbits(128)))
        return self.dice.choice(WORDS)


def _paths(request: Descriptor) -> list[str]:
    """What an update mask of a request may name."""
    spec = request.fields_by_name.get("spec")
    fields = spec.message_type.fields if spec and spec.message_type else []
    within = [f"spec.{field.name}" for field in fields]
    return within + [name for name in request.fields_by_name if name not in _NO_CHANGE]
