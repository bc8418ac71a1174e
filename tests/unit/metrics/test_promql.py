"""The evaluator of alert rules: it computes what Prometheus does, and refuses the rest."""

import pytest
from support.promql import NAME, Evaluator, Labels, Scrape, parse


def sample(name: str, **labels: str) -> Labels:
    return frozenset({NAME: name, **labels}.items())


BEFORE = Scrape(
    0.0,
    {
        sample("calls_total", status="200"): 10.0,
        sample("calls_total", status="503"): 4.0,
        sample("took_bucket", le="0.1"): 0.0,
        sample("took_bucket", le="1.0"): 0.0,
        sample("took_bucket", le="+Inf"): 0.0,
    },
)
AFTER = Scrape(
    60.0,
    {
        sample("calls_total", status="200"): 40.0,
        sample("calls_total", status="503"): 2.0,
        sample("took_bucket", le="0.1"): 50.0,
        sample("took_bucket", le="1.0"): 100.0,
        sample("took_bucket", le="+Inf"): 100.0,
        sample("began", host="a"): 5.0,
        sample("began", host="b"): 20.0,
    },
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('calls_total{status="200"}', {"200": 40.0}),
        ('calls_total{status=~"2..|3.."}', {"200": 40.0}),
        ('calls_total{status!~"2.."}', {"503": 2.0}),
        ("calls_total > 3", {"200": 40.0}),
        ("calls_total[5m]", None),
        ("increase(calls_total[5m])", {"200": 30.0, "503": 2.0}),
        ("rate(calls_total[1m])", {"200": 0.5, "503": 2 / 60}),
        ("increase(calls_total[30s])", {}),
        ("sum(calls_total)", {"": 42.0}),
        ('sum(calls_total{status="200"}) / sum(calls_total)', {"": 40 / 42}),
        ("sum by (status) (increase(calls_total[5m]))", {"200": 30.0, "503": 2.0}),
        ("min(began)", {"": 5.0}),
        ("time() - max(began)", {"": 40.0}),
        ("absent(began)", {}),
        ("absent(other)", {"": 1.0}),
        ("histogram_quantile(0.75, sum by (le) (rate(took_bucket[5m])))", {"": 0.55}),
        ("histogram_quantile(0.5, sum by (le) (rate(took_bucket[5m]))) > 1", {}),
    ],
)
def test_evaluates(expression, expected):
    """Each form that our rules use has the value that Prometheus gives it."""
    evaluator = Evaluator([BEFORE, AFTER], 60.0)
    if expected is None:
        with pytest.raises(ValueError, match="not understood"):
            evaluator.vector(parse(expression))
        return
    found = {
        dict(labels).get("status", ""): value
        for labels, value in evaluator.vector(parse(expression)).items()
    }
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    "expression",
    [
        "calls_total offset 5m",
        "sum without (status) (calls_total)",
        "irate(calls_total[5m])",
        "calls_total and began",
        "calls_total{status=~'2..'}",
        "sum(calls_total",
        "rate(calls_total)",
        "calls_total * 2",
        "",
    ],
)
def test_refuses_what_it_does_not_know(expression):
    """An expression of another form is an error, and never quietly false."""
    with pytest.raises((ValueError, IndexError)):
        Evaluator([BEFORE, AFTER], 60.0).vector(parse(expression))
