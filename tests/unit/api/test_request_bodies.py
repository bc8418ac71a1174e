"""Request bodies: how deep they nest, and numbers beyond a double."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import from_json

from api.routes.strict_route import MAX_NESTING, nesting_depth

TRICKY = st.text(st.sampled_from('[]{}"\\é,: '), max_size=40)
LEAVES = st.none() | st.booleans() | st.integers() | TRICKY


def depth(value: object) -> int:
    """Return how deeply a value nests, the slow and obvious way."""
    match value:
        case list():
            return 1 + max(map(depth, value), default=0)
        case dict():
            return 1 + max(map(depth, value.values()), default=0)
        case _:
            return 0


@st.composite
def nested(draw):
    """Draw a value that nests around the limit, beside others."""
    value = draw(LEAVES)
    for _ in range(draw(st.integers(0, MAX_NESTING + 20))):
        match draw(st.integers(0, 3)):
            case 0:
                value = {draw(TRICKY): value}
            case 1:
                value = [draw(LEAVES), value]
            case 2:
                value = [value, [[]], draw(LEAVES)]
            case _:
                value = [value]
    return value


@given(value=nested(), ascii_only=st.booleans())
def test_depth_of_any_json(value, ascii_only):
    """The depth of a JSON text is found, whatever its strings hold; below the limit 0 will do."""
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    found, real = nesting_depth(body), depth(value)
    assert found == real or (found == 0 and real <= MAX_NESTING)


@given(value=st.lists(TRICKY, min_size=60, max_size=90))
def test_brackets_in_strings_do_not_count(value):
    """Brackets, quotes and backslashes within strings are no nesting."""
    assert nesting_depth(json.dumps(value, ensure_ascii=False).encode()) <= 1


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_at_the_limit(opening):
    """A body that nests as deeply as allowed passes; one that nests one level more does not."""
    levels = opening.count(b"[") + opening.count(b"{")
    closing = b"".join(b"]" if it == ord("[") else b"}" for it in reversed(opening) if it in b"[{")
    times = MAX_NESTING // levels
    body = opening * times + b"1" + closing * times
    assert nesting_depth(body) <= MAX_NESTING
    assert nesting_depth(b"[" + body + b"]") == MAX_NESTING + 1
    assert from_json(b"[" + body + b"]")


@given(body=st.binary(max_size=300))
@example(body=b"]" * 300 + b"[" * 300)
@example(body=b'"' + b"[" * 300)
@example(body=b'"\\')
@example(body=b"[" * 200_000)
@example(body=b"[]" * 200_000)
def test_total_on_any_bytes(body):
    """Any bytes have a depth: no recursion, no exception."""
    assert 0 <= nesting_depth(body) <= len(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 2**21 + b"]" * 2**21,
        b"[]" * 2**21,
        (b"[" * 100 + b"]" * 100) * 20_000,
        b'"' * 2**22,
        b'["' + b'\\"' * 2**21 + b'"]' + b"[]" * 101,
        b"[" * 2**22,
    ],
)
def test_the_largest_body_is_looked_at_in_no_time(body):
    """Other requests wait meanwhile, so a batch of 4 MiB takes less than half a second of CPU."""
    began = time.process_time()
    nesting_depth(body)
    assert time.process_time() - began < 0.5


INFINITE = st.sampled_from([float("inf"), float("-inf")])
