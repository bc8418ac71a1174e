"""The rules of the ledger harness: each of them notices what it is there for."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from ledger.book import Book
from ledger.faults import FAULTS, Kill, Replace
from ledger.publishers import plans
from ledger.records import Answer, Answers, Post, Published, Strike, Told
from ledger.report import report
from ledger.rules import RULES, breaches
from ledger.rules.pace import beyond_the_limit
from ledger.world import LIMIT_OF_ALL, LIMIT_OF_MANY, Behaviour, Hook, World

HOOKS = (
    Hook("plain", "t1", "whsec_1"),
    Hook("refusing", "t1", "whsec_2", Behaviour.REFUSING, retries=(1.0,)),
    Hook("ordered", "t1", "whsec_3", ordered=True),
    Hook("limited", "t2", "whsec_4", rate_limit=1.0),
    Hook("dropping", "t1", "whsec_5", Behaviour.DROPPING),
    Hook("hanging", "t1", "whsec_6", Behaviour.HANGING),
    Hook("gone", "t1", "whsec_7", Behaviour.GONE),
)
WORLD = World(1, HOOKS, endpoints={hook.name: f"id-{hook.name}" for hook in HOOKS})
KILL = Strike("kill-worker", 100.5, 102.0, doubles=True, kills_worker=True)
LATE_KILL = Strike("kill-worker", 3_700.0, 3_702.0, doubles=True, kills_worker=True)

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
    RETRIES,
    PUBLISHES,
    NOT_EMPTY,
    ENDED,
    ENDPOINTS,
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
            "started_at": "1970-01-01T00:01:40Z",
            "duration_ms": 100,
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
            "waiting": sum(it.state == "pending" for it in mine),
            "success_rate_day": rate,
        }
    totals: dict[str, dict[str, int]] = {"t1": {"pending": 0}, "t2": {"pending": 0}}
    for it in deliveries:
        totals[it.tenant][it.state] = totals[it.tenant].get(it.state, 0) + 1
    answers = Answers({"t1": 200.0, "t2": 200.0}, tuple(deliveries), endpoints, statistics, totals)
    return Book(WORLD, tuple(posts), tuple(events), strikes, answers)


def with_counters(it: Book, part: str, name: str, **fields: Any) -> Book:
    """Return a ledger in which the API tells something else of an endpoint."""
    shown = getattr(it.answers, part)
    changed = {**shown, name: {**shown[name], **fields}}
    return replace(it, answers=replace(it.answers, **{part: changed}))


def with_told(it: Book, *deliveries: Told) -> Book:
    """Return a ledger in which other deliveries are told, and the counters are as before."""
    return replace(it, answers=replace(it.answers, deliveries=deliveries))


def unanswered(attempts: int, state: str = "exhausted", hook: str = "plain") -> Told:
    """Return a delivery whose attempts got no answer, and took a tenth of a second each."""
    return told(hook, state=state, statuses=(None,) * attempts)


def broken(it: Book) -> set[str]:
    return {name for name, texts in breaches(it).items() if texts}


def right() -> Book:
    """Return a ledger in which all is right: a success, and one that was given up."""
    refused = [
        post("refusing", "e2", 100 + 2 * n, attempt=1 + n, status=500, token=f"refusing-e2-{1 + n}")
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
        {ACCOUNTED, NOT_EMPTY},
    ),
    (
        "it is pending, and nothing is due",
        lambda: book([], [published()], [told(state="pending", statuses=())]),
        {ACCOUNTED, ENDED, NOT_EMPTY},
    ),
    (
        "its next attempt was due long ago",
        lambda: book(
            [],
            [published()],
            [told(state="pending", statuses=(), next_attempt_at="1970-01-01T00:01:00Z")],
        ),
        {ACCOUNTED, ENDED, NOT_EMPTY},
    ),
    (
        "it is held, and the endpoint is active",
        lambda: book([], [published()], [told(state="held", statuses=())]),
        {ACCOUNTED, ENDED, NOT_EMPTY},
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
        {ACCOUNTED, NOT_EMPTY},
    ),
    (
        "its first attempt is not told",
        lambda: book([post(attempt=2)], [published()], [told(statuses=(200,), first_number=2)]),
        {ACCOUNTED},
    ),
    (
        "it has expired, and was not held for so long",
        lambda: book([], [published()], [told(state="expired", statuses=())]),
        {ACCOUNTED, NOT_EMPTY},
    ),
    (
        "a refused event was delivered",
        lambda: book([post()], [published(answers=(422,), valid=False)], [told()]),
        {NOTHING_BEYOND, POSTS_ACCEPTED, NOT_EMPTY},
    ),
    (
        "an event was delivered that nobody has published",
        lambda: book([post()], [], [told()]),
        {NOTHING_BEYOND, POSTS_ACCEPTED, NOT_EMPTY},
    ),
    (
        "an endpoint got what it does not want",
        lambda: book([post(), post("ordered")], [published()], [told(), told("ordered")]),
        {NOTHING_BEYOND, POSTS_ACCEPTED},
    ),
    (
        "a delivery is told that never was",
        lambda: book([], [published()], [told()]),
        {DELIVERED_ANSWERED, ATTEMPTS_POSTED, NOT_EMPTY},
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
        {PUBLISHES, NOT_EMPTY},
    ),
    (
        "an invalid event is accepted",
        lambda: book([post()], [published(valid=False)], [told()]),
        {PUBLISHES, NOTHING_BEYOND, POSTS_ACCEPTED},
    ),
    (
        "a valid event is never accepted",
        lambda: book([], [published(answers=(Answer(99, 99.1, 503, retry_after=1.0),))], []),
        {PUBLISHES, NOT_EMPTY},
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
    (
        "all attempts to a healthy endpoint failed, and it got no POST",
        lambda: book([], [published()], [unanswered(11)]),
        {ACCOUNTED, ATTEMPTS_POSTED, NOT_EMPTY},
    ),
    (
        "an attempt without an answer was not made",
        lambda: book(
            [post(attempt=2, token="plain-e1-2")], [published()], [told(statuses=(None, 200))]
        ),
        {ATTEMPTS_POSTED},
    ),
    (
        "nothing was published",
        lambda: book([], [], []),
        {NOT_EMPTY},
    ),
    (
        "a publisher asked for five minutes, and nobody answered",
        lambda: book(
            [post()], [published(), published("e2", answers=(Answer(99, 400, None),))], [told()]
        ),
        {NOT_EMPTY},
    ),
    (
        "a POST without an answer was made again after a fault an hour later",
        lambda: book(
            [
                post("hanging", token="first", status=0, answered=None),
                post("hanging", at=3_703),
            ],
            [published(hook="hanging")],
            [told("hanging")],
            LATE_KILL,
        ),
        {NOT_TWICE},
    ),
    (
        "a POST on a kept connection was made again after an hour",
        lambda: book(
            [
                post("dropping", "e0", 99),
                post("dropping", token="first", status=0, answered=None),
                post("dropping", at=3_700, connection=9),
            ],
            [published("e0", "dropping"), published(hook="dropping")],
            [told("dropping", "e0"), told("dropping")],
        ),
        {NOT_TWICE},
    ),
    (
        "a POST on a kept connection was made again, and its sender had left",
        lambda: book(
            [
                post("hanging", "e0", 99),
                post("hanging", token="first", status=0, answered=None, left=100.5),
                post("hanging", at=101, connection=9),
            ],
            [published("e0", "hanging"), published(hook="hanging")],
            [told("hanging", "e0"), told("hanging")],
        ),
        {NOT_TWICE},
    ),
    (
        "two attempts were made after a success",
        lambda: book(
            [
                post(at=90),
                post(at=92, attempt=2, status=500, token="second"),
                post(at=94, attempt=3, status=500, token="third"),
            ],
            [published(at=89)],
            [told()],
        ),
        {NOT_TWICE},
    ),
    (
        "an endpoint stays paused",
        lambda: with_counters(right(), "endpoints", "plain", status="paused"),
        {ENDPOINTS},
    ),
    (
        "an endpoint that is gone stays active",
        lambda: book(
            [post("gone", status=410)],
            [published(hook="gone")],
            [told("gone", state="cancelled", statuses=(410,))],
        ),
        {ENDPOINTS},
    ),
    (
        "it is held for ever at an endpoint that stays paused",
        lambda: with_counters(
            book([post(status=500)], [published()], [told(state="held", statuses=(500,))]),
            "endpoints",
            "plain",
            status="paused",
        ),
        {ACCOUNTED, ENDED, ENDPOINTS},
    ),
    (
        "it waits for the turn of an endpoint without a queue",
        lambda: book([post()], [published()], [told(state="pending", statuses=())]),
        {ACCOUNTED, ANSWERED_DELIVERED, ENDED},
    ),
    (
        "it is delivered without an attempt",
        lambda: book([post()], [published()], [told(statuses=())]),
        {DELIVERED_ANSWERED},
    ),
    (
        "a delivery is told of an endpoint that nobody has registered",
        lambda: with_told(
            book([post()], [published()], [told()]), told(), replace(told(), endpoint="id-other")
        ),
        {NOTHING_BEYOND},
    ),
    (
        "a delivery is told twice",
        lambda: with_told(book([post()], [published()], [told()]), told(), told()),
        {NOTHING_BEYOND},
    ),
    (
        "a delivery without a POST is of another tenant's event",
        lambda: book(
            [post()],
            [replace(published(), event_type="ledger.all")],
            [
                told(),
                *(
                    told(hook.name, state="cancelled", statuses=())
                    for hook in HOOKS
                    if hook.name != "plain"
                ),
            ],
        ),
        {ACCOUNTED, NOTHING_BEYOND, NOT_EMPTY},
    ),
    (
        "an invalid event has a delivery, and one of its publishes had no answer",
        lambda: book(
            [],
            [published(answers=(None, 422), valid=False)],
            [told(state="cancelled", statuses=())],
        ),
        {NOTHING_BEYOND, NOT_EMPTY},
    ),
    (
        "a later event overtakes one that was never sent",
        lambda: book(
            [post("ordered", "e2", 101)],
            [published("e1", "ordered", 90), published("e2", "ordered", 95)],
            [told("ordered", "e1", "pending", statuses=()), told("ordered", "e2")],
        ),
        {IN_ORDER, ENDED},
    ),
    (
        "a retry comes at once",
        lambda: book(
            [post(status=500), post(at=100.3, attempt=2)],
            [published()],
            [told(statuses=(500, 200))],
        ),
        {RETRIES},
    ),
    (
        "a busy receiver gets a retry before the time that it asked for",
        lambda: book(
            [post(status=429), post(at=100.8, attempt=2)],
            [published()],
            [told(statuses=(429, 200))],
        ),
        {RETRIES},
    ),
    (
        "it has a body that is not as it was published",
        lambda: book([post(intact=False)], [published()], [told()]),
        {NOT_CROSSED},
    ),
    (
        "it is told as an event of another type",
        lambda: book([post(event_type="ledger.other")], [published()], [told()]),
        {NOT_CROSSED},
    ),
    (
        "it was sent to a path that is no endpoint's",
        lambda: book(
            [post(), replace(post(token="other", status=404), hook="other")],
            [published()],
            [told()],
        ),
        {POSTS_ACCEPTED},
    ),
    (
        "twice the limit arrives for two minutes, whatever strikes",
        lambda: book(
            [post("limited", f"e{n}", 100 + n * 0.45) for n in range(240)],
            [published(f"e{n}", "limited") for n in range(240)],
            [told("limited", f"e{n}") for n in range(240)],
            *(Strike("stop-worker", at, at + 5, doubles=True) for at in range(95, 240, 20)),
        ),
        {RATES},
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


@pytest.mark.parametrize(
    ("body", "found"),
    [("", set()), ('{"token": "fir', set()), ('{"token": "pl', {ATTEMPTS_POSTED})],
    ids=["no-body", "its-beginning", "another-answer"],
)
def test_an_answer_that_did_not_come_whole(body: str, found: set[str]) -> None:
    """An attempt that ended amid its answer has the status, and a beginning of that answer."""
    it = told(statuses=(200, 200))
    cut = {**it.attempts[0], "outcome": "timeout", "response_body": body}
    it = replace(it, attempts=(cut, it.attempts[1]))
    posts = [post(token="first", answered=None), post(at=103, attempt=2)]
    assert broken(book(posts, [published()], [it])) == found


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
    dropped = post("dropping", "e2", 101, status=0, answered=None, connection=connection)
    again = post("dropping", "e2", 101.1, connection=7)
    it = book(
        [post("dropping"), replace(dropped, token="dropped"), again],
        [published(hook="dropping"), published("e2", "dropping")],
        [told("dropping"), told("dropping", "e2")],
    )
    assert broken(it) == found


@pytest.mark.parametrize("fault", ["kill-worker", "stop-temporal"])
def test_a_fault_explains_successes_that_no_counter_has(fault: str) -> None:
    """What a worker had not signalled may be gone: of the last minute and a half, and no more."""
    it = with_counters(right(), "statistics", "plain", delivered=0)
    it = with_counters(it, "endpoints", "plain", success_rate_day=None)
    strike = replace(KILL, fault=fault, kills_worker=fault == "kill-worker")
    late = replace(strike, began=200.0, ended=201.0)
    assert broken(it) == {COUNTERS}
    assert broken(replace(it, strikes=(strike,))) == set()
    assert broken(replace(it, strikes=(late,))) == {COUNTERS}


@pytest.mark.parametrize("status", [200, 500])
def test_an_attempt_that_was_made_twice_may_count_twice(status: int) -> None:
    """What came of both the endpoint may have been told, and of no third one."""
    again = post(at=104, token="plain-e1-1")
    it = book([post(token="first", status=status), again], [published()], [told()], KILL)
    for more, found in ((1, set[str]()), (2, {COUNTERS})):
        successes, failures = (1 + more, 0) if status == 200 else (1, more)
        rate = successes / (successes + failures)
        counts = {"delivered": successes, "failed": failures, "held": 0}
        counted = with_counters(it, "statistics", "plain", **counts)
        counted = with_counters(counted, "endpoints", "plain", success_rate_day=rate)
        assert broken(counted) == found


def test_a_publish_without_an_answer_may_be_stored() -> None:
    """An event of which nobody knows whether it was accepted may arrive, and need not."""
    unknown, other = published(answers=(None,)), published("e2")
    posts, rows = [post(event="e2"), post()], [told(event="e2"), told()]
    assert broken(book(posts, [unknown, other], rows)) == set()
    assert broken(book(posts[:1], [unknown, other], rows[:1])) == set()


def test_a_fault_explains_an_attempt_without_a_post() -> None:
    """An attempt that failed while the network was away, say, need not have reached anybody."""
    refuse = Strike("refuse-receiver", 100.05, 100.3, doubles=True)
    posts = [post(at=101, attempt=2)]
    it = book(posts, [published()], [told(statuses=(None, 200))], refuse)
    assert broken(it) == set()


def test_a_fault_of_names_explains_an_attempt_without_a_post_and_no_second_post() -> None:
    """A name without an address keeps an attempt from being sent, and makes none twice."""
    confused = Strike("fail-names", 100.05, 100.3, doubles=False)
    kept = book([post(at=101, attempt=2)], [published()], [told(statuses=(None, 200))], confused)
    assert broken(kept) == set()
    twice = [post(at=100), post(at=100.2, token="second")]
    assert broken(book(twice, [published()], [told()], confused)) >= {NOT_TWICE}


def test_only_a_wrong_clock_explains_a_wrong_time() -> None:
    """A POST that is refused for the time that it signs breaks a rule, unless a clock was wrong."""
    posts = [post(at=100, status=401), post(at=101, attempt=2)]
    rows = [told(statuses=(401, 200))]
    shift = Strike("shift-clock", 90.0, 100.5, doubles=False)
    assert broken(book(posts, [published()], rows, shift)) == set()
    assert broken(book(posts, [published()], rows)) == {NOT_CROSSED}
    later = replace(shift, began=100.5, ended=110.0)
    assert broken(book(posts, [published()], rows, later)) == {NOT_CROSSED}


def test_a_lost_success_explains_all_that_follows() -> None:
    """If a kill takes a success along, its delivery goes on: each further attempt is explained."""
    posts = [
        post(at=100, token="first"),
        post(at=104, status=500),
        post(at=105, attempt=2, status=500),
        post(at=107, attempt=3),
    ]
    it = book(posts, [published()], [told(statuses=(500, 500, 200))], KILL)
    assert [repeat.second.attempt for repeat in it.repeats] == [1, 2, 3]
    assert broken(it) == set()


def test_a_run_that_has_not_settled_is_told_as_such() -> None:
    """What waits in its queue is in order, and figures that go on are not compared."""
    waiting = told("limited", state="pending", statuses=())
    it = book([post("limited", "e2")], [published(hook="limited")], [waiting])
    it = replace(it, published=(*it.published, published("e2", "limited")))
    it = with_told(it, waiting, told("limited", "e2"))
    assert broken(it) == {ENDED}


def test_a_run_that_was_broken_off_can_be_judged() -> None:
    """Where the API was not asked, the rules about POSTs and publishes are left, and hold."""
    it = replace(right(), answers=Answers({}, (), {}, {}, {}))
    found = breaches(it)
    assert NOT_TWICE in found
    assert ACCOUNTED not in found
    assert not any(found.values())
    assert report(it, found)


@pytest.mark.parametrize(
    ("unrecorded", "fault", "found"),
    [
        ({"first"}, "kill-worker", set()),
        ({"first"}, "term-worker", set()),
        ({"first"}, "pause-endpoint", {NOT_TWICE}),
        (set(), "kill-worker", {NOT_TWICE}),
    ],
    ids=["killed", "replaced", "nobody went", "recorded"],
)
def test_a_repeat_of_what_only_a_replaced_worker_knew(
    unrecorded: set[str], fault: str, found: set[str]
) -> None:
    """It is explained if Temporal had no record of the first POST, and its worker has gone."""
    posts = [post(token="first"), post(at=180)]
    kills = fault == "kill-worker"
    strike = Strike(fault, 150, 151, doubles=kills, kills_worker=kills)
    it = book(posts, [published()], [told(statuses=(200,))], strike)
    it = replace(it, unrecorded=frozenset(unrecorded))
    assert broken(it) == found


def test_a_post_that_a_stopped_worker_has_kept_back() -> None:
    """It arrives just after the worker goes on, and its time was over by then."""
    posts = [post(token="first", at=102.05), post(at=104)]
    told_of_both = told(statuses=(200,))
    for fault, found in (("stop-worker", set[str]()), ("kill-worker", {NOT_TWICE})):
        stop = Strike(fault, 98.0, 102.0, doubles=True)
        assert broken(book(posts, [published()], [told_of_both], stop)) == found


LENGTHS = {Kill: (0.0, 3.0), Replace: (3.0, 3.0)}
"""About how many seconds faults last, where it is not one to ten."""


def _strikes(seed: int, pauses: tuple[float, float]) -> Sequence[Strike]:
    """Return about what strikes in the first round of all faults."""
    random, now, found = Random(f"faults:{seed}"), 0.0, list[Strike]()
    for name in random.sample([*FAULTS], len(FAULTS)):
        began = now + random.uniform(*pauses)
        now = began + random.uniform(*LENGTHS.get(type(FAULTS[name]), (1.0, 10.0)))
        found.append(Strike(name, began, now, FAULTS[name].doubles))
    return found


@pytest.mark.parametrize(
    ("seed", "events", "rate", "share", "strikes"),
    [
        (1, 14_400, 4.0, LIMIT_OF_MANY, ()),
        *((seed, 500, 10.0, LIMIT_OF_ALL, _strikes(seed, (3.0, 12.0))) for seed in range(1, 6)),
    ],
)
def test_runs_would_break_the_limit(
    seed: int, events: int, rate: float, share: float, strikes: Sequence[Strike]
) -> None:
    """Without the limit more would arrive than the rule allows, also while all faults strike."""
    world = World.of(seed, rate=rate, limit_of_all=share)
    (hook,) = [it for it in world.hooks if it.rate_limit is not None]
    until = max(events, int(strikes[-1].ended * rate) if strikes else 0)
    moments = [
        (number / rate, number / rate)
        for number, plan in enumerate(plans(world, until))
        if plan.valid and hook.wants(plan.tenant, plan.event_type)
    ]
    assert list(beyond_the_limit(moments, hook.rate_limit or 0, strikes))


def test_events_published_at_once_have_no_order() -> None:
    """Two events whose publishes overlap may arrive in either order."""
    it = book(
        [post("ordered", "e2", 101), post("ordered", "e1", 102)],
        [published("e1", "ordered", 95), published("e2", "ordered", 95.05)],
        [told("ordered", "e1"), told("ordered", "e2")],
    )
    assert broken(it) == set()
