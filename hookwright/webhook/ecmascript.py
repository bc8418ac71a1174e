"""JSON as JavaScript writes it: the text equals `JSON.stringify(JSON.parse(text))`.

Receivers of some published contracts parse the body, write it again and verify the signature over
that. Sources in ECMA-262: Number::toString (6.1.6.1.20), OrdinaryOwnPropertyKeys (10.1.11.1) and
QuoteJSONString (25.5.2.3).
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import isfinite

MAX_SAFE_INTEGER = 2**53 - 1
MAX_ARRAY_INDEX = 2**32 - 2

# Number::toString writes all digits if 1e-7 < n < 1e21, and an exponent otherwise.
FIRST_LARGE_EXPONENT, LAST_SMALL_EXPONENT = 21, -7


def stringify(value: object) -> str:
    """Return a JSON value as `JSON.stringify` writes it.

    An integer beyond 2^53 keeps its digits. JavaScript would change them, but a publisher's number
    is never altered here. `unsafe_integers` finds such integers.
    """
    match value:
        case bool() | None | int():
            return json.dumps(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case float():
            return number(value)
        case list():
            return "[" + ",".join(map(stringify, value)) + "]"
        case dict():
            members = (f"{stringify(key)}:{stringify(value[key])}" for key in property_order(value))
            return "{" + ",".join(members) + "}"
        case _:
            raise TypeError(f"{type(value).__name__} is not JSON")


def number(value: float) -> str:
    """Return a double as Number::toString writes it: the shortest digits that give it back.

    Raises:
        ValueError: it is infinite or NaN, which JSON cannot express.
    """
    if not isfinite(value):
        raise ValueError("NaN and infinity are not JSON")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + int(exponent)
    prefix = "-" if sign else ""
    if len(text) <= point <= FIRST_LARGE_EXPONENT:
        return prefix + text.ljust(point, "0")
    if 0 < point <= FIRST_LARGE_EXPONENT:
        return f"{prefix}{text[:point]}.{text[point:]}"
    if LAST_SMALL_EXPONENT + 1 < point <= 0:
        return f"{prefix}0.{'0' * -point}{text}"
    mantissa = text if len(text) == 1 else f"{text[0]}.{text[1:]}"
    return f"{prefix}{mantissa}e{point - 1:+d}"


def property_order(members: Mapping[str, object]) -> list[str]:
    """Return the keys in JavaScript's order: array indices first, sorted by value."""
    indices = sorted((key for key in members if _is_array_index(key)), key=int)
    return indices + [key for key in members if not _is_array_index(key)]


def unsafe_integers(value: object, path: str = "data") -> Iterator[str]:
    """Yield the paths of integers that JavaScript cannot represent exactly."""
    match value:
        case bool():
            return
        case int() if abs(value) > MAX_SAFE_INTEGER:
            yield path
        case list():
            for index, each in enumerate(value):
                yield from unsafe_integers(each, f"{path}[{index}]")
        case dict():
            for key, each in value.items():
                yield from unsafe_integers(each, f"{path}.{key}")


def _is_array_index(key: str) -> bool:
    digits = key.isascii() and key.isdigit() and len(key) <= len(str(MAX_ARRAY_INDEX))
    return digits and str(int(key)) == key and int(key) <= MAX_ARRAY_INDEX
