"""The report of a run: what went through it, what each fault did, and whether a rule was broken."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from bench.report.tables import percentile, table
from ledger.book import Book
from ledger.records import Answer, Strike

MOST_SHOWN = 5
FAULT_HEAD = (
    "fault",
    "times",
    "idle",
    "POSTs cut",
    "sent twice",
    "answers meanwhile",
    "slowest, s",
)


def report(book: Book, found: Mapping[str, Sequence[str]]) -> str:
    """Return the report in Markdown."""
    rules = [[name, str(len(broken)) if broken else "holds"] for name, broken in found.items()]
    shown = [f"- {text}" for broken in found.values() for text in _shortened(broken)]
    return "\n\n".join(
        part
        for part in (
            table(("", "figure"), list(figures(book))),
            table(FAULT_HEAD, _faults(book)),
            table(("rule", "breaches"), rules),
            "\n".join(shown),
        )
        if part
    )


def figures(book: Book) -> Iterator[list[str]]:
    """Yield the figures of a run."""
    accepted = [event for event in book.published if event.accepted]
    states = Counter(told.state for told in book.told.values())
    ends = [post.arrived for post in book.posts]
    seconds = max(ends, default=0.0) - min((event.begun[0] for event in accepted), default=0.0)
    yield ["seed", str(book.world.seed)]
    yield ["events accepted", f"{len(accepted):,} of {len(book.published):,}"]
    yield ["deliveries that must be there", f"{len(book.expected):,}"]
    if book.answers.asked:
        yield ["lost", str(sum(key not in book.told for key in book.expected))]
        yield ["deliveries", ", ".join(f"{number:,} {state}" for state, number in states.items())]
    yield ["POSTs", f"{len(book.posts):,}"]
    ended = sum(repeat.connection_ended for repeat in book.repeats)
    yield ["sent once more, over a new connection", str(ended)]
    yield ["sent once more, otherwise", str(len(book.repeats) - ended)]
    forgotten = sum(repeat.forgotten for repeat in book.repeats)
    yield ["of these, not recorded yet when their worker was replaced", str(forgotten)]
    yield ["first publish to last POST", f"{seconds:.0f} s"]
    if waits := recoveries(book):
        yield ["after the kill of a worker, p50", f"{percentile(waits, 50):.1f} s"]
        yield ["after the kill of a worker, p99", f"{percentile(waits, 99):.1f} s"]


def recoveries(book: Book) -> list[float]:
    """Return how long after the kill of a worker each POST that was cut was made once more."""
    return [
        repeat.second.arrived - repeat.strike.began
        for repeat in book.repeats
        if repeat.strike and repeat.strike.kills_worker and not repeat.connection_ended
    ]


def _faults(book: Book) -> list[list[str]]:
    rows = []
    for name in sorted({strike.fault for strike in book.strikes}):
        strikes = [strike for strike in book.strikes if strike.fault == name]
        answers = [answer for strike in strikes for answer in _answers_during(book, strike)]
        statuses = Counter(answer.status or "none" for answer in answers)
        rows.append(
            [
                name,
                str(len(strikes)),
                str(sum(_is_idle(book, strike) for strike in strikes)),
                str(sum(_cut(book, strike) for strike in strikes)),
                str(
                    sum(
                        repeat.strike in strikes and not repeat.connection_ended
                        for repeat in book.repeats
                    )
                ),
                ", ".join(f"{number} {status}" for status, number in statuses.most_common()),
                f"{max((answer.answered - answer.asked for answer in answers), default=0):.1f}",
            ]
        )
    return rows


def _answers_during(book: Book, strike: Strike) -> Iterator[Answer]:
    for event in book.published:
        for answer in event.answers:
            if answer.asked <= strike.ended and answer.answered >= strike.began:
                yield answer


def _is_idle(book: Book, strike: Strike) -> bool:
    """Return whether no publish was under way when a fault struck, and no POST was in flight."""
    return not _cut(book, strike) and not any(
        answer.asked <= strike.began <= answer.answered
        for event in book.published
        for answer in event.answers
    )


def _cut(book: Book, strike: Strike) -> int:
    """Return how many POSTs had arrived, and were not answered, when a fault struck."""
    return sum(post.arrived <= strike.began <= book.over(post) for post in book.posts)


def _shortened(broken: Sequence[str]) -> list[str]:
    rest = len(broken) - MOST_SHOWN
    return [*broken[:MOST_SHOWN], *([f"... and {rest} more of this kind"] if rest > 0 else [])]
