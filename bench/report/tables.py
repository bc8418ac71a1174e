"""The tables of the report, as markdown."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median, quantiles

from bench.compare import Outcome
from bench.publishing import Published
from bench.run import Results
from bench.site import DRIVER, SERVER

UNKNOWN = "-"

RATES = ("", "events a second", "deliveries a second", "slowest to fastest", "times the first line")
COSTS = (
    "",
    "CPU ms an event: server",
    "worker and API",
    "together",
    "driver",
    "together, a delivery",
    "database bytes an event",
)
LATENCIES = ("ms", "publish call p50", "p99", "publish to POST p50", "p99", "asked to try later")
HISTORIES = ("for an event", "workflows", "history events", "history bytes", "actions")
POSTS = ("", "deliveries", "POSTs", "POSTs a delivery")


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile, between the two nearest values."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table. The first column is aligned left, the others right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def number(value: float | None, digits: int = 1) -> str:
    """Return a number as the tables show it."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def facts_table(facts: Mapping[str, str]) -> str:
    """Return the table of the machine's facts and the versions."""
    return table(("measured on", ""), facts.items())


def rates_table(results: Results) -> str:
    """Return the table of rates, each also as a multiple of the first line's."""
    return table(RATES, [_rates(outcome, results.bare) for outcome in _lines(results)])


def costs_table(results: Results) -> str:
    """Return the table of processor time, and of what the database grows by."""
    return table(COSTS, map(_costs, _lines(results)))


def latencies_table(results: Results) -> str:
    """Return the table of how long a publish takes, and how long its first POST."""
    bare = results.idle_bare_ms
    whole = [number(median(bare)), number(percentile(bare, 99))]
    rows = [
        ["newcomer's bare workflow, one at a time, start to result", "", "", *whole, ""],
        ["fan-out 1, one at a time", *_latencies(results.idle)],
        [f"half load: {results.half.entry.label}", *_latencies(results.half.rounds[0].published)],
    ]
    rows += [
        [flood.outcome.entry.label, *_latencies(flood.published)]
        for flood in results.floods.values()
    ]
    return table(LATENCIES, rows)


def histories_table(results: Results) -> str:
    """Return the table of what an event's workflows store, and what they count as actions."""
    rows = []
    for outcome in _lines(results):
        history = outcome.rounds[-1].history
        rows.append(
            [
                outcome.entry.label,
                *(number(each) for each in (history.workflows, history.events)),
                number(history.size, 0),
                number(history.actions, 2),
            ]
        )
    return table(HISTORIES, rows)


def posts_table(results: Results) -> str:
    """Return the table of all POSTs that the deliveries took."""
    rows = [
        [each.label, f"{each.deliveries:,}", f"{each.posts:,}", number(each.a_delivery, 4)]
        for each in results.posts
    ]
    return table(POSTS, rows)


def memory_table(results: Results) -> str:
    """Return the table of memory: of the site's processes, and of `hookwright dev` as a whole."""
    names = [*results.idle_memory, "together"]
    idle = {**results.idle_memory, "together": sum(results.idle_memory.values())}
    sizes = {"idle": idle} | {
        flood.outcome.entry.label: flood.memory.highest() for flood in results.floods.values()
    }
    rows = [[label, *(number(each[name], 0) for name in names)] for label, each in sizes.items()]
    if results.dev:
        blank = [""] * (len(names) - 1)
        label = f"`hookwright dev`, {results.dev.processes} processes"
        rows.append([f"{label}, idle", *blank, number(results.dev.idle, 0)])
        rows.append(
            [
                f"{label}, flood of {results.dev.events:,} at fan-out 1",
                *blank,
                number(results.dev.flood, 0),
            ]
        )
    return table(("MB (PSS)", *names), rows)


def _lines(results: Results) -> list[Outcome]:
    floods = [flood.outcome for flood in results.floods.values()]
    return [*results.outcomes, results.half, *floods]


def _rates(outcome: Outcome, first: Outcome) -> list[str]:
    deliveries = outcome.delivery_rates
    return [
        outcome.entry.label,
        number(median(outcome.rates)),
        number(median(deliveries)),
        f"{number(min(deliveries))} to {number(max(deliveries))}",
        number(outcome.times(first), 2),
    ]


def _costs(outcome: Outcome) -> list[str]:
    workers = [outcome.cpu_ms(name) for name in outcome.entry.scenario.workers(outcome.entry.site)]
    together = outcome.cpu_ms_total()
    stored = [
        result.database_bytes for result in outcome.rounds if result.database_bytes is not None
    ]
    return [
        outcome.entry.label,
        number(outcome.cpu_ms(SERVER)),
        number(sum(each or 0 for each in workers)),
        number(together),
        number(outcome.cpu_ms(DRIVER)),
        number(together and together / outcome.deliveries),
        number(median(stored) if stored else None, 0),
    ]


def _latencies(published: Published | None) -> list[str]:
    if not published:
        return [UNKNOWN] * 5
    figures = [
        percentile(values, percent)
        for values in (published.call_ms, published.post_ms)
        for percent in (50, 99)
    ]
    return [*map(number, figures), f"{published.refusals:,}"]
