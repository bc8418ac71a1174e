"""The rules: pure functions that take a ledger and yield what breaks them, in words."""

from collections.abc import Callable, Iterator, Mapping

from ledger.book import Book
from ledger.rules import accounts, answers, counters, ends, order, pace, sending

Rule = Callable[[Book], Iterator[str]]

RULES_OF_RECEIVERS: Mapping[str, Rule] = {
    "each POST has an accepted event": sending.posts_have_events,
    "nothing is sent twice without a fault": sending.repeats_are_explained,
    "no secret and no tenant is crossed": sending.nothing_is_crossed,
    "no connection is crossed": sending.connections_are_apart,
    "ordered endpoints get their events in order": order.order_is_kept,
    "limited endpoints get no more than their rate": pace.rates_are_kept,
    "no retry comes before its time": pace.retries_wait,
    "publishes are answered as documented": answers.publishes_are_answered,
    "the run is not empty": answers.run_is_not_empty,
}
"""Those that need nothing that the API tells in the end: also a run that was broken off has it."""

RULES: Mapping[str, Rule] = {
    "every accepted event is accounted for": accounts.accepted_is_accounted_for,
    "there is no delivery beyond these": accounts.nothing_beyond,
    "what is told as delivered was answered 2xx": accounts.delivered_was_answered,
    "what was answered 2xx is told as delivered": accounts.answered_is_delivered,
    "each attempt that is told has its POST": accounts.attempts_have_posts,
    **RULES_OF_RECEIVERS,
    "all deliveries have ended in time": ends.all_have_ended,
    "all endpoints are as they must be": ends.endpoints_are_as_they_must_be,
    "the counters are right": counters.counters_are_right,
}


def breaches(book: Book) -> Mapping[str, list[str]]:
    """Return what breaks each rule that the ledger has enough for."""
    rules = RULES if book.answers.asked else RULES_OF_RECEIVERS
    return {name: list(rule(book)) for name, rule in rules.items()}
