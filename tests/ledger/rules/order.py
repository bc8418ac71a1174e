"""The rule of order: at an endpoint that has one, events of one key arrive one after the other."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ledger.book import OPEN_STATES, Book, Key
from ledger.records import Published
from ledger.world import Hook


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
                f" {latest} was settled (inf: it is not), which was accepted before it was"
                " published"
            )


def _was_before(first: Published, second: Published) -> bool:
    return first.accepted is not None and first.accepted.answered < second.begun[0]


def _settled_at(book: Book, key: Key) -> float:
    """Return when the next event could come: after the first 2xx, or else the last POST.

    Never, if there is no 2xx and the delivery has not ended, or is missing.
    """
    posts = book.posts_of.get(key, ())
    if book.answers.asked and not any(post.succeeded for post in posts):
        told = book.told.get(key)
        if told is None or told.state in OPEN_STATES:
            return math.inf
    arrivals = [post.arrived for post in posts if post.succeeded][:1] or [
        post.arrived for post in posts[-1:]
    ]
    return arrivals[0] if arrivals else 0.0
