"""JSON Schemas of event types: what is accepted, what errors say, and what they may cost."""

import time

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from support.strategies import JSON

from hookwright.catalogue import schema_faults
from hookwright.catalogue.json_schemas import MAX_FAULTS, check_schema

LOAN = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["amount"],
    "properties": {
        "amount": {"type": "integer", "minimum": 1},
        "parties": {"type": "array", "items": {"$ref": "#/$defs/party"}, "uniqueItems": True},
        "pattern": {"type": "string"},
    },
    "additionalProperties": False,
    "$defs": {"party": {"type": "string", "pattern": "^p_[a-z]+$"}},
}


def circle(levels: int) -> dict:
    """Return a schema whose check doubles with each level."""
    chain = {
        f"a{i}": {"anyOf": [{"$ref": f"#/$defs/a{i + 1}"}, {"$ref": f"#/$defs/a{i + 1}"}]}
        for i in range(levels)
    }
    return {"$defs": {**chain, f"a{levels}": {"type": "string"}}, "$ref": "#/$defs/a0"}


@pytest.mark.parametrize(
    "schema", [{}, True, False, LOAN, {"$ref": "#/$defs/a", "$defs": {"a": {}}}]
)
def test_schemas_that_are_taken(schema):
    """A schema of the draft, with references into itself, is taken as it stands."""
    assert check_schema(schema) == schema


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"type": "text"}, r"\$.type"),
        ({"properties": []}, r"\$.properties"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "2020-12"),
        ({"$ref": "https://example.com/schema.json"}, "fetched"),
        ({"$ref": "file:///etc/passwd"}, "fetched"),
        ({"$ref": "#/$defs/none"}, "not in this schema"),
        ({"$ref": "#"}, "circle"),
        ({"allOf": [{"$dynamicRef": "https://example.com/#x"}]}, "fetched"),
        ({"pattern": "(?=a)b"}, "RE2"),
        ({"pattern": r"(a)\1"}, "RE2"),
        ({"x": {"patternProperties": {"(a+)+$": {}}}, "$ref": "#/x"}, "patternProperties"),
        ({"x": {"pattern": "("}, "$ref": "#/x"}, "RE2"),
        (circle(30), "costs too much"),
    ],
)
def test_schemas_that_are_refused(schema, fault):
    """What is no schema, looks elsewhere, or could run long is refused with the reason."""
    with pytest.raises(ValueError, match=fault):
        check_schema(schema)


def test_deep_schema_is_refused():
    """A schema nests as deeply as a person can read."""
    schema: dict = {}
    for _ in range(40):
        schema = {"not": schema}
    with pytest.raises(ValueError, match="nests"):
        check_schema(schema)


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ({"amount": 1}, []),
        ({"amount": 1, "parties": ["p_a", "p_b"], "pattern": "("}, []),
        ({"amount": 0}, ["$.amount"]),
        ({"amount": True}, ["$.amount"]),
        ({}, ["$"]),
        ([], ["$"]),
        ({"amount": 1, "parties": ["p_a", "x"]}, ["$.parties[1]"]),
        ({"amount": 1, "parties": ["p_a", "p_a"]}, ["$.parties"]),
        ({"amount": "1", "other": 1}, ["$.amount", "$"]),
    ],
)
def test_faults_name_the_path(data, paths):
    """Each fault has the JSON path of what does not fit."""
    assert sorted(it.json_path for it in schema_faults(LOAN, data)) == sorted(paths)


@pytest.mark.parametrize(
    ("items", "unique"),
    [([1, True], True), ([0, False], True), ([1, 1.0], False), ([[1], [True]], True),
     ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], False), (["1", 1], True), ([None, None], False),
     ([{}, []], True)],
)  # fmt: skip
def test_unique_is_unique_as_json(items, unique):
    """True is not 1, but 1.0 is; the order of members does not matter."""
    assert (schema_faults({"uniqueItems": True}, items) == []) is unique


@pytest.mark.parametrize(
    ("step", "good", "bad"),
    [
        (0.01, [19.99, 0.07, 4.35, 606.67, 1.11, 20, 1e2, -0.29, 0, 10**30], [19.995, 0.001, 1e-9]),
        (0.1, [0.3, 1.1, -7.7, 1e22], [0.35, 0.05]),
        (1e-8, [12.12345678, 1e-7], [12.123456789]),
        (3, [9, 9.0, -3, 3 * 10**400], [10, 0.3, 10**400]),
        (2.5, [7.5, 10], [7]),
    ],
)
def test_multiples_are_those_of_decimals(step, good, bad):
    """A price of 19.99 is a multiple of 0.01, though the doubles are not; any size is decided."""
    schema = check_schema({"multipleOf": step})
    assert [value for value in good if schema_faults(schema, value)] == []
    assert [value for value in bad if not schema_faults(schema, value)] == []


def test_what_is_no_number_is_a_multiple_of_anything():
    """The keyword is about numbers only, and true is none."""
    for value in (True, "1", None, [0.5], {"a": 0.5}):
        assert schema_faults({"multipleOf": 2}, value) == []


@given(value=JSON)
def test_unique_agrees_with_the_library(value):
    """Our linear test for duplicates says what the library's says."""
    schema = {"uniqueItems": True}
    assert (schema_faults(schema, [value, value, 1]) == []) is Draft202012Validator(
        schema
    ).is_valid([value, value, 1])
    assert (schema_faults(schema, value) == []) is Draft202012Validator(schema).is_valid(value)


COSTLY = {
    "backtracking": ({"pattern": "^(a+)+$"}, "a" * 200_000 + "b"),
    "mixed duplicates": ({"uniqueItems": True}, [i if i % 2 else str(i) for i in range(40_000)]),
    "many items": ({"items": {"anyOf": [{"type": "string"}, {"minimum": 0}]}}, [1] * 100_000),
    "doubling": (circle(30), 1),
    "large and wrong at each level": (
        {"anyOf": [{"allOf": [{"type": "string"}] * 20}] * 500}, ["x" * 1000] * 250,
    ),
    "deep": ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", COSTLY)
def test_no_check_runs_long(name):
    """No data makes a check run for seconds; what was not decided is a fault, not a pass."""
    schema, data = COSTLY[name]
    if name == "deep":
        data = 1
        for _ in range(90):
            data = [data]
    began = time.process_time()
    schema_faults(schema, data)
    assert time.process_time() - began < 5


def test_undecided_is_a_fault():
    """A budget that runs out does not let data pass."""
    [fault] = schema_faults({"items": {"type": "integer"}}, [1] * 100_000)
    assert "costs too much" in fault.message


def test_faults_are_few_and_short():
    """A large value that does not fit at all is described in a few short sentences."""
    faults = schema_faults({"items": {"type": "integer"}}, ["x" * 5000] * 100)
    assert len(faults) == MAX_FAULTS
    assert max(len(fault.message) for fault in faults) < 400
