"""The results, as markdown."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from bench.compare import Outcome
from bench.rounds import History

RATES = ("", "per second", "slowest to fastest round", "times the first line")
COSTS = ("", "CPU ms: server", "worker", "API", "together", "driver", "database bytes")
HISTORIES = ("", "history events", "history bytes", "event's history events", "bytes", "202 ms")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table: text on the left, figures on the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def facts_table(facts: Mapping[str, str]) -> str:
    """Return the machine and the versions."""
    return table(("measured on", ""), facts.items())


def rates_table(outcomes: Sequence[Outcome]) -> str:
    """Return how fast each was, and beside the first of them."""
    return table(RATES, [_rates(outcome, outcomes[0]) for outcome in outcomes])


def costs_table(outcomes: Sequence[Outcome]) -> str:
    """Return what each delivery cost."""
    return table(COSTS, map(_costs, outcomes))


def histories_table(outcomes: Sequence[Outcome]) -> str:
    """Return what each delivery left in its history, and each event; and when publish answered."""
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
        f"{median(each.database_bytes for each in outcome.rounds):,.0f}",
    ]


def _histories(outcome: Outcome) -> list[str]:
    last = outcome.rounds[-1]
    waits = [each.publish_ms for each in outcome.rounds if each.publish_ms is not None]
    return [
        outcome.entry.label,
        *_history(last.history),
        *_history(last.event_history),
        f"{median(waits):.0f}" if waits else "-",
    ]


def _history(history: History | None) -> list[str]:
    return [f"{history.events:.1f}", f"{history.size:,.0f}"] if history else ["-", "-"]
