"""Rules about the end of a run: deliveries have ended, and endpoints are as they were made."""

from collections import Counter
from collections.abc import Iterator

from ledger.book import Book
from ledger.world import Behaviour


def all_have_ended(book: Book) -> Iterator[str]:
    """No delivery is pending or held when the run is over: it has waited for long enough.

    Where this rule is broken, the counters are not compared.
    """
    counted = Counter((key.hook, book.told[key].state) for key in book.still_open)
    for (hook, state), number in sorted(counted.items()):
        yield f"the run has not settled: {number} deliveries to {hook} are {state}"


def endpoints_are_as_they_must_be(book: Book) -> Iterator[str]:
    """Each endpoint is active, but one whose receiver has said that it is gone."""
    gone = {post.hook for post in book.posts if post.status == 410 and post.answered}
    for hook in book.world.hooks:
        status = book.answers.endpoints[hook.name]["status"]
        is_gone = hook.behaviour is Behaviour.GONE and hook.name in gone
        if status != ("disabled" if is_gone else "active"):
            yield f"{hook.name} is {status}, and was {'gone' if is_gone else 'never switched off'}"
