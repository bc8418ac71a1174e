"""Functions that write the results as markdown tables."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from bench.compare import Outcome
from bench.rounds import History

RATES = ("", "per second", "slowest to fastest round", "times the first line")
COSTS = ("", "CPU ms: server", "worker", "API", "together", "driver", "database bytes")
HISTORIES = ("", "history events", "history bytes", "event's history events", "bytes", "202 ms")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table. The first column is aligned left, the others right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def facts_table(facts: Mapping[str, str]) -> str:
    """Return the table of the machine's facts and the versions."""
    return table(("measured on", ""), facts.items())


def rates_table(outcomes: Sequence[Outcome]) -> str:
    """Return the table of rates, each also as a multiple of the first."""
    return table(RATES, [_rates(outcome, outcomes[0]) for outcome in outcomes])


def costs_table(outcomes: Sequence[Outcome]) -> str:
    """Return the table of processor time and database size for each delivery."""
    return table(COSTS, map(_costs, outcomes))


def histories_table(outcomes: Sequence[Outcome]) -> str:
    """Return the table of the histories' sizes and of the time until a publish is answered."""
    return table(HISTORIES, map(_histories, outcomes))


def _rates(outcome: Outcome, first: Outcome) -> list[str]:
    return [
        outcome.entry.label,
        f"{median(outcome.rates):.1f}",
        f"{min(outcome.rates):.1f} to {max(outcome.rates):.1f}",
        f"{outcome.ratio(first):.2f}",
    ]


def _costs(outcome: Outcome) -> list[str]:
    names = ("server", outcome.entry.scenario.worker, "API")
    return [
        outcome.entry.label,
        *(f"{outcome.cpu_ms(name):.1f}" for name in names),
        f"{outcome.cpu_ms_total():.1f}",
        f"{outcome.cpu_ms('driver'):.1f}",
        f"{median(result.database_bytes for result in outcome.rounds):,.0f}",
    ]


def _histories(outcome: Outcome) -> list[str]:
    last = outcome.rounds[-1]
    publish_times = [
        result.publish_ms for result in outcome.rounds if result.publish_ms is not None
    ]
    return [
        outcome.entry.label,
        *_history(last.history),
        *_history(last.event_history),
        f"{median(publish_times):.0f}" if publish_times else "-",
    ]


def _history(history: History | None) -> list[str]:
    return [f"{history.events:.1f}", f"{history.size:,.0f}"] if history else ["-", "-"]
