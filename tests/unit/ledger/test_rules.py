"""The rules of the ledger harness: each of them notices what it is there for."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from ledger.book import Book
from ledger.publishers import plans
from ledger.records import Answer, Answers, Post, Published, Strike, Told
from ledger.rules import RULES, breaches
from ledger.rules.sending import most_in_a_window, windows
from ledger.world import Behaviour, Hook, World

HOOKS = (
    Hook("plain", "t1", "whsec_1"),
    Hook("refusing", "t1", "whsec_2", Behaviour.REFUSING, retries=(1.0,)),
    Hook("ordered", "t1", "whsec_3", ordered=True),
    Hook("limited", "t2", "whsec_4", rate_limit=1.0),
)
WORLD = World(1, HOOKS, endpoints={hook.name: f"id-{hook.name}" for hook in HOOKS})
KILL = Strike("kill-worker", 100.5, 102.0, doubles=True, kills_worker=True)

(
    ACCOUNTED,
    NOTHING_BEYOND,
    DELIVERED_ANSWERED,
    ANSWERED_DELIVERED,
    ATTEMPTS_POSTED,
    POSTS_ACCEPTED,
    NOT_TWICE,
    NOT_CROSSED,
    CONNECTIONS,
    IN_ORDER,
    RATES,
    PUBLISHES,
    COUNTERS,
) = RULES


def post(hook: str = "plain", event: str = "e1", at: float = 100.0, **fields: Any) -> Post:
    tenant = next(it.tenant for it in HOOKS if it.name == hook)
    attempt = fields.get("attempt", 1)
    usual = {
        "token": f"{hook}-{event}-{attempt}",
        "connection": 1 if tenant == "t1" else 2,
        "attempt": 1,
        "tenant": tenant,
        "event": event,
        "genuine": True,
        "status": 200,
        "answered": at + 0.1,
    }
    return Post(hook=hook, arrived=at, webhook_id=event, **{**usual, **fields})


def published(
    event: str = "e1",
    hook: str = "plain",
    at: float = 99.0,
    answers: Sequence[Any] = (202,),
    *,
    valid: bool = True,
) -> Published:
    (tenant,) = [it.tenant for it in HOOKS if it.name == hook]
    return Published(
        tenant,
        event,
        f"ledger.{hook}",
        None,
        (at,) * len(answers),
        tuple(
            answer
            if isinstance(answer, Answer)
            else Answer(at, at + 0.1, answer, event if answer == 202 else None)
            for answer in answers
        ),
        valid,
    )


def told(hook: str = "plain", event: str = "e1", state: str = "delivered", **fields: Any) -> Told:
    """Return a delivery with one attempt that failed for each of `failed`, and the last one."""
    tenant = next(it.tenant for it in HOOKS if it.name == hook)
    statuses = fields.get("statuses", (200,))
    attempts = tuple(
        {
            "number": number,
            "status_code": status,
            "outcome": "delivered" if status == 200 else "http_error",
            "response_body": f'{{"token": "{hook}-{event}-{number}"}}',
        }
        for number, status in enumerate(statuses, fields.get("first_number", 1))
    )
    return Told(tenant, event, f"id-{hook}", state, fields.get("next_attempt_at"), attempts)


def book(
    posts: Sequence[Post], events: Sequence[Published], deliveries: Sequence[Told], *strikes: Strike
) -> Book:
    """Return a ledger whose counters are those of its deliveries."""
    endpoints, statistics = {}, {}
    for hook in HOOKS:
        mine = [it for it in deliveries if it.endpoint == f"id-{hook.name}"]
        outcomes = [each["outcome"] == "delivered" for it in mine for each in it.attempts]
        held = sum(it.state == "held" for it in mine)
        rate = sum(outcomes) / len(outcomes) if outcomes else None
        statistics[hook.name] = {
            "delivered": sum(outcomes),
            "failed": len(outcomes) - sum(outcomes),
            "held": held,
        }
        endpoints[hook.name] = {
            "status": "active",
            "throttled_until": None,
            "held": held,
            "success_rate_day": rate,
        }
    totals: dict[str, dict[str, int]] = {"t1": {"pending": 0}, "t2": {"pending": 0}}
    for it in deliveries:
        totals[it.tenant][it.state] = totals[it.tenant].get(it.state, 0) + 1
    answers = Answers(200.0, tuple(deliveries), endpoints, statistics, totals)
    return Book(WORLD, tuple(posts), tuple(events), strikes, answers)


def broken(it: Book) -> set[str]:
    return {name for name, texts in breaches(it).items() if texts}


def right() -> Book:
    """Return a ledger in which all is right: a success, and one that was given up."""
    refused = [
        post("refusing", "e2", 100 + n, attempt=1 + n, status=500, token=f"refusing-e2-{1 + n}")
        for n in range(2)
    ]
    return book(
        [post(), *refused],
        [published(), published("e2", "refusing"), published("e3", answers=(422,), valid=False)],
        [told(), told("refusing", "e2", "exhausted", statuses=(500, 500))],
    )


def test_a_ledger_without_fault_breaks_nothing() -> None:
    """No rule is broken where all is right."""
    assert broken(right()) == set()


LEDGERS: Sequence[tuple[str, Callable[[], Book], set[str]]] = [
    (
        "an accepted event has no delivery",
        lambda: book([], [published()], []),
        {ACCOUNTED},
    ),
    (
        "it is pending, and nothing is due",
        lambda: book([], [published()], [told(state="pending", statuses=())]),
        {ACCOUNTED},
    ),
    (
        "its next attempt was due long ago",
        lambda: book(
            [],
            [published()],
            [told(state="pending", statuses=(), next_attempt_at="1970-01-01T00:01:00Z")],
        ),
        {ACCOUNTED},
    ),
    (
        "it is held, and the endpoint is active",
        lambda: book([], [published()], [told(state="held", statuses=())]),
        {ACCOUNTED},
    ),
    (
        "it was given up too early",
        lambda: book(
            [post("refusing", status=500)],
            [published(hook="refusing")],
            [told("refusing", state="exhausted", statuses=(500,))],
        ),
        {ACCOUNTED},
    ),
    (
        "it was cancelled by nobody",
        lambda: book([], [published()], [told(state="cancelled", statuses=())]),
        {ACCOUNTED},
    ),
    (
        "its first attempt is not told",
        lambda: book([post(attempt=2)], [published()], [told(statuses=(200,), first_number=2)]),
        {ACCOUNTED},
    ),
    (
        "it has expired, and was not held for so long",
        lambda: book([], [published()], [told(state="expired", statuses=())]),
        {ACCOUNTED},
    ),
    (
        "a refused event was delivered",
        lambda: book([post()], [published(answers=(422,), valid=False)], [told()]),
        {NOTHING_BEYOND, POSTS_ACCEPTED},
    ),
    (
        "an event was delivered that nobody has published",
        lambda: book([post()], [], [told()]),
        {NOTHING_BEYOND, POSTS_ACCEPTED},
    ),
    (
        "an endpoint got what it does not want",
        lambda: book([post(), post("ordered")], [published()], [told(), told("ordered")]),
        {NOTHING_BEYOND, POSTS_ACCEPTED},
    ),
    (
        "a delivery is told that never was",
        lambda: book([], [published()], [told()]),
        {DELIVERED_ANSWERED, ATTEMPTS_POSTED},
    ),
    (
        "it is told by another delivery's answer",
        lambda: book([post(token="plain-e9-1")], [published()], [told()]),
        {DELIVERED_ANSWERED, ATTEMPTS_POSTED},
    ),
    (
        "its sender had left before the 200",
        lambda: book([post(answered=None)], [published()], [told()]),
        {DELIVERED_ANSWERED},
    ),
    (
        "a success was forgotten",
        lambda: book(
            [post("refusing", status=200), post("refusing", at=102, attempt=2, status=500)],
            [published(hook="refusing")],
            [told("refusing", state="exhausted", statuses=(500, 500))],
        ),
        {ANSWERED_DELIVERED, ATTEMPTS_POSTED, NOT_TWICE},
    ),
    (
        "an attempt is told that was not made",
        lambda: book([post(attempt=2)], [published()], [told(statuses=(500, 200))]),
        {ATTEMPTS_POSTED},
    ),
    (
        "a delivered event was sent again",
        lambda: book([post(), post(at=101, token="again")], [published()], [told()]),
        {NOT_TWICE},
    ),
    (
        "it was sent again after a kill that it did not hit",
        lambda: book(
            [post(at=90), post(at=103, token="again")], [published(at=89)], [told()], KILL
        ),
        {NOT_TWICE},
    ),
    (
        "it was signed with another secret",
        lambda: book([post(genuine=False)], [published()], [told()]),
        {NOT_CROSSED},
    ),
    (
        "it has the body of another event",
        lambda: book([replace(post(), event="e9")], [published()], [told()]),
        {NOT_CROSSED},
    ),
    (
        "it has the body of another tenant",
        lambda: book([post(tenant="t2", connection=5)], [published()], [told()]),
        {NOT_CROSSED},
    ),
    (
        "two tenants share a connection",
        lambda: book(
            [post(), post("limited", "e2", connection=1)],
            [published(), published("e2", "limited")],
            [told(), told("limited", "e2")],
        ),
        {CONNECTIONS},
    ),
    (
        "a later event overtakes an earlier one",
        lambda: book(
            [post("ordered", "e2", 101), post("ordered", "e1", 102)],
            [published("e1", "ordered", 90), published("e2", "ordered", 95)],
            [told("ordered", "e1"), told("ordered", "e2")],
        ),
        {IN_ORDER},
    ),
    (
        "a later event comes between the attempts of an earlier one",
        lambda: book(
            [
                post("ordered", "e1", 100, status=500),
                post("ordered", "e2", 101),
                post("ordered", "e1", 102, attempt=2),
            ],
            [published("e1", "ordered", 90), published("e2", "ordered", 95)],
            [told("ordered", "e1", statuses=(500, 200)), told("ordered", "e2")],
        ),
        {IN_ORDER},
    ),
    (
        "more arrives than the limit allows",
        lambda: book(
            [post("limited", f"e{n}", 100 + n / 2) for n in range(20)],
            [published(f"e{n}", "limited") for n in range(20)],
            [told("limited", f"e{n}") for n in range(20)],
        ),
        {RATES},
    ),
    (
        "a valid event is refused",
        lambda: book([], [published(answers=(422,))], []),
        {PUBLISHES},
    ),
    (
        "an invalid event is accepted",
        lambda: book([post()], [published(valid=False)], [told()]),
        {PUBLISHES},
    ),
    (
        "a valid event is never accepted",
        lambda: book([], [published(answers=(Answer(99, 99.1, 503, retry_after=1.0),))], []),
        {PUBLISHES},
    ),
    (
        "a publish is answered 500",
        lambda: book([post()], [published(answers=(500, 202))], [told()]),
        {PUBLISHES},
    ),
    (
        "a refusal does not say when to try again",
        lambda: book([post()], [published(answers=(503, 202))], [told()]),
        {PUBLISHES},
    ),
    (
        "an event is accepted twice",
        lambda: book([post()], [published(answers=(202, 202))], [told()]),
        {PUBLISHES},
    ),
    (
        "a new event is taken for a duplicate",
        lambda: book(
            [post()], [published(answers=(Answer(99, 99.1, 202, "e1", duplicate=True),))], [told()]
        ),
        {PUBLISHES},
    ),
    (
        "an event is answered under another id",
        lambda: book([post()], [published(answers=(Answer(99, 99.1, 202, "e9"),))], [told()]),
        {PUBLISHES},
    ),
]


@pytest.mark.parametrize(
    ("ledger", "rules"), [it[1:] for it in LEDGERS], ids=[it[0] for it in LEDGERS]
)
def test_rules_are_broken(ledger: Callable[[], Book], rules: set[str]) -> None:
    """A ledger in which one thing is wrong breaks exactly the rules that say so."""
    assert broken(ledger()) == rules


COUNTS = [
    ("statistics", "plain", "failed", 1),
    ("statistics", "plain", "delivered", 0),
    ("statistics", "plain", "delivered", 2),
    ("statistics", "plain", "held", 1),
    ("endpoints", "plain", "held", 1),
    ("endpoints", "plain", "success_rate_day", 0.5),
    ("endpoints", "plain", "success_rate_day", None),
    ("totals", "t1", "delivered", 2),
]


@pytest.mark.parametrize(("part", "name", "field", "value"), COUNTS)
def test_a_wrong_counter_is_noticed(part: str, name: str, field: str, value: float | None) -> None:
    """A figure of the API that is not the deliveries' own breaks the rule of the counters."""
    it = right()
    shown = getattr(it.answers, part)
    changed = {**shown, name: {**shown[name], field: value}}
    it = replace(it, answers=replace(it.answers, **{part: changed}))
    assert broken(it) == {COUNTERS}


