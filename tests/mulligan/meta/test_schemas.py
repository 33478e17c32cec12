"""Schemas are what tenants write: whatever one says, it is refused in words or checked soon."""

import json
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


HOSTILE: dict[str, Any] = {
    "deep": nested(17),
    "very deep": "[" * 16_000,
    "long": json.dumps({"description": "x" * 17_000}),
    "no JSON": "{",
    "no number": '{"const": NaN}',
    "half a character": '{"const": "\\ud800"}',
    "no schema": '"string"',
    "wrong type": {"type": 5},
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
    "many": {"allOf": [{"type": "string"}] * 700},
    "exponential": {"unevaluatedProperties": False},
    "look-ahead": {"pattern": "(?=a)b"},
    "back-reference": {"pattern": r"(a+)\1"},
    "large expression": {"pattern": "(a{1000}){1000}"},
    "long expression": {"pattern": "a" * 257},
    "many expressions": {"allOf": [{"pattern": f"{one}"} for one in range(33)]},
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
        ({"items": {"enum": [str(one) for one in range(900)]}}, ["1"] * 3000, ["x"] * 3000),
        ({"uniqueItems": True}, list(range(2500)), [*range(2500), 0]),
        (doubling(6), "text", 1),
        ({"type": "integer"}, 1.0, 1.5),
        ({"$defs": {"a b": {"minimum": 3}}, "$ref": "#/$defs/a%20b"}, 3, 2),
    ],
)
def test_what_looks_expensive_is_checked(schema: Any, fits: Any, does_not: Any) -> None:
    normal = schemas.check_schema(json.dumps(schema))
    assert schemas.misfit(normal, schemas.normal_json(json.dumps(fits), "value")) == ""
    why = schemas.misfit(normal, schemas.normal_json(json.dumps(does_not), "value"))
    assert 0 < len(why) < 400


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
