"""Rules about what became of each event, as the API tells it and as the receiver has seen it."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from hookwright.outcomes import Outcome
from ledger.book import Book, Key
from ledger.records import Post, Told
from ledger.world import Behaviour, Hook

OVERDUE_SECONDS = 30.0
"""An attempt that was due so long ago is not made by anybody."""

NEVER_TAKING = (Behaviour.REFUSING, Behaviour.REDIRECT)


def accepted_is_accounted_for(book: Book) -> Iterator[str]:
    """Each 202, for each endpoint that must have it: delivered, ended, or with a next attempt.

    Only who never takes anything may be given up: eleven attempts in a row do not fail by chance.
    """
    for key in book.expected:
        told = book.told.get(key)
        if told is None:
            yield f"{_named(key)} was accepted, and there is no delivery of it"
        elif fault := _fault_of(book, key, told):
            yield f"{_named(key)} {fault}"


def _fault_of(book: Book, key: Key, told: Told) -> str | None:
    """Return what is wrong with a delivery that must be there, or None."""
    hook, endpoint = book.hooks[key.hook], book.answers.endpoints[key.hook]
    numbers = [attempt["number"] for attempt in told.attempts]
    faults = {
        f"has the attempts {numbers}": numbers != list(range(1, len(numbers) + 1)),
        f"was given up after {len(numbers)} attempts of {1 + len(hook.retries)}": (
            told.state == "exhausted" and len(numbers) <= len(hook.retries)
        ),
        f"was given up after {len(numbers)} attempts, and its receiver takes some": (
            told.state == "exhausted" and hook.behaviour not in NEVER_TAKING
        ),
        "was cancelled, and nobody has asked for it": (
            told.state == "cancelled" and hook.behaviour is not Behaviour.GONE
        ),
        "has expired, and nothing was held for so long": told.state == "expired",
        "is pending without a next attempt, or with one that is overdue": (
            told.state == "pending"
            and not _is_due_later(told, book.answers.asked[told.tenant])
            and not _waits_in_a_queue(hook, told, endpoint)
        ),
        "is held, and its endpoint is not slowed down": (
            told.state == "held" and not endpoint["throttled_until"]
        ),
    }
    return next((text for text, is_wrong in faults.items() if is_wrong), None)


def _is_due_later(told: Told, asked_at: float) -> bool:
    if told.next_attempt_at is None:
        return False
    due = datetime.fromisoformat(told.next_attempt_at).timestamp()
    return due + OVERDUE_SECONDS >= asked_at


def _waits_in_a_queue(hook: Hook, told: Told, endpoint: Mapping[str, Any]) -> bool:
    """Return whether a delivery has no next attempt because it waits for its turn."""
    has_queue = hook.ordered or hook.rate_limit is not None
    return has_queue and told.next_attempt_at is None and bool(endpoint["waiting"])


def nothing_beyond(book: Book) -> Iterator[str]:
    """No delivery of an event that was refused, or to an endpoint that does not want it.

    And none twice, and none to an endpoint that nobody has registered.
    """
    for row in book.surplus_rows:
        yield f"{row.event} to {row.endpoint} is told once more, or of an unknown endpoint"
    for key, told in book.told.items():
        event = book.events.get(key.event)
        if event is None or not event.may_be_accepted:
            yield f"{_named(key)} is a delivery of an event that was not accepted"
        elif not book.hooks[key.hook].wants(event.tenant, event.event_type):
            yield f"{_named(key)} is a delivery that this endpoint does not want"
        elif told.tenant != event.tenant:
            yield f"{_named(key)} is an event of {event.tenant}, and is told as {told.tenant}'s"


def delivered_was_answered(book: Book) -> Iterator[str]:
    """Each delivery that is told as delivered has its 2xx at the receiver: the same answer."""
    for key, told in book.told.items():
        if told.state != "delivered":
            continue
        tokens = {post.token for post in book.posts_of.get(key, ()) if post.succeeded}
        if not tokens:
            yield f"{_named(key)} is told as delivered, and the receiver has answered no 2xx"
        elif not told.attempts or _token(told.attempts[-1]) not in tokens:
            yield f"{_named(key)} is told as delivered by an answer that was not given to it"


def answered_is_delivered(book: Book) -> Iterator[str]:
    """Each 2xx is told as delivered, unless a fault hit its POST before that was stored."""
    for key, posts in book.posts_of.items():
        told = book.told.get(key)
        if told is not None and told.state == "delivered":
            continue
        for post in posts:
            if post.succeeded and not any(book.cutting(post)):
                state = told.state if told else "missing"
                yield f"{_named(key)} was answered {post.status}, and is told as {state}"


def attempts_have_posts(book: Book) -> Iterator[str]:
    """Each attempt has its POST: one with an answer has one with this status and this body.

    Of an answer that had not come whole in time it may have a beginning.

    One without an answer may have none if a fault was under way, which may have kept it back.
    """
    for key, told in book.told.items():
        posts = book.posts_of.get(key, ())
        for attempt in told.attempts:
            if attempt["status_code"] is None:
                is_known = any(post.attempt == attempt["number"] for post in posts)
                is_known = is_known or _meets_a_fault(book, attempt)
            else:
                is_known = any(_is_told_by(post, attempt) for post in posts)
            if not is_known:
                yield (
                    f"{_named(key)} tells of attempt {attempt['number']}, answered"
                    f" {attempt['status_code']}, which the receiver does not know"
                )


def _meets_a_fault(book: Book, attempt: Mapping[str, Any]) -> bool:
    """Return whether a fault that hits or prevents POSTs was under way during an attempt."""
    began = datetime.fromisoformat(attempt["started_at"]).timestamp()
    ended = began + attempt["duration_ms"] / 1_000
    return any(
        strike.may_prevent_posts and strike.began <= ended and began <= strike.ended
        for strike in book.strikes
    )


def _is_told_by(post: Post, attempt: Mapping[str, Any]) -> bool:
    """Return whether an attempt tells of the answer to a POST, or of the beginning that came."""
    if (post.attempt, post.status) != (attempt["number"], attempt["status_code"]):
        return False
    if attempt["outcome"] in (Outcome.DELIVERED, Outcome.HTTP_ERROR):
        return post.token == _token(attempt)
    return json.dumps({"token": post.token}).startswith(attempt["response_body"] or "")


def _token(attempt: Mapping[str, Any]) -> str | None:
    """Return the token of the answer that an attempt tells of."""
    try:
        return str(json.loads(attempt["response_body"])["token"])
    except (TypeError, ValueError, KeyError):
        return None


def _named(key: Key) -> str:
    return f"{key.event} to {key.hook}"
