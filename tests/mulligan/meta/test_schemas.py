"""Schemas are what tenants write: whatever one says, it is refused in words or checked soon."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulligan.meta import schemas
from mulligan.values.errors import InvalidArgumentError


def nested(depth: int) -> str:
    return '{"items":' * depth + "true" + "}" * depth


def doubling(steps: int) -> dict[str, Any]:
    """A schema that refers twice to one that refers twice to ..."""
    defs: dict[str, Any] = {"d0": {"type": "string"}}
    for step in range(1, steps):
        defs[f"d{step}"] = {"anyOf": [{"$ref": f"#/$defs/d{step - 1}"}] * 2}
    return {"$defs": defs, "$ref": f"#/$defs/d{steps - 1}"}


RECURSIVE = {"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": "#"}
HOSTILE: dict[str, Any] = {
    "deep": nested(17),
    "very deep": "[" * 16_000,
    "long": json.dumps({"description": "x" * 17_000}),
    "no JSON": "{",
    "no number": '{"const": NaN}',
    "half a character": '{"const": "\\ud800"}',
    "no schema": '"string"',
    "wrong type": {"type": 5},
    "in the words of another draft, within": {"allOf": [{"items": RECURSIVE}] * 60},
    "recursive": {"items": {"$recursiveRef": "#"}},
    "a dialect within": {"items": {"$schema": schemas.DIALECT}},
    "an old name within": {"items": {"id": "http://127.0.0.1:1/", "$ref": "other"}},
    "an unknown word": {"maxLenght": 5},
    "definitions within": {"items": {"$defs": {"a": True}}},
    "a reference to no definition": {"properties": {"a": True}, "$ref": "#/properties/a"},
    "a step that is no integer": {"items": {"multipleOf": 1e-300}},
    "far away": {"$ref": "http://127.0.0.1:1/schema"},
    "a file": {"$ref": "file:///etc/passwd"},
    "another dialect": {"$schema": "http://json-schema.org/draft-07/schema#"},
    "a name of its own": {"$id": "http://127.0.0.1:1/schema", "$ref": "other"},
    "a name within": {"properties": {"a": {"$id": "file:///etc/"}}},
    "itself": {"$ref": "#"},
    "itself, in parts": {"properties": {"a": {"$ref": "#/properties"}}},
    "each other": {
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}},
        "$ref": "#/$defs/a",
    },
    "nothing": {"$ref": "#/$defs/none"},
    "dynamic": {"$dynamicAnchor": "a", "items": {"$dynamicRef": "#a"}},
    "doubling": doubling(15),
    "a long chain": {
        "$defs": {"a0": True, **{f"a{n}": {"$ref": f"#/$defs/a{n - 1}"} for n in range(1, 18)}}
    },
    "many": {"allOf": [{"type": "string"}] * 700},
    "exponential": {"unevaluatedProperties": False},
    "look-ahead": {"pattern": "(?=a)b"},
    "back-reference": {"pattern": r"(a+)\1"},
    "large expression": {"pattern": "(a{1000}){1000}"},
    "long expression": {"pattern": "a" * 257},
    "many expressions": {"allOf": [{"pattern": f"{one}"} for one in range(20)]},
    "many expressions of keys": {"patternProperties": {f"{one}": True for one in range(20)}},
    "no expression": {"patternProperties": {"(": True}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_refused_in_words(name: str) -> None:
    hostile = HOSTILE[name]
    text = hostile if isinstance(hostile, str) else json.dumps(hostile)
    with pytest.raises(InvalidArgumentError, match="schema can't be used") as raised:
        schemas.check_schema(text)
    assert raised.value.details["field"] == "schema"
    assert len(raised.value.message) < 400


@pytest.mark.parametrize(
    ("schema", "fits", "does_not"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 16_000, "a" * 16_000 + "b"),
        ({"pattern": "^(a|a|aa)*$"}, "a" * 16_000, "a" * 16_000 + "b"),
        ({"enum": list(range(900))}, 899, 900),
        ({"uniqueItems": True}, list(range(2500)), [*range(2500), 0]),
        (doubling(6), "text", 1),
        ({"type": "integer"}, 1.0, 1.5),
        ({"$defs": {"a.b": {"minimum": 3}}, "$ref": "#/$defs/a.b"}, 3, 2),
        ({"properties": {"$ref": {"const": {"$id": 5}}}}, {"$ref": {"$id": 5}}, {"$ref": 5}),
        ({"maximum": 1e308}, 1e308, 1.7e308),
    ],
)
def test_what_looks_expensive_is_checked(schema: Any, fits: Any, does_not: Any) -> None:
    normal = schemas.check_schema(json.dumps(schema))
    assert schemas.misfit(normal, schemas.normal_json(json.dumps(fits), "value")) == ""
    why = schemas.misfit(normal, schemas.normal_json(json.dumps(does_not), "value"))
    assert 0 < len(why) < 400


LARGEST: dict[str, tuple[Any, Any]] = {
    "expression": ({"pattern": "[ab]*a[ab]{250}c"}, "aab" * 5000),
    "expressions": (
        {"allOf": [{"pattern": f"[ab]*a[ab]{{{one}}}c"} for one in range(230, 248)]},
        "aab" * 350,
    ),
    "parts": ({"items": {"allOf": [{"minimum": -one} for one in range(40)]}}, [0] * 6000),
    "branches": ({"anyOf": [{"items": {"allOf": [False] * 950}}]}, [0] * 400),
    "told branches": ({"anyOf": [{"items": {"allOf": [False] * 90}}]}, [0] * 50),
    "too much": ({"anyOf": [{"items": {"allOf": [False] * 950}}]}, [0] * 8000),
    "unique": ({"items": {"allOf": [{"uniqueItems": True}] * 60}}, [list(range(15))] * 30),
    "steps": ({"items": {"allOf": [{"multipleOf": 7}] * 40}}, [1e300] * 250),
}
"""Schemas that are taken, and values that take the most of them to check."""


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_check_ends_within_its_bounds(name: str) -> None:
    """In a process of its own, which the system ends after 10 s of work or at 512 MiB."""

    check = (
        "import resource, sys; from mulligan.meta import schemas;"
        "resource.setrlimit(resource.RLIMIT_CPU, (10, 10));"
        "resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20));"
        "schema, value = sys.stdin.read().splitlines();"
        "print(schemas.misfit(schemas.check_schema(schema), schemas.normal_json(value, 'value')))"
    )
    found = subprocess.run(
        [sys.executable, "-c", check],
        input="\n".join(json.dumps(one, separators=(",", ":")) for one in LARGEST[name]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert len(found.stdout) < 400
    assert ("together they come to" in found.stdout) == (name == "too much")


def test_the_checker_is_loaded_only_to_check() -> None:
    loaded = "import sys, api.metadefs; sys.exit('jsonschema_rs' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_a_normal_form_is_in_bounds_too() -> None:
    """It may be longer than what was given: 9.0e15 is written with 16 digits."""
    given = f"[{','.join(['9.0e15'] * 2000)}]"
    with pytest.raises(InvalidArgumentError, match="more than 16384 bytes"):
        schemas.normal_json(given, "value")
    assert schemas.normal_json("[1e308, 9.0e15, 1.0]", "value") == "[1e+308,9000000000000000,1]"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
WORDS = st.sampled_from(
    (
        "$ref", "$defs", "$schema", "allOf", "anyOf", "oneOf", "not", "if", "then", "properties",
        "patternProperties", "additionalProperties", "items", "prefixItems", "contains", "enum",
        "const", "type", "pattern", "multipleOf", "maximum", "minLength", "maxItems", "required",
        "dependentSchemas", "propertyNames", "uniqueItems", "format", "minContains",
    )
)  # fmt: skip
SCHEMAS = st.recursive(
    VALUES | st.sampled_from(("#", "#/$defs/a", "#/allOf/0", "string", "(a*)*$")),
    lambda inner: (
        st.dictionaries(WORDS | st.just("a"), inner, max_size=4) | st.lists(inner, max_size=3)
    ),
    max_leaves=20,
)


@given(schema=SCHEMAS, value=VALUES)
def test_any_schema_is_refused_in_words_or_checks_any_value(schema: Any, value: Any) -> None:
    try:
        normal = schemas.check_schema(json.dumps(schema))
        document = schemas.normal_json(json.dumps(value), "value")
    except InvalidArgumentError:
        return
    assert schemas.check_schema(normal) == normal
    assert isinstance(schemas.misfit(normal, document), str)


@given(value=VALUES)
def test_equal_values_are_equal_texts(value: Any) -> None:
    try:
        normal = schemas.normal_json(json.dumps(value), "value")
    except InvalidArgumentError:
        return
    assert json.loads(normal) == value
    assert schemas.normal_json(json.dumps(json.loads(normal), indent=2), "value") == normal
