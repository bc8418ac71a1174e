"""JSON Schema (draft 2020-12) for the data of events: bounded, local, and with linear patterns.

The publisher chooses the data, and other requests wait while it is checked. So patterns are those
of RE2, which cannot backtrack, references stay inside their schema, and a check has a budget.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import Any

import re2
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from pydantic import JsonValue
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_DEPTH = 32
MAX_FAULTS = 10
MAX_MESSAGE_CHARACTERS = 300
"""How much of an error's text is shown: the library repeats the invalid value in it."""

MAX_STEPS = 20_000
"""The most keywords applied in one check. Each takes 20 to 60 microseconds, so a check takes about
a second at most."""

CHARACTERS_PER_STEP = 1_000
"""This many characters of an error's text cost as much as a keyword: the text may repeat the whole
data."""

Schema = dict[str, JsonValue] | bool


@dataclass(frozen=True)
class SchemaFault:
    """A part of a value that does not fit the schema; `json_path` is `$` for the whole value."""

    path: list[str | int]
    json_path: str
    message: str


def check_schema(schema: Schema) -> Schema:
    """Return the schema if data can be checked against it.

    Raises:
        ValueError: it is not a schema of draft 2020-12, or uses what is not supported here.
    """
    for key, value in _members(schema):
        _check_member(key, value, schema)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"{error.json_path}: {_short(error.message)}") from None
    try:
        _errors(schema, None)
    except (CostError, RecursionError):
        raise ValueError("it costs too much, or its references form a circle") from None
    return schema


def schema_faults(schema: Schema, value: JsonValue) -> list[SchemaFault]:
    """Return the first MAX_FAULTS faults of a value.

    A check that does not end within the budget is a fault, too.
    """
    try:
        errors = _errors(schema, value)
    except (CostError, RecursionError):
        reason = "it costs too much to check against its schema, or nests too deeply for it"
        return [SchemaFault([], "$", reason)]
    return [
        SchemaFault(list(error.absolute_path), error.json_path, _short(error.message))
        for error in errors
    ]


def _errors(schema: Schema, value: JsonValue) -> list[ValidationError]:
    budget.set([MAX_STEPS])
    errors = BoundedValidator(schema, registry=Registry()).iter_errors(value)
    return list(islice(errors, MAX_FAULTS))


class CostError(Exception):
    """A check has used up its budget."""


budget: ContextVar[list[int]] = ContextVar("budget")


def _spend(steps: int) -> None:
    left = budget.get()
    left[0] -= steps
    if left[0] < 0:
        raise CostError


Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


def _bounded(keyword: Keyword) -> Keyword:
    def apply(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ANN401
        _spend(1)
        for error in keyword(validator, value, instance, schema) or ():
            _spend(len(error.message) // CHARACTERS_PER_STEP)
            yield error

    return apply


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:  # noqa: ANN401
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _unique_items(_: Any, unique: bool, instance: Any, __: Any) -> Iterator[ValidationError]:  # noqa: ANN401, FBT001
    # The library's own function compares every two items if a list mixes types: quadratic time.
    if unique and isinstance(instance, list) and len(set(map(_key, instance))) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _multiple_of(_: Any, step: float, instance: Any, __: Any) -> Iterator[ValidationError]:  # noqa: ANN401
    # The library divides doubles, and 19.99 / 0.01 is not an integer. People write decimals, so the
    # decimal that a double is written as decides.
    is_number = isinstance(instance, int | float) and not isinstance(instance, bool)
    if is_number and _exact(instance) % _exact(step):
        yield ValidationError(f"{instance!r} is not a multiple of {step!r}")


def _exact(number: float) -> Fraction:
    return Fraction(number if isinstance(number, int) else repr(number))


def _key(value: JsonValue) -> object:
    """Return a hashable form that is equal if the JSON values are: 1.0 equals 1, true does not."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, list):
        return tuple(map(_key, value))
    if isinstance(value, dict):
        return frozenset((name, _key(each)) for name, each in value.items())
    return value


KEYWORDS = {
    **Draft202012Validator.VALIDATORS,
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "uniqueItems": _unique_items,
}
BoundedValidator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {name: _bounded(keyword) for name, keyword in KEYWORDS.items()}
)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    options = re2.Options()
    options.max_mem = 1 << 20
    options.log_errors = False
    return re2.compile(pattern, options)


def _check_member(key: str, value: JsonValue, schema: Schema) -> None:
    match key, value:
        case "patternProperties", _:
            raise ValueError("patternProperties is not supported; use propertyNames and a pattern")
        case "$schema", str() if value != DIALECT:
            raise ValueError(f"$schema: only {DIALECT}")
        case "$ref" | "$dynamicRef", str() if not _resolves(value, schema):
            raise ValueError(f"{key}: {_short(value)} is not in this schema (nothing is fetched)")
        case "pattern", str():
            try:
                _compiled(value)
            except re2.error as error:
                reason = error.args[0].decode(errors="replace")
                raise ValueError(
                    f"pattern {_short(value)}: {reason}; RE2 has no lookaround, no back reference"
                ) from None


def _resolves(reference: str, schema: Schema) -> bool:
    root = DRAFT202012.create_resource(schema)
    try:
        Registry().resolver_with_root(root).lookup(reference)
    except (Unresolvable, ValueError):
        return False
    return reference.startswith("#")


def _members(schema: Schema) -> Iterator[tuple[str, JsonValue]]:
    """Yield the members of all objects in the schema.

    Raises:
        ValueError: the schema nests too deeply.
    """
    pending: list[tuple[JsonValue, int]] = [(schema, 1)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"it nests more than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            yield from value.items()
            pending += [(each, depth + 1) for each in value.values()]
        elif isinstance(value, list):
            pending += [(each, depth + 1) for each in value]


def _short(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_CHARACTERS else f"{text[:MAX_MESSAGE_CHARACTERS]}..."