def test_every_rule_can_be_broken() -> None:
    """No rule is without a ledger that breaks it."""
    assert {*RULES} == {COUNTERS}.union(*(rules for _, _, rules in LEDGERS))


def test_a_kill_explains_what_was_in_flight() -> None:
    """A POST that a kill has cut, or whose answer it may have, may be made once more."""
    for answered in (None, 100.2):
        again = post(at=104, token="plain-e1-1", attempt=1)
        first = post(at=100, token="first", answered=answered)
        it = book([first, again], [published()], [told()], KILL)
        assert broken(it) == set()
        assert [repeat.strike for repeat in it.repeats] == [KILL]


@pytest.mark.parametrize(("connection", "found"), [(1, set()), (4, {NOT_TWICE})])
def test_a_kept_connection_that_ends_explains_a_repeat(connection: int, found: set[str]) -> None:
    """A POST is made again over a new connection if its own was kept, and ended unanswered."""
    dropped = post(event="e2", at=101, status=0, answered=None, connection=connection)
    again = post(event="e2", at=101.1, token="plain-e2-1", connection=7)
    it = book(
        [post(), replace(dropped, token="dropped"), again],
        [published(), published("e2")],
        [told(), told(event="e2")],
    )
    assert broken(it) == found


def test_a_kill_explains_successes_that_no_counter_has() -> None:
    """A killed worker takes the successes of its last minute along, and no failures."""
    it = right()
    shown = dict(it.answers.statistics)
    shown["plain"] = {**shown["plain"], "delivered": 0}
    endpoints = dict(it.answers.endpoints)
    endpoints["plain"] = {**endpoints["plain"], "success_rate_day": None}
    answers = replace(it.answers, statistics=shown, endpoints=endpoints)
    assert broken(replace(it, answers=answers)) == {COUNTERS}
    assert broken(replace(it, answers=answers, strikes=(KILL,))) == set()


