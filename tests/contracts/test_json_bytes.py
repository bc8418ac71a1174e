"""JSON as JavaScript writes it, judged by a real one."""

import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.contracts import register, speak
from support.node import JavaScript, javascript
from support.receiver import Receiver
from support.stack import CONTRACTS, Stack
from support.waiting import assert_eventually

from hookwright.models import EventInput
from hookwright.webhook import render, unsafe_integers
from hookwright.webhook.ecmascript import property_order, stringify

ECMASCRIPT = [name for name, it in CONTRACTS.items() if it.json_style == "ecmascript"]
WHEN = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
EXACT = 2**53

INTEGERS = st.integers(-EXACT, EXACT)
BITS = st.integers(0, 2**64 - 1)
# Numbers as people write them, and around the magnitudes where the notation changes.
DECIMALS = st.builds("{}e{}".format, st.integers(-(10**17), 10**17), st.integers(-26, 8)).map(float)
ODD_KEYS = [
    "", "0", "1", "2", "10", "01", "-1", "-0", "+1", "1.0", "1e3", " 1", "٣", "²", "4294967294",
    "4294967295", "4294967296", "9007199254740993", "Infinity", "NaN", "__proto__", "constructor",
    "toString", "length", "toJSON", "hasOwnProperty",
]  # fmt: skip
KEYS = st.sampled_from(ODD_KEYS) | st.integers(0, 2**33).map(str) | st.text(max_size=6)
TEXTS = st.text(max_size=12) | st.text('\x00\x08\x1f\x7f\x80\u2028\u2029\ufeff\\"/<é😀', max_size=8)
SCALARS = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=16,
)
# Many values at a time, as asking Node costs most. Not shrunk, which takes minutes: the assertion
# shows which value of the many it was.
MANY = settings(
    max_examples=100, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)


@pytest.fixture(scope="module")
def js() -> Iterator[JavaScript]:
    with javascript() as it:
        yield it


def double(bits: int) -> float:
    """Return the double with these bits; every bit pattern is as likely, so is every magnitude."""
    [value] = struct.unpack("<d", struct.pack("<Q", bits))
    return value if abs(value) < float("inf") else 0.5


@MANY
@given(values=st.lists(VALUES, min_size=10, max_size=10))
def test_any_value(js: JavaScript, values: list) -> None:
    """What we write of any JSON value is, byte for byte, what JavaScript writes of it again."""
    written = [stringify(value) for value in values]
    assert js.rewrite(written) == written
    assert [json.loads(text, parse_int=float) for text in written] == values


@MANY
@given(
    bits=st.lists(BITS, min_size=40, max_size=40),
    decimals=st.lists(DECIMALS, min_size=40, max_size=40),
)
def test_any_double(js: JavaScript, bits: list[int], decimals: list[float]) -> None:
    """The same for doubles of all magnitudes, read from Python's own text for them, too."""
    values = [*map(double, bits), *decimals]
    written = [stringify(value) for value in values]
    assert js.rewrite(written) == written
    assert js.rewrite([json.dumps(value) for value in values]) == written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e21, "1e+21"), (999999999999999900000.0, "999999999999999900000"), (1e20, "1" + "0" * 20),
        (1.5e21, "1.5e+21"), (1e-6, "0.000001"), (1e-7, "1e-7"), (1.5e-7, "1.5e-7"),
        (-0.0, "0"), (0.0, "0"), (5e-324, "5e-324"), (-5e-324, "-5e-324"), (100000.0, "100000"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (0.1, "0.1"), (-1.25, "-1.25"),
        (1e16, "1" + "0" * 16), (123456789.125, "123456789.125"), (4.35, "4.35"), (1e300, "1e+300"),
        (2.2250738585072014e-308, "2.2250738585072014e-308"), (float(EXACT), str(EXACT)),
        (EXACT - 1, str(EXACT - 1)), (EXACT, str(EXACT)), (-EXACT, str(-EXACT)), (0, "0"),
        (True, "true"), (None, "null"),
        ("\x00\x08\t\n\x0b\x0c\r\x1f", r'"\u0000\b\t\n\u000b\f\r\u001f"'),
        ('"\\/', r'"\"\\/"'), ("\x7f\x80\u2028é😀", '"\x7f\x80\u2028é😀"'), ([], "[]"), ({}, "{}"),
        (
            {"b": 1, "4294967295": 2, "4294967294": 3, "-1": 4, "01": 5, "1": 6, "0": 7},
            '{"0":7,"1":6,"4294967294":3,"b":1,"4294967295":2,"-1":4,"01":5}',
        ),
        ({"a": 1, "__proto__": {"x": 1}, "2": 0}, '{"2":0,"a":1,"__proto__":{"x":1}}'),
    ],
)  # fmt: skip
def test_edges(js: JavaScript, value: object, text: str) -> None:
    """At each edge of ECMA-262's rules the text is the one in this table, and JavaScript's."""
    assert stringify(value) == text
    assert js.rewrite([text]) == [text]


