"""Rules about the figures that the API counts by itself."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ledger.book import Book
from ledger.records import Post

LOST_SECONDS = 90.0
"""A worker signals its successes after a minute, and one endpoint's a second: what was answered so
long before it is killed, or before its signals get lost, may be in no counter."""


def counters_are_right(book: Book) -> Iterator[str]:
    """What is held, attempts, success rates and totals are those of the deliveries themselves.

    A worker that is killed takes the successes of its last minute along (docs/health.md). A POST
    that was made once more may count twice: what came of each was reported, and only the last is
    told. Figures of a run that has not settled go on while they are asked for, so they are not
    compared.
    """
    if book.still_open:
        return
    repeated, lost = _repeated(book), _lost(book)
    attempts: dict[str, Counter[bool]] = {hook.name: Counter() for hook in book.world.hooks}
    states: dict[str, Counter[str]] = {hook.name: Counter() for hook in book.world.hooks}
    for key, told in book.told.items():
        states[key.hook][told.state] += 1
        attempts[key.hook].update(each["outcome"] == "delivered" for each in told.attempts)
    for name, counted in attempts.items():
        shown, endpoint = book.answers.statistics[name], book.answers.endpoints[name]
        successes, failures = counted[True], counted[False]
        if not 0 <= shown["failed"] - failures <= repeated[name, False]:
            yield f"{name} shows {shown['failed']} failed attempts of {failures}"
        if not -lost[name] <= shown["delivered"] - successes <= repeated[name, True]:
            yield (
                f"{name} shows {shown['delivered']} successes of {successes}, of which at most"
                f" {lost[name]} may be missing"
            )
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


def _repeated(book: Book) -> Counter[tuple[str, bool]]:
    """Return of each hook how many attempts were made once more, by whether they had succeeded."""
    return Counter(
        (it.first.hook, it.first.succeeded) for it in book.repeats if not it.connection_ended
    )


def _lost(book: Book) -> Counter[str]:
    """Return of each hook how many successes a worker may have taken along."""
    return Counter(post.hook for post in book.posts if post.succeeded and _may_be_lost(book, post))


def _may_be_lost(book: Book, post: Post) -> bool:
    return any(
        strike.loses_signals and strike.began - LOST_SECONDS <= book.over(post) <= strike.ended
        for strike in book.strikes
    )


def _rate(shown: Mapping[str, Any]) -> float | None:
    attempts = shown["delivered"] + shown["failed"]
    return shown["delivered"] / attempts if attempts else None
