"""JSON values and JSON Schemas that callers write, in bounds that end every check soon.

A schema is written in a part of JSON Schema 2020-12: WORDS, and what is not among them is refused
by name. It refers only to what stands in its own $defs, and to nothing in a ring. Its size counts
in parts, with its references replaced by what they mean; parts times the bytes of a value are the
work of a check, which is bounded, too. Regular expressions are those of Rust's `regex`, which take
linear time: no look-around, no back-references. `format` says something to people only, as the
specification has it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mulligan.values.errors import InvalidArgumentError

if TYPE_CHECKING:  # 8 MiB and 70 ms, in the processes that check a value only
    from jsonschema_rs import Draft202012Validator

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 16 << 10
"""Of a schema or value, as it is given and in its normal form."""
MAX_DEPTH = 16
"""Levels of a schema or value, and references that lead from one to the next."""
MAX_PARTS = 1000
PATTERN_PARTS = 50
"""What a regular expression counts: a check with one was measured to take 20 µs a byte at most."""
_COSTLY = {"pattern": PATTERN_PARTS, "uniqueItems": 10, "multipleOf": 10}
"""What words count whose checks take so much longer than others, some 20 ns a byte."""
MAX_PATTERN = 256
PATTERN_PROGRAM_BYTES = 20_000
"""What a regular expression may be compiled to; [^/]{1,20} just fits."""
MAX_WORK = 1_000_000
"""Parts times bytes of one check: 25 ms, or 400 ms with the worst regular expressions."""
MAX_CALL_WORK = 10 * MAX_WORK
"""Of all the checks of one call."""
MAX_REASONED_WORK = 10_000
"""Up to here branches that do not fit may all be told: each error was measured at 1.3 KB, 20 µs."""

_ONE = frozenset(
    ("not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames")
)
_LISTED = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
_KEYED = frozenset(("properties", "patternProperties", "dependentSchemas"))
_PLAIN = frozenset(
    (
        *("$comment", "title", "description", "default", "examples", "deprecated", "format"),
        *("type", "enum", "const", "multipleOf", "minimum", "exclusiveMinimum", "maximum"),
        *("exclusiveMaximum", "minLength", "maxLength", "pattern", "minItems", "maxItems"),
        *("uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties"),
        *("required", "dependentRequired", "readOnly", "writeOnly"),
    )
)
_AT_THE_TOP = frozenset(("$schema", "$defs"))
WORDS = _ONE | _LISTED | _KEYED | _PLAIN | _AT_THE_TOP | {"$ref"}
"""The keywords that a schema may have."""

_REFERENCE = re.compile(r"#/\$defs/([A-Za-z0-9._-]{1,64})")
_EXACT = 1 << 53
"""From here on not every integer is a float, and a float is kept as the float that it is."""


@dataclass(frozen=True, slots=True)
class _Size:
    """What a schema comes to with its references replaced.

    Attributes:
        parts: its JSON values; a text counts another one for each 64 characters.
        depth: so many references lead from one to the next.
        branches: it has anyOf or oneOf, of which every branch may have its own reason.
    """

    parts: int = 0
    depth: int = 0
    branches: bool = False

    def __add__(self, other: "_Size") -> "_Size":
        return _Size(
            self.parts + other.parts,
            max(self.depth, other.depth),
            self.branches or other.branches,
        )


@dataclass(frozen=True, slots=True)
class _Checker:
    """A compiled schema and what a check with it takes."""

    validator: "Draft202012Validator"
    size: _Size

    def work(self, value: str) -> int:
        return self.size.parts * len(value.encode())


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
    normal = _written(_parsed(text, field))
    _compiled(normal, field)
    return normal


def work_of(schema: str, value: str) -> int:
    """Say what it takes to check a value with a schema, both in their normal forms."""
    return _compiled(schema, "schema").work(value)


def misfit(schema: str, value: str) -> str:
    """Say why a value does not fit a schema, both in their normal forms; empty: it does.

    The words never quote the value, but names of its keys.
    """
    from jsonschema_rs import ValidationError

    checker = _compiled(schema, "schema")
    if (work := checker.work(value)) > MAX_WORK:
        return (
            f"it has {len(value.encode())} bytes to check against {checker.size.parts} parts of a "
            f"schema; together they come to {work} and may come to {MAX_WORK}"
        )
    document = json.loads(value)
    if checker.validator.is_valid(document):
        return ""
    if checker.size.branches and work > MAX_REASONED_WORK:
        return "it fits none of the schema's branches"
    try:
        checker.validator.validate(document)
    except ValidationError as error:
        where = "/".join(str(step) for step in error.instance_path)
        return f"{f'at {_short(where)}: ' if where else ''}{_short(error.message)}"
    return ""


def _parsed(text: str, field: str) -> Any:
    _refuse_long(text, field)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        _written(value).encode()
    except (ValueError, RecursionError):
        raise _refusal("it is no JSON that can be kept", field) from None
    if _depth(value) > MAX_DEPTH:
        raise _refusal(f"it is deeper than {MAX_DEPTH} levels", field)
    normal = _normal(value)
    _refuse_long(_written(normal), field)
    return normal


def _refuse_long(text: str, field: str) -> None:
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise _refusal(f"it has more than {MAX_BYTES} bytes", field)


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
    """Have 1.0 be 1, as JSON Schema has it."""
    if isinstance(value, dict):
        return {key: _normal(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_normal(one) for one in value]
    exact = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return int(value) if exact else value


def _written(value: Any) -> str:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


class _Measure:
    """Checks the words of a schema, and measures it with all its references replaced."""

    def __init__(self, schema: Any, field: str) -> None:
        self._field = field
        self._known: dict[str, _Size] = {}
        self._schema = schema
        defs = schema.get("$defs") if isinstance(schema, dict) else None
        self._defs: dict[str, Any] = defs if isinstance(defs, dict) else {}

    def whole(self) -> _Size:
        """Measure the whole schema.

        Raises:
            InvalidArgumentError: it has what a schema here has not, or is too large.
        """
        schema = self._schema
        if isinstance(schema, dict):
            if schema.get("$schema", DIALECT) != DIALECT:
                raise self._refused(f"$schema is {DIALECT} or left out")
            schema = {word: one for word, one in schema.items() if word not in _AT_THE_TOP}
        elif not isinstance(schema, bool):
            raise self._refused("a schema is an object, true or false")
        for name in self._defs:
            self._behind(f"#/$defs/{name}", ())
        return self._of(schema, ())

    def _of(self, schema: Any, inside: tuple[str, ...]) -> _Size:
        """Measure a schema; `inside` are the references that lead to it."""
        if not isinstance(schema, dict):
            return self._counted(schema)
        size = _Size(1, branches=not schema.keys().isdisjoint(("anyOf", "oneOf")))
        for word, meant in schema.items():
            self._refuse_foreign(word)
            for one in _schemas_of(word, meant):
                size += self._of(one, inside)
            size += self._keys_of(word, meant)
            if word == "$ref":
                size += self._behind(meant, inside)
            if size.parts > MAX_PARTS:
                raise self._refused(f"with its references replaced it has over {MAX_PARTS} parts")
        return size

    def _keys_of(self, word: str, meant: Any) -> _Size:
        """Measure what of a word's meaning are no schemas."""
        if word == "multipleOf" and not isinstance(meant, int):
            raise self._refused("multipleOf is an integer")
        patterns = [meant] if word == "pattern" else ()
        if word in _KEYED and isinstance(meant, dict):
            patterns = list(meant) if word == "patternProperties" else ()
            size = self._counted(list(meant)) + _Size(PATTERN_PARTS * len(patterns))
        else:
            size = self._counted(meant) if word in _PLAIN else _Size()
        if any(len(str(one)) > MAX_PATTERN for one in patterns):
            raise self._refused(f"a regular expression has {MAX_PATTERN} characters at most")
        return size + _Size(_COSTLY.get(word, 0))

    def _counted(self, value: Any) -> _Size:
        parts = 1 + (len(value) // 64 if isinstance(value, str) else 0)
        keys = list(value) if isinstance(value, dict) else ()
        return sum((self._counted(one) for one in (*_inside(value), *keys)), _Size(parts))

    def _behind(self, reference: Any, inside: tuple[str, ...]) -> _Size:
        """Measure what a reference leads to."""
        found = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        if found is None:
            raise self._refused(
                "a $ref is #/$defs/NAME, and NAME is of 1 to 64 letters (a-z, A-Z), digits, dots, "
                "dashes and underscores"
            )
        name = found[1]
        if name in inside:
            raise self._refused(f"$defs/{name} refers to itself")
        if name not in self._defs:
            raise self._refused(f"$ref {_short(reference)} leads nowhere")
        if name not in self._known and len(inside) < MAX_DEPTH:
            self._known[name] = self._of(self._defs[name], (*inside, name))
        size = self._known.get(name, _Size(depth=MAX_DEPTH))
        if size.depth == MAX_DEPTH:
            raise self._refused(f"its references lead more than {MAX_DEPTH} deep")
        return _Size(size.parts, size.depth + 1, size.branches)

    def _refuse_foreign(self, word: str) -> None:
        if word in _AT_THE_TOP:
            raise self._refused(f"{word} stands at the top of a schema only")
        if word not in WORDS:
            near = get_close_matches(word[:64], sorted(WORDS), n=1)
            instead = f"; {near[0]} is meant?" if near else ""
            raise self._refused(f"a schema here has no {_short(word)}{instead}")

    def _refused(self, words: str) -> InvalidArgumentError:
        return _refusal(words, self._field)


def _schemas_of(word: str, meant: Any) -> Iterator[Any]:
    """Give the schemas that a word has."""
    if word in _ONE:
        yield meant
    elif (word in _LISTED and isinstance(meant, list)) or (
        word in _KEYED and isinstance(meant, dict)
    ):
        yield from _inside(meant)


@lru_cache(maxsize=16)  # the largest was measured to take less than 1 MB
def _compiled(schema: str, field: str) -> _Checker:
    from jsonschema_rs import Draft202012Validator, ReferencingError, RegexOptions, ValidationError

    document = json.loads(schema)
    size = _Measure(document, field).whole()
    options = RegexOptions(size_limit=PATTERN_PROGRAM_BYTES, dfa_size_limit=PATTERN_PROGRAM_BYTES)
    try:
        validator = Draft202012Validator(
            document, mask="it", pattern_options=options, validate_formats=False, offline=True
        )
    except (ValidationError, ReferencingError, ValueError) as error:
        said = _short(str(getattr(error, "message", error)))
        raise _refusal(f"it is no JSON Schema (2020-12): {said}", field) from None
    return _Checker(validator, size)


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"


def _refusal(words: str, field: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{field} can't be used: {words}", field=field)
