"""JSON values and JSON Schemas (2020-12) that callers write, in bounds that end every check soon.

A schema is within one document and refers to no part of itself from within that part; with all its
references replaced by what they mean it has 1,000 parts and 64 KiB at most. Regular expressions
are those of Rust's `regex`, which take linear time: no look-around, no back-references. `format`
says something to people only, as the specification has it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mulligan.values.errors import InvalidArgumentError

if TYPE_CHECKING:  # 8 MiB and 70 ms, in the processes that check a value only
    from jsonschema_rs import Draft202012Validator

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 16 << 10
MAX_DEPTH = 16
MAX_PARTS = 1000
MAX_EXPANDED_BYTES = 64 << 10
MAX_PATTERN = 256
MAX_PATTERNS = 32
PATTERN_PROGRAM_BYTES = 100_000
"""What a regular expression may be compiled to."""

REFUSED = {
    "$id": "has no names of its own",
    "$dynamicRef": "refers with $ref only",
    "$dynamicAnchor": "refers with $ref only",
    "$anchor": "refers by pointers, such as #/$defs/rack, only",
    "$vocabulary": "is in the words of 2020-12",
    "unevaluatedProperties": "says additionalProperties instead, which is checked sooner",
    "unevaluatedItems": "says items: false instead, which is checked sooner",
}
"""What a schema must not have, and what it does instead."""


@dataclass(frozen=True, slots=True)
class _Size:
    """What a part of a schema comes to with all its references replaced."""

    parts: int = 0
    length: int = 0
    patterns: int = 0

    def __add__(self, other: "_Size") -> "_Size":
        return _Size(
            self.parts + other.parts,
            self.length + other.length,
            self.patterns + other.patterns,
        )

    @property
    def is_too_large(self) -> bool:
        return (
            self.parts > MAX_PARTS
            or self.length > MAX_EXPANDED_BYTES
            or self.patterns > MAX_PATTERNS
        )


def normal_json(text: str, field: str) -> str:
    """Give a JSON text in the one form in which equal values are equal texts.

    Raises:
        InvalidArgumentError: it is no JSON, or too long or deep.
    """
    return _written(_parsed(text, field))


def check_schema(text: str, field: str = "schema") -> str:
    """Give a schema in its normal form.

    Raises:
        InvalidArgumentError: it is none, or out of bounds.
    """
    schema = _parsed(text, field)
    if not isinstance(schema, dict | bool):
        raise _refusal("a schema is an object, true or false", field)
    for part in _objects_in(schema):
        _check_part(part, field)
    if isinstance(schema, dict) and schema.get("$schema", DIALECT) != DIALECT:
        raise _refusal(f"$schema is {DIALECT} or left out", field)
    _Expansion(schema, field).size_of(schema, ())
    normal = _written(schema)
    _compiled(normal, field)
    return normal


def misfit(schema: str, value: str) -> str:
    """Say why a value does not fit a schema, both in their normal forms; empty: it does."""
    from jsonschema_rs import ValidationError

    try:
        _compiled(schema, "schema").validate(json.loads(value))
    except ValidationError as error:
        where = "/".join(str(step) for step in error.instance_path)
        return f"{f'at {where}: ' if where else ''}{_short(error.message)}"
    return ""


def _parsed(text: str, field: str) -> Any:
    if len(text.encode()) > MAX_BYTES:
        raise _refusal(f"it has more than {MAX_BYTES} bytes", field)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        _written(value).encode()
    except (ValueError, RecursionError):
        raise _refusal("it is no JSON that can be kept", field) from None
    if _depth(value) > MAX_DEPTH:
        raise _refusal(f"it is deeper than {MAX_DEPTH} levels", field)
    return _normal(value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level := [one for each in level for one in _inside(each)]:
        depth += 1
    return depth


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _normal(value: Any) -> Any:
    """Have 1.0 be 1, as JSON Schema has it, and refuse what can't be stored or shown."""
    if isinstance(value, dict):
        return {key: _normal(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_normal(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _written(value: Any) -> str:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def _objects_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for one in _inside(value):
        yield from _objects_in(one)


def _check_part(part: dict[str, Any], field: str) -> None:
    for word, instead in REFUSED.items():
        if word in part:
            raise _refusal(f"it has {word}; a schema here {instead}", field)
    target = part.get("$ref", "#")
    if not isinstance(target, str) or not target.startswith("#"):
        raise _refusal("a $ref leads to a part of the same schema, such as #/$defs/rack", field)
    for pattern in _patterns_of(part):
        if len(pattern) > MAX_PATTERN:
            raise _refusal(f"a regular expression has {MAX_PATTERN} characters at most", field)


def _patterns_of(part: dict[str, Any]) -> list[str]:
    pattern, keyed = part.get("pattern"), part.get("patternProperties")
    found = [pattern] if isinstance(pattern, str) else []
    return [*found, *(keyed if isinstance(keyed, dict) else ())]


class _Expansion:
    """Measures a schema with all its references replaced by what they mean."""

    def __init__(self, schema: Any, field: str) -> None:
        self._schema = schema
        self._field = field
        self._known: dict[str, _Size] = {}

    def size_of(self, value: Any, inside: tuple[str, ...]) -> _Size:
        """Measure a part; `inside` are the references that lead to it.

        Raises:
            InvalidArgumentError: it is too large, refers to itself, or to nothing.
        """
        size = _Size(parts=1)
        if isinstance(value, dict):
            size += _Size(0, sum(map(len, value)), len(_patterns_of(value)))
            if isinstance(target := value.get("$ref"), str):
                size += self._size_behind(target, inside)
        elif isinstance(value, str):
            size += _Size(length=len(value))
        for one in _inside(value):
            size += self.size_of(one, inside)
            if size.is_too_large:
                raise _refusal(
                    f"with its references replaced it has more than {MAX_PARTS} parts, "
                    f"{MAX_EXPANDED_BYTES} bytes or {MAX_PATTERNS} regular expressions",
                    self._field,
                )
        return size

    def _size_behind(self, target: str, inside: tuple[str, ...]) -> _Size:
        if target in inside or target == "#":
            raise _refusal(f"the part {_short(target)} refers to itself", self._field)
        if len(inside) == MAX_DEPTH:
            raise _refusal(f"its references lead more than {MAX_DEPTH} deep", self._field)
        if target not in self._known:
            found = self._find(target)
            self._known[target] = self.size_of(found, (*inside, target))
        return self._known[target]

    def _find(self, target: str) -> Any:
        found = self._schema
        for step in unquote(target).removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif (
                isinstance(found, list)
                and key.isdecimal()
                and len(key) < 6
                and int(key) < len(found)
            ):
                found = found[int(key)]
            else:
                raise _refusal(f"$ref {_short(target)} leads nowhere", self._field)
        return found


@lru_cache(maxsize=64)
def _compiled(schema: str, field: str) -> "Draft202012Validator":
    from jsonschema_rs import Draft202012Validator, ReferencingError, RegexOptions, ValidationError

    options = RegexOptions(size_limit=PATTERN_PROGRAM_BYTES, dfa_size_limit=PATTERN_PROGRAM_BYTES)
    try:
        return Draft202012Validator(
            json.loads(schema), pattern_options=options, validate_formats=False, offline=True
        )
    except (ValidationError, ReferencingError, ValueError) as error:
        said = _short(str(getattr(error, "message", error)))
        raise _refusal(f"it is no JSON Schema (2020-12): {said}", field) from None


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"


def _refusal(words: str, field: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{field} can't be used: {words}", field=field)
