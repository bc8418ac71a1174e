"""JMESPath as tenants may write it: total, and bounded."""

import sys
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.expressions import passes_filter
from support.strategies import JSON

from hookwright.expressions import MAX_COST, check_expression, check_literals, evaluate
from hookwright.expressions.language import MAX_EXPRESSION_LENGTH, Budget, TooCostlyError

FUNCTIONS = [
    "abs",
    "avg",
    "ceil",
    "contains",
    "ends_with",
    "floor",
    "join",
    "keys",
    "length",
    "map",
    "max",
    "max_by",
    "merge",
    "min",
    "min_by",
    "not_null",
    "reverse",
    "sort",
    "sort_by",
    "starts_with",
    "sum",
    "to_array",
    "to_number",
    "to_string",
    "type",
    "values",
]
LEAVES = st.sampled_from(
    (
        *(
            "@",
            "data",
            "a",
            "*",
            "[*]",
            "[]",
            "[0]",
            "[::0]",
            "[-1:9]",
            "&a",
            "'x'",
            "data.a",
            "[?a]",
        ),
        *(
            "`1`",
            "`1e999`",
            "`null`",
            '`"x"`',
            "`[1, 2]`",
            "`{}`",
            '`["a", 1]`',
            "to_number('nan')",
        ),
    )
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("{}.{}".format, inner, inner),
        st.builds("{}|{}".format, inner, inner),
        st.builds(
            "({}){}({})".format, inner, st.sampled_from(["==", "<", ">=", "&&", "||"]), inner
        ),
        st.builds("!{}".format, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{}[]".format, inner),
        st.builds("{}({})".format, st.sampled_from(FUNCTIONS), inner),
        st.builds("{}({}, {})".format, st.sampled_from(FUNCTIONS), inner, inner),
    ),
    max_leaves=6,
)


# Text that happens to be JMESPath's old way to write a literal parses, with a warning.
@pytest.mark.filterwarnings("ignore:deprecated string literal syntax:PendingDeprecationWarning")
@given(expression=st.text(max_size=40) | EXPRESSIONS)
def test_any_text_is_an_expression_or_refused(expression):
    """Any text is returned as it is, or refused with ValueError."""
    try:
        taken = check_expression(expression)
    except ValueError:
        return
    assert taken == expression


@given(expression=EXPRESSIONS, document=JSON)
@example(expression="contains(a, b)", document={"a": "text", "b": 1})
@example(expression="ceil(`1e999`)", document={})
@example(expression="floor(to_number('nan'))", document={})
@example(expression="avg([@])", document=10**400)
@example(expression="[::0]", document=[1])
def test_total_on_any_document(expression, document):
    """An expression over any document yields a value or does not fit; nothing else is raised."""
    with suppress(ValueError):
        check_expression(expression)
        evaluate(expression, {"data": document, "a": document})


def test_too_long():
    """An expression of 1,024 characters is taken, and not one more."""
    longest = "a" * MAX_EXPRESSION_LENGTH
    assert check_expression(longest) == longest
    with pytest.raises(ValueError, match="1024 characters"):
        check_expression(longest + "a")


@pytest.mark.parametrize("expression", ["!" * 1000 + "a", "[" * 1000, "(" * 1000 + "a"])
def test_too_deep(expression):
    """Deep nesting is refused as an error of the expression, not as an internal one."""
    with pytest.raises(ValueError, match=r"nested too deeply|not a JMESPath"):
        check_expression(expression)


@pytest.mark.parametrize(
    "expression",
    ["{a: `NaN`}", "`-Infinity`", "a < `1e999`", "[?a == `[1, [NaN]]`]", '`{"a": Infinity}`',
     'a || `"\\ud800"`', '`{"\\udc00": 1}`', '{"\\ud800": a}'],
)  # fmt: skip
def test_literals_that_are_no_json(expression):
    """A literal that could never be sent is refused, wherever in the expression it stands."""
    with pytest.raises(ValueError, match=r"^a literal "):
        check_literals(expression)


@pytest.mark.parametrize(
    "expression", ["a < `1e308`", "`null`", "'NaN'", "NaN", '`"\\ud83d\\ude00"`', '`[1, "é"]`']
)
def test_literals_that_are_json(expression):
    """Literals of JSON, raw strings and fields of these names are taken."""
    assert check_literals(expression) == expression


@pytest.mark.parametrize("expression", ["", " ", "a.", "a ==", "[?a", "a b", "#", "'x"])
def test_not_an_expression(expression):
    """What JMESPath cannot parse is refused, in a sentence."""
    with pytest.raises(ValueError, match="not a JMESPath expression"):
        check_expression(expression)


# Few enough steps that an evaluation without a limit ends, and shows itself by matching.
DOUBLINGS = {
    "flattened": "|".join(["[@,@][]"] * 21),
    "printed": "|".join(["[@,@]"] * 20) + "|to_string(@)",
    "escaped": "|".join(["to_array(@)|to_string(@)"] * 20),
    "joined": "to_string(@)" + "|join(@,[@,@,@])" * 8,
    "mapped": "to_array(@)" + "|map(&`[1,1,1]`,@)[]" * 13,
    "compared": "({0}|[@,'a'])!=({0}|[@,'b'])".format("|".join(["[@,@]"] * 20)),
}


@pytest.mark.parametrize("expression", DOUBLINGS.values(), ids=DOUBLINGS.keys())
def test_cost_is_bounded(expression):
    """An expression that multiplies its value at every step is cut off."""
    with pytest.raises(TooCostlyError):
        passes_filter(expression, {"id": "evt_1", "data": {"a": '"'}})


@given(expression=EXPRESSIONS, document=JSON)
@example(expression="[?" + "&&".join("@" * 200) + "]", document=[*range(5_000)])
@example(expression="||".join(["!sort_by(data,&a)"] * 20), document=[{"a": 1}] * 3_000)
@example(expression="&&".join(["sort(data)"] * 50), document=[*range(40_000)])
@example(expression="&&".join(["data==a"] * 90), document=[[n] for n in range(9_000)])
@example(expression="[" + ",".join(["data"] * 140) + "][]", document=[*range(40_000)])
@example(expression="data[].[@,@,@,@][][].[@,@,@][]", document=[[n] * 9 for n in range(5_000)])
@example(expression="&&".join(["data[::1]"] * 80), document=[*range(40_000)])
@example(expression="length(join(data,[data,data]))", document="x" * 200_000)
def test_cost_bounds_the_work(expression, document):
    """The interpreter makes at most a few calls for each unit that it charges."""
    calls, budget = 0, Budget(MAX_COST)

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    with suppress(ValueError):
        check_expression(expression)
    sys.setprofile(count)
    try:
        with suppress(ValueError):
            evaluate(expression, {"data": document, "a": document}, budget)
    finally:
        sys.setprofile(None)
    charged = MAX_COST - max(budget.left, 0)
    assert calls <= 12 * charged + 1_000


def test_expressions_share_a_budget():
    """What one expression has spent another one lacks."""
    items = {"data": [*range(1_000)]}
    budget = Budget(9_000)
    evaluate("data[?@ > `5`]", items, budget)
    with pytest.raises(TooCostlyError):
        evaluate("data[?@ > `6`]", items, budget)


def test_the_largest_event_is_affordable():
    """A filter over every item of an event of 256 KiB is evaluated: the limit is no hindrance."""
    items = [{"sku": f"sku-{n}", "price": n} for n in range(8_000)]
    wanted = "data.items[?price > `7998` && starts_with(sku, 'sku-')]"
    assert passes_filter(wanted, {"data": {"items": items}})
