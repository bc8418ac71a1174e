"""The notices that wait are bounded, and a batch that is being published does not change."""

import json
from datetime import timedelta

from support.health import BEGIN, SimulatedEndpoint, report

from hookwright.health import MAX_REPORTS, Health, Reports
from hookwright.health.hold_statuses import MAX_HOLD_STATUSES
from hookwright.health.known_reports import MAX_KNOWN_REPORTS
from hookwright.health.notices import MAX_WAITING_NOTICES
from hookwright.outcomes import DeliveryState, Outcome

ENOUGH = 20_000
MEBIBYTE = 2**20


def exhaust(endpoint: SimulatedEndpoint, number: int, **fields: object) -> None:
    for _ in range(number):
        endpoint.exhaust(**fields)


def happened_in(endpoint: SimulatedEndpoint) -> int:
    return sum(1 + notice.more for notice in endpoint.health.notices.waiting)


def test_beyond_a_thousand_they_are_counted() -> None:
    """Of 20,000 exhausted deliveries 999 have a notice each, and one more counts all others."""
    endpoint = SimulatedEndpoint()
    exhaust(endpoint, ENOUGH)
    assert len(endpoint.health.notices.waiting) == MAX_WAITING_NOTICES
    assert [notice.more for notice in endpoint.health.notices.waiting[-2:]] == [
        0,
        ENOUGH - MAX_WAITING_NOTICES,
    ]


def test_each_type_has_its_own_count() -> None:
    """A notice beyond the bound is counted in the last of its type; a type's first is kept."""
    endpoint = SimulatedEndpoint()
    exhaust(endpoint, MAX_WAITING_NOTICES)
    for _ in range(500):
        endpoint.take(ended=DeliveryState.EXPIRED, was_held=True)
    exhaust(endpoint, 10)
    expired = endpoint.health.notices.waiting[-1]
    assert (expired.type, expired.more) == ("delivery.expired", 499)
    assert (endpoint.health.notices.waiting[-2].type, endpoint.health.notices.waiting[-2].more) == (
        "delivery.exhausted",
        10,
    )
    assert len(endpoint.health.notices.waiting) == MAX_WAITING_NOTICES + 1


def test_what_is_being_published_does_not_change() -> None:
    """A batch stays as it is until it is published, though more come and though it is saved."""
    endpoint = SimulatedEndpoint()
    exhaust(endpoint, MAX_WAITING_NOTICES)
    batch = endpoint.health.notices.next(2 * MAX_WAITING_NOTICES)
    before = [notice.model_dump() for notice in batch]
    exhaust(endpoint, 100)
    endpoint.health = Health.model_validate_json(endpoint.health.model_dump_json())
    again = endpoint.health.notices.next(10)
    assert [notice.model_dump() for notice in again] == before
    endpoint.health.notices.published(400)
    assert [notice.number for notice in endpoint.health.notices.next(10)] == list(range(401, 1_001))
    endpoint.health.notices.published(600)
    [fresh] = endpoint.health.notices.next(10)
    assert (fresh.number, fresh.more) == (MAX_WAITING_NOTICES + 1, 99)


def test_none_is_forgotten() -> None:
    """Whatever waits or is published in between, notices count exactly what happened."""
    endpoint, counted = SimulatedEndpoint(), 0
    for number in (700, 5_000, 1, 3_000):
        exhaust(endpoint, number)
        batch = endpoint.health.notices.next(100)
        counted += sum(1 + notice.more for notice in batch)
        endpoint.health.notices.published(len(batch))
    assert counted + happened_in(endpoint) == 8_701


def test_old_states_are_read() -> None:
    """What was stored before keys were looked up in a set is read, and knows its keys."""
    stored = SimulatedEndpoint()
    exhaust(stored, 3)
    old = json.loads(stored.health.model_dump_json(exclude={"hold_statuses", "publishing"}))
    assert isinstance(old["known"], list)
    endpoint = SimulatedEndpoint(health=Health.model_validate(old))
    same = report(BEGIN, key=old["known"][0], outcome=Outcome.HTTP_ERROR)
    endpoint.health.take(Reports(reports=[same]), BEGIN)
    assert endpoint.health.streak.failures == 3


def test_the_largest_fits_where_it_is_carried() -> None:
    """All that an endpoint remembers, at its longest, is half of what Temporal takes: 2 MiB."""
    endpoint = SimulatedEndpoint()
    longest = {"event_id": "e" * 64, "event_type": "t" * 128}
    for number in range(max(MAX_KNOWN_REPORTS, MAX_HOLD_STATUSES) + MAX_REPORTS):
        key = f"{number:064}"
        endpoint.now += timedelta(seconds=20)
        endpoint.exhaust(key=key, delivery=key, is_held=True, duration_ms=60_000, **longest)
    assert len(endpoint.health.known) == MAX_KNOWN_REPORTS
    assert len(endpoint.health.hold_statuses.root) == MAX_HOLD_STATUSES
    assert len(endpoint.health.notices.waiting) == MAX_WAITING_NOTICES
    assert MEBIBYTE / 2 < len(endpoint.health.model_dump_json()) < 1.5 * MEBIBYTE
    assert len(endpoint.health.public().model_dump_json()) < 16_384


def test_the_memory_of_keys_costs_next_to_nothing() -> None:
    """However many keys are known, none is searched for one by one."""
    endpoint = SimulatedEndpoint()
    for _ in range(MAX_KNOWN_REPORTS // MAX_REPORTS):
        endpoint.health.take(Reports(reports=[report(BEGIN) for _ in range(MAX_REPORTS)]), BEGIN)
    compared = 0

    class Key(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    reports = [report(BEGIN) for _ in range(MAX_REPORTS)]
    reports = [each.model_copy(update={"key": Key(each.key)}) for each in reports]
    endpoint.health.take(Reports.model_construct(reports=reports, rule=None, delivered=0), BEGIN)
    assert compared < 10 * MAX_REPORTS
