"""Rules about the POSTs themselves: whose they are, how often, in what order and how fast."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ledger.book import Book, Key
from ledger.records import Published
from ledger.world import Hook

WINDOW_SECONDS = 10.0
PRECISION, ONE_MORE = 1.03, 1
"""docs/rate-limits-and-order.md: in any ten seconds 3 % above the limit at most, and one more."""

JITTER_SECONDS = 1.0
"""The limit is on turns. A POST arrives later than its turn, some sooner and some later."""

AFTER_FAULT_SECONDS = 15.0
"""What has had its turn during a fault that hits POSTs may arrive together when that is over. Other
faults give no reason for it."""


def posts_have_events(book: Book) -> Iterator[str]:
    """No POST without an event that was accepted, or that may have been, to one who wants it."""
    for post in book.posts:
        event = book.events.get(post.webhook_id)
        if event is None or not event.may_be_accepted:
            yield f"{post.webhook_id} was sent to {post.hook}, and was not accepted"
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


def nothing_is_crossed(book: Book) -> Iterator[str]:
    """Each POST is signed with its endpoint's secret, and its body is that of its event."""
    for post in book.posts:
        if not post.genuine:
            yield f"{post.webhook_id} to {post.hook} is not signed with this endpoint's secret"
        if post.tenant != book.hooks[post.hook].tenant:
            yield f"{post.webhook_id} to {post.hook} is an event of {post.tenant}"
        if post.event != post.webhook_id:
            yield f"{post.webhook_id} to {post.hook} has the body of {post.event}"


def connections_are_apart(book: Book) -> Iterator[str]:
    """A connection carries the POSTs of one tenant only."""
    tenants = defaultdict(set)
    for post in book.posts:
        tenants[post.connection].add(post.tenant)
    for connection, found in tenants.items():
        if len(found) > 1:
            yield f"connection {connection} carried POSTs of {', '.join(sorted(found))}"


def order_is_kept(book: Book) -> Iterator[str]:
    """What was published after another event's 202 comes after it: with an order, and one key."""
    lines = defaultdict(list)
    for event in book.published:
        for hook in book.world.wanting(event.tenant, event.event_type):
            if hook.ordered and event.accepted:
                lines[hook, event.ordering_key].append(event)
    for (hook, _), events in lines.items():
        yield from _in_order(book, hook, events)


def _in_order(book: Book, hook: Hook, events: Sequence[Published]) -> Iterator[str]:
    """Compare each event with the one before it that was settled last."""
    before = sorted(events, key=lambda event: event.accepted.answered if event.accepted else 0)
    latest, settled, done = "", 0.0, 0
    for event in sorted(events, key=lambda event: event.begun[0]):
        while done < len(before) and _was_before(before[done], event):
            at = _settled_at(book, Key(hook.name, before[done].event))
            if at > settled:
                latest, settled = before[done].event, at
            done += 1
        posts = book.posts_of.get(Key(hook.name, event.event), ())
        if posts and posts[0].arrived < settled:
            yield (
                f"{event.event} came to {hook.name} {settled - posts[0].arrived:.2f} s before"
                f" {latest} was settled, which was accepted before it was published"
            )


def _was_before(first: Published, second: Published) -> bool:
    return first.accepted is not None and first.accepted.answered < second.begun[0]


def _settled_at(book: Book, key: Key) -> float:
    """Return when the next event could come: after the first 2xx, or else the last POST."""
    posts = book.posts_of.get(key, ())
    arrivals = [post.arrived for post in posts if post.succeeded][:1] or [
        post.arrived for post in posts[-1:]
    ]
    return arrivals[0] if arrivals else 0.0


def rates_are_kept(book: Book) -> Iterator[str]:
    """In any ten seconds no more POSTs than the limit allows, where no fault has hit any."""
    for hook in book.world.hooks:
        if hook.rate_limit is None:
            continue
        most = most_in_a_window(hook.rate_limit)
        arrivals = sorted(post.arrived for post in book.posts if post.hook == hook.name)
        for begin, end in windows(arrivals, most):
            if not any(
                strike.doubles and strike.began < end and begin < strike.ended + AFTER_FAULT_SECONDS
                for strike in book.strikes
            ):
                yield f"{hook.name} got more than {most} POSTs in {end - begin:.1f} s"
                break


def most_in_a_window(limit: float) -> int:
    """Return how many POSTs a limit allows in ten seconds."""
    return int((WINDOW_SECONDS + JITTER_SECONDS) * limit * PRECISION + ONE_MORE)


def windows(arrivals: Sequence[float], most: int) -> Iterator[tuple[float, float]]:
    """Yield where more than so many arrivals are within ten seconds."""
    for begin, end in zip(arrivals, arrivals[most:], strict=False):
        if end - begin < WINDOW_SECONDS:
            yield begin, end
