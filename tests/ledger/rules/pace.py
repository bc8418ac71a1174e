"""Rules about when POSTs come: no faster than the limit, and no retry before its time."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ledger.book import Book
from ledger.records import Strike

WINDOW_SECONDS = 10.0
LONG_WINDOW_SECONDS = 120.0
PRECISION, ONE_MORE = 1.03, 1
"""docs/rate-limits-and-order.md: in any ten seconds 3 % above the limit at most, and one more."""

JITTER_SECONDS = 2.0
"""The limit is on turns. A POST arrives later than its turn, some sooner and some later. While
workers are behind a queue notices within two seconds, and gives no turns until they have caught
up."""

AFTER_FAULT_SECONDS = 5.0
"""Who was published before a fault that hits POSTs, or so shortly after it, may have had its turn
long before its POST. What stands still during a fault arrives together when all goes on, and only a
worker that has started again and caught up lets it go on: no fixed time after a fault is enough."""

LATE_SECONDS = 15.0
"""The turns of so many seconds may come late by each fault: a long window has so many more."""

EARLY_SECONDS = 0.1
"""A retry may come so much earlier than its delay says: clocks are read in two processes."""

BUSY_SECONDS = 1.0
"""The Retry-After that a busy receiver sends."""


def rates_are_kept(book: Book) -> Iterator[str]:
    """In any ten seconds no more POSTs than the limit allows, of those that no fault has touched.

    And in any two minutes no more of all POSTs, where each fault may have made some late.
    """
    for hook in book.world.hooks:
        if hook.rate_limit is not None:
            posts = [post for post in book.posts if post.hook == hook.name]
            moments = [
                (book.events[post.webhook_id].begun[0], post.arrived)
                for post in posts
                if post.webhook_id in book.events
            ]
            for text in beyond_the_limit(moments, hook.rate_limit, book.strikes):
                yield f"{hook.name} got {text}"


def beyond_the_limit(
    moments: Sequence[tuple[float, float]], limit: float, strikes: Sequence[Strike]
) -> Iterator[str]:
    """Yield the first ten seconds, and the first two minutes, in which too many arrived.

    `moments` are when each event was published first, and when its POST arrived.
    """
    hitting = [strike for strike in strikes if strike.doubles]
    untouched = sorted(
        arrived
        for published, arrived in moments
        if not _striking(hitting, published, arrived, AFTER_FAULT_SECONDS)
    )
    most = most_in_a_window(limit)
    for begin, end in windows(untouched, most):
        yield f"more than {most} POSTs in {end - begin:.1f} s"
        break
    arrivals = sorted(arrived for _, arrived in moments)
    for number, begin in enumerate(arrivals):
        end = begin + LONG_WINDOW_SECONDS
        late = LATE_SECONDS * len(_striking(hitting, begin, end, LATE_SECONDS))
        most = int((LONG_WINDOW_SECONDS + JITTER_SECONDS + late) * limit * PRECISION + ONE_MORE)
        if len(arrivals) > number + most and arrivals[number + most] < end:
            yield f"more than {most} POSTs in {LONG_WINDOW_SECONDS:.0f} s"
            break


def _striking(
    strikes: Sequence[Strike], begin: float, end: float, afterwards: float
) -> list[Strike]:
    """Return the faults that touch a time, or ended so shortly before it."""
    return [it for it in strikes if it.began <= end and begin < it.ended + afterwards]


def most_in_a_window(limit: float) -> int:
    """Return how many POSTs a limit allows in ten seconds."""
    return int((WINDOW_SECONDS + JITTER_SECONDS) * limit * PRECISION + ONE_MORE)


def windows(arrivals: Sequence[float], most: int) -> Iterator[tuple[float, float]]:
    """Yield where more than so many arrivals are within ten seconds."""
    for begin, end in zip(arrivals, arrivals[most:], strict=False):
        if end - begin < WINDOW_SECONDS:
            yield begin, end


def retries_wait(book: Book) -> Iterator[str]:
    """A retry comes after its delay at the earliest, and after what a busy receiver asks for.

    A POST that a fault has hit is left out: it may have arrived long after it was sent.
    """
    for key, posts in book.posts_of.items():
        hook = book.hooks.get(key.hook)
        for first, second in pairwise(posts):
            if (
                hook is None
                or second.attempt != first.attempt + 1
                or not 1 <= first.attempt <= len(hook.retries)
                or any(book.cutting(first))
            ):
                continue
            delay = hook.retries[first.attempt - 1]
            if first.status == 429:
                delay = max(delay, BUSY_SECONDS)
            waited = second.arrived - (first.answered or first.arrived)
            if waited < delay - EARLY_SECONDS:
                yield (
                    f"attempt {second.attempt} of {key.event} came to {key.hook} after"
                    f" {waited:.2f} s, and not after {delay:.1f} s"
                )