def test_property_order() -> None:
    """Array indices come first, by value; 4294967295 is no index, and neither is 01."""
    keys = dict.fromkeys(["z", "4294967295", "10", "9", "01", "4294967294", "-1", "0"])
    assert property_order(keys) == ["0", "9", "10", "4294967294", "z", "4294967295", "01", "-1"]


def test_unsafe_integers() -> None:
    """Integers beyond 2^53 - 1 are found with their paths, and keep their digits."""
    value = {
        "a": [1, EXACT - 1, 10**20],
        "b": {"c": -(10**30)},
        "t": True,
        "s": "9" * 30,
        "f": 1e30,
    }
    assert list(unsafe_integers(value)) == ["data.a[2]", "data.b.c"]
    assert stringify(10**20 + 1) == "100000000000000000001"


@settings(MANY, max_examples=40)
@given(data=st.lists(VALUES, min_size=5, max_size=5))
@pytest.mark.parametrize("contract", ECMASCRIPT)
def test_whole_body(js: JavaScript, contract: str, data: list) -> None:
    """A whole body of a contract that is verified by writing it again is what JavaScript writes."""
    bodies = [
        render(
            CONTRACTS[contract],
            EventInput(tenant_id="acme", id="evt_1", type="loan.funded", data=each),
            WHEN,
        ).decode()
        for each in data
    ]
    assert js.rewrite(bodies) == bodies
    assert [json.loads(body, parse_int=float)["data"] for body in bodies] == data


def test_which_contracts_are_written_so() -> None:
    """The three documents that verify JSON.stringify(req.body) have their bytes written so."""
    assert ECMASCRIPT == ["cr3dentials", "plain", "reflow"]


async def test_unsafe_integer_is_flagged_and_kept(service: Stack, hooks: Receiver) -> None:
    """Publish names each integer that JavaScript cannot hold; its digits arrive all the same."""
    await speak(service, "plain")
    await register(service, "plain", hooks.url)
    fine = await service.publish(type="a", data={"n": EXACT - 1, "x": 1e30})
    event = await service.publish(type="b", data={"n": 2**63 + 1, "rows": [{"id": 10**25 + 7}]})
    assert fine["warnings"] == []
    assert [warning.split(":")[0] for warning in event["warnings"]] == ["data.n", "data.rows[0].id"]
    assert (
        await service.publish(
            id=event["id"], type="b", data={"n": 2**63 + 1, "rows": [{"id": 10**25 + 7}]}
        )
    )["warnings"] == event["warnings"]
    await assert_eventually(lambda: len(hooks.requests) == 2)
    bodies = {json.loads(request.body)["type"]: request.body for request in hooks.requests}
    assert (
        b'"data":{"n":9223372036854775809,"rows":[{"id":10000000000000000000000007}]}'
        in bodies["b"]
    )
    assert b'"data":{"n":9007199254740991,"x":1e+30}' in bodies["a"]


async def test_any_body_through_the_service(
    service: Stack, hooks: Receiver, js: JavaScript
) -> None:
    """The bytes that arrive after API, storage and worker still are what JavaScript writes."""
    await speak(service, "reflow")
    await register(service, "reflow", hooks.url)
    data = {
        key: {"n": [0.1 * n, -0.0, 1e-7, 1e21, 10.0**n], "s": "\x7f\u2028😀\x00/"}
        for n, key in enumerate(ODD_KEYS)
    }
    await service.publish(type="loan.funded", data=data)
    await assert_eventually(lambda: hooks.requests)
    body = hooks.requests[0].body.decode()
    assert js.rewrite([body]) == [body]
    assert json.loads(body)["data"] == data
