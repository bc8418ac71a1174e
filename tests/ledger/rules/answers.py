"""Rules about what publishers were answered."""

from collections.abc import Iterator

from ledger.book import Book
from ledger.publishers import GIVE_UP_SECONDS
from ledger.records import Published

DOCUMENTED = (None, 202, 422, 429, 503)
TRY_LATER = (429, 503)


def publishes_are_answered(book: Book) -> Iterator[str]:
    """202 with this id, as a duplicate if it was accepted before; or when to try again.

    An event is refused, and with 422, if and only if it is invalid. A valid one is accepted in the
    end, if its publisher had any answer at all.
    """
    for event in book.published:
        yield from _taken_wrongly(event)
        known = False
        for number, answer in enumerate(event.answers):
            if answer.status not in DOCUMENTED:
                yield f"{event.event} was answered {answer.status}"
            elif answer.status in TRY_LATER and answer.retry_after is None:
                yield f"{event.event} was answered {answer.status} without a Retry-After"
            elif answer.status == 202:
                if answer.event != event.event:
                    yield f"{event.event} was answered as {answer.event}"
                if known and not answer.duplicate:
                    yield f"{event.event} was accepted twice"
                if answer.duplicate and not _may_be_known(event, number):
                    yield f"{event.event} was answered as a duplicate, and was not known before"
                known = True


def run_is_not_empty(book: Book) -> Iterator[str]:
    """Events are accepted, whoever is to have one gets a POST, and no publisher asks in vain."""
    if not any(event.accepted for event in book.published):
        yield "no event was accepted"
    reached = {post.hook for post in book.posts}
    for name in sorted({key.hook for key in book.expected} - reached):
        yield f"{name} is to have events that were accepted, and got no POST"
    for event in book.published:
        asked = event.answers[-1].answered - event.begun[0] if event.answers else 0.0
        if (
            event.valid
            and all(answer.status is None for answer in event.answers)
            and asked >= GIVE_UP_SECONDS
        ):
            yield f"{event.event} was published for {asked:.0f} s, and there was no answer"


def _taken_wrongly(event: Published) -> Iterator[str]:
    statuses = {answer.status for answer in event.answers}
    if event.valid and statuses - {None} and 202 not in statuses:
        yield f"{event.event} was never accepted"
    if (422 if event.valid else 202) in statuses:
        kind = "valid" if event.valid else "invalid"
        yield f"{event.event} is {kind}, and was answered as if it were not"


def _may_be_known(event: Published, number: int) -> bool:
    """Return whether an earlier publish may have been stored."""
    return any(answer.status in (None, 202, 503) for answer in event.answers[:number])
