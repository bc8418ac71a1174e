"""Rules about the figures that the API counts by itself."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ledger.book import Book


def counters_are_right(book: Book) -> Iterator[str]:
    """What is held, attempts, success rates and totals are those of the deliveries themselves.

    A worker that is killed takes the successes of its last minute along (docs/health.md). A success
    that was sent twice counts twice, if both workers lived to report it.
    """
    twice = Counter(repeat.first.hook for repeat in book.repeats if repeat.first.succeeded)
    complete = not any(strike.kills_worker for strike in book.strikes)
    attempts: dict[str, Counter[bool]] = {hook.name: Counter() for hook in book.world.hooks}
    states: dict[str, Counter[str]] = {hook.name: Counter() for hook in book.world.hooks}
    for key, told in book.told.items():
        states[key.hook][told.state] += 1
        attempts[key.hook].update(each["outcome"] == "delivered" for each in told.attempts)
    for name, counted in attempts.items():
        shown, endpoint = book.answers.statistics[name], book.answers.endpoints[name]
        successes, failures = counted[True], counted[False]
        if shown["failed"] != failures:
            yield f"{name} shows {shown['failed']} failed attempts of {failures}"
        least = successes if complete else 0
        if not least <= shown["delivered"] <= successes + twice[name]:
            yield f"{name} shows {shown['delivered']} successes of {successes}"
        if shown["held"] != states[name]["held"] or endpoint["held"] != states[name]["held"]:
            yield f"{name} shows {shown['held']} held deliveries of {states[name]['held']}"
        rate = endpoint["success_rate_day"]
        expected = _rate(shown)
        is_right = rate == expected if None in (rate, expected) else abs(rate - expected) <= 0.01
        if not is_right:
            yield f"{name} shows a success rate of {rate}, and its statistics {expected}"
    for tenant, shown in book.answers.totals.items():
        found = sum(
            (states[hook.name] for hook in book.world.hooks if hook.tenant == tenant), Counter()
        )
        if {state: number for state, number in shown.items() if number} != dict(found):
            yield f"{tenant} shows {dict(shown)} deliveries of {dict(found)}"


def _rate(shown: Mapping[str, Any]) -> float | None:
    attempts = shown["delivered"] + shown["failed"]
    return shown["delivered"] / attempts if attempts else None
