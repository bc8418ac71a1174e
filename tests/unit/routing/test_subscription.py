"""Which events an endpoint wants."""

import pytest
from hypothesis import given
from pydantic import TypeAdapter, ValidationError
from support.expressions import passes_filter
from support.strategies import JSON

from hookwright.subscription import EventTypePattern, wants_channels, wants_type


@pytest.mark.parametrize(
    ("patterns", "event_type", "wanted"),
    [
        (["*"], "loan.funded", True),
        (["loan.funded"], "loan.funded", True),
        (["loan.funded"], "loan.funded.late", False),
        (["loan.funded"], "loan.fundedx", False),
        (["loan.funded"], "Loan.funded", False),
        (["loan.*"], "loan.funded", True),
        (["loan.*"], "loan.funded.late", True),
        (["loan.*"], "loan", False),
        (["loan.*"], "loans.funded", False),
        (["loan.*"], "loanx", False),
        (["loan.funded.*"], "loan.funded", False),
        (["invoice.paid", "loan.*"], "loan.funded", True),
        (["invoice.paid", "loan.*"], "invoice.sent", False),
        ([], "loan.funded", False),
        (["orders/*"], "orders/create", True),
        (["orders/*"], "orders.create", False),
        (["orders.*"], "orders/create", False),
        (["customer:*"], "customer:created", True),
        (["*"], "orders/create", True),
        (["orders/*"], "orders", False),
        (["customer:created"], "customer:created", True),
    ],
)
def test_patterns(patterns, event_type, wanted):
    """A type is wanted if one pattern is it, is every type, or is a prefix up to a separator."""
    assert wants_type(patterns, event_type) is wanted


@pytest.mark.parametrize(
    "pattern",
    ["*", "a", "a.b", "a.*", "a-1.B_2.*", "a/b", "a/*", "a:b:*", "a:b.c/*", "a:*", "x" * 128],
)
def test_patterns_that_may_be_written(pattern):
    """A type, a prefix with .*, /* or :*, or the star alone may be subscribed to."""
    assert TypeAdapter(EventTypePattern).validate_python(pattern) == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        ".",
        "a.",
        "/a",
        "a:",
        "a//b",
        "a/:b",
        ".a",
        "*.a",
        "a*",
        "a.*.b",
        "**",
        "a..b",
        "a b",
        "a\n",
        "é",
        "x" * 129,
        "a/",
        "/*",
        "a'/*",
    ],
)
def test_patterns_that_may_not(pattern):
    """Anything else is refused instead of never matching."""
    with pytest.raises(ValidationError):
        TypeAdapter(EventTypePattern).validate_python(pattern)


@pytest.mark.parametrize(
    ("wanted", "channels", "passes"),
    [
        ([], [], True),
        ([], ["a"], True),
        (["a"], [], False),
        (["a"], ["a"], True),
        (["a", "b"], ["c", "b"], True),
        (["a", "b"], ["c"], False),
        (["a"], ["a.b"], False),
    ],
)
def test_channels(wanted, channels, passes):
    """No channels wanted: every event passes. Some wanted: one must be shared."""
    assert wants_channels(wanted, channels) is passes


DOCUMENT = {
    "id": "evt_1",
    "type": "loan.funded",
    "data": {"amount": 1500, "zero": 0, "name": "x", "empty": "", "no": False, "tags": ["a", "b"]},
}


@pytest.mark.parametrize(
    ("expression", "passes"),
    [
        ("data.amount > `1000`", True),
        ("data.amount > `2000`", False),
        ("type == 'loan.funded'", True),
        ("data.amount > `1000` && data.name == 'y'", False),
        ("data.amount > `1000` || data.name == 'y'", True),
        ("!(data.missing)", True),
        ("contains(data.tags, 'a')", True),
        ("contains(data.tags, 'c')", False),
        ("data.tags[?@ == 'b']", True),
        ("data.tags[?@ == 'c']", False),
        # JMESPath calls false-like: null, false, and empty text, lists and objects. Never a number.
        ("data.zero", True),
        ("`0`", True),
        ("`0.0`", True),
        ("data.no", False),
        ("data.missing", False),
        ("data.empty", False),
        ("`[]`", False),
        ("`{}`", False),
        ("`[false]`", True),
        # A comparison of unlike things is null, and a function with a wrong type does not fit.
        ("data.name > `1`", False),
        ("abs(data.name)", False),
        ("sum(data.tags)", False),
        ("starts_with(data.amount, '1')", False),
        ("contains(data.amount, `1`)", False),
        ("contains(data.name, data.amount)", False),
        ("nonesuch(@)", False),
        ("data.tags[::0]", False),
    ],
)
def test_filters(expression, passes):
    """An event passes a filter whose value is truthy; one that the filter does not fit does not."""
    assert passes_filter(expression, DOCUMENT) is passes


@given(value=JSON)
def test_truth_is_jmespaths(value):
    """A value passes exactly where JMESPath's own `||` would choose it."""
    assert passes_filter("data", {"data": value}) is passes_filter(
        "(data && 'yes' || 'no') == 'yes'", {"data": value}
    )