def test_a_success_that_was_sent_twice_may_count_twice() -> None:
    """Of a repeated success both workers may have told the endpoint, and no third one."""
    again = post(at=104, token="plain-e1-1")
    it = book([post(token="first"), again], [published()], [told()], KILL)
    for counted, found in ((2, set[str]()), (3, {COUNTERS})):
        shown = {**it.answers.statistics, "plain": {"delivered": counted, "failed": 0, "held": 0}}
        assert broken(replace(it, answers=replace(it.answers, statistics=shown))) == found


def test_a_publish_without_an_answer_may_be_stored() -> None:
    """An event of which nobody knows whether it was accepted may arrive, and need not."""
    unknown = published(answers=(None,))
    assert broken(book([post()], [unknown], [told()])) == set()
    assert broken(book([], [unknown], [])) == set()


def test_runs_would_break_the_limit() -> None:
    """Without the limit more would arrive in some ten seconds than the rule allows."""
    for seed, events, rate in ((6, 60, 3.0), (1, 500, 10.0)):
        world = World.of(seed, rate=rate)
        (hook,) = [it for it in world.hooks if it.rate_limit is not None]
        arrivals = [
            number / rate
            for number, plan in enumerate(plans(world, events))
            if plan.valid and hook.wants(plan.tenant, plan.event_type)
        ]
        most = most_in_a_window(hook.rate_limit or 0)
        assert list(windows(arrivals, most)), (seed, most, len(arrivals))


def test_events_published_at_once_have_no_order() -> None:
    """Two events whose publishes overlap may arrive in either order."""
    it = book(
        [post("ordered", "e2", 101), post("ordered", "e1", 102)],
        [published("e1", "ordered", 95), published("e2", "ordered", 95.05)],
        [told("ordered", "e1"), told("ordered", "e2")],
    )
    assert broken(it) == set()
