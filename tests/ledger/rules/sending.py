"""Rules about the POSTs themselves: whose they are, how often, and over what connection."""

from collections import defaultdict
from collections.abc import Iterator
from http import HTTPStatus

from ledger.book import Book


def posts_have_events(book: Book) -> Iterator[str]:
    """No POST without an event that was accepted, or that may have been, to one who wants it."""
    for post in book.posts:
        event = book.events.get(post.webhook_id)
        if event is None or not event.may_be_accepted:
            yield f"{post.webhook_id} was sent to {post.hook}, and was not accepted"
        elif post.hook not in book.hooks:
            yield f"{post.webhook_id} was sent to a path that is no endpoint's"
        elif not book.hooks[post.hook].wants(event.tenant, event.event_type):
            yield f"{post.webhook_id} was sent to {post.hook}, which does not want it"


def repeats_are_explained(book: Book) -> Iterator[str]:
    """No POST is made once more, unless a fault hit the first one, or its connection ended."""
    for repeat in book.repeats:
        first, second = repeat.first, repeat.second
        if not repeat.is_explained:
            yield (
                f"{second.webhook_id} was sent to {second.hook} again after"
                f" {second.arrived - first.arrived:.1f} s (attempt {first.attempt}, answered"
                f" {first.status}, then attempt {second.attempt}), and no fault explains it"
            )


def _a_clock_was_wrong(book: Book, at: float) -> bool:
    return any(it.shifts_clock and it.began <= at <= it.ended for it in book.strikes)


def nothing_is_crossed(book: Book) -> Iterator[str]:
    """Each POST is signed with its endpoint's secret, and its body is that of its event."""
    for post in book.posts:
        if post.hook not in book.hooks:
            continue  # posts_have_events tells it
        if not post.genuine:
            yield f"{post.webhook_id} to {post.hook} is not signed with this endpoint's secret"
        if post.status == HTTPStatus.UNAUTHORIZED and not _a_clock_was_wrong(book, post.arrived):
            yield f"{post.webhook_id} to {post.hook} has a wrong time, and no clock was wrong"
        if post.tenant != book.hooks[post.hook].tenant:
            yield f"{post.webhook_id} to {post.hook} is an event of {post.tenant}"
        if post.event != post.webhook_id:
            yield f"{post.webhook_id} to {post.hook} has the body of {post.event}"
        if not post.intact:
            yield f"{post.webhook_id} to {post.hook} has a body that is not as it was published"
        event = book.events.get(post.webhook_id)
        if event and post.event_type not in (None, event.event_type):
            yield f"{post.webhook_id} to {post.hook} is told as {post.event_type}"


def connections_are_apart(book: Book) -> Iterator[str]:
    """A connection carries the POSTs of one tenant only."""
    tenants = defaultdict(set)
    for post in book.posts:
        tenants[post.connection].add(post.tenant)
    for connection, found in tenants.items():
        if len(found) > 1:
            yield f"connection {connection} carried POSTs of {', '.join(sorted(found))}"
