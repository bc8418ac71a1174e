"""Batches: one status for all, keys that make a repeat safe, and limits of their own."""

from typing import Any

import httpx
import pytest
from support.stack import Stack
from temporalio.service import RPCError, RPCStatusCode

from api.services.events import EventService
from api.services.tenants import TenantService

GOOD, BAD = {"type": "a", "data": 1}, {"type": "not a type", "data": 1}
EVENT_LIMIT, BATCH_LIMIT = 262_144, 4 * 1_048_576


async def send(service: Stack, events: list[Any], **headers: str) -> httpx.Response:
    path = f"{service.root}/events/batch"
    return await service.http.post(path, json={"events": events}, headers=headers)


def event_ids(answer: httpx.Response) -> list[str | None]:
    return [each["event"] and each["event"]["id"] for each in answer.json()["results"]]


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([GOOD, GOOD], 202),
        ([GOOD, BAD], 207),
        ([BAD, GOOD], 207),
        ([BAD, BAD], 422),
        ([7], 422),
        ([{**GOOD, "deliver_at": 60}], 422),
    ],
)
async def test_the_status_tells_of_all_events(service: Stack, events, status) -> None:
    """202 says that all events were accepted, 207 some, 422 none; each result stays its own."""
    answer = await send(service, events)
    assert answer.status_code == status
    accepted = [each["status"] == 202 for each in answer.json()["results"]]
    assert accepted == [each == GOOD for each in events]


async def test_a_key_makes_a_batch_repeatable(service: Stack) -> None:
    """The same key and batch again are the same events; another key makes other events."""
    events = [GOOD, {**GOOD, "id": "own"}, GOOD]
    first = await send(service, events, **{"Idempotency-Key": "k"})
    again = await send(service, events, **{"Idempotency-Key": "k"})
    assert event_ids(first) == event_ids(again)
    assert len(set(event_ids(first))) == 3
    assert event_ids(first)[1] == "own"
    assert all(each["event"]["duplicate"] for each in again.json()["results"])
    other = await send(service, [GOOD], **{"Idempotency-Key": "k2"})
    single = await service.http.post(
        f"{service.root}/events", json=GOOD, headers={"Idempotency-Key": "k"}
    )
    assert not {event_ids(other)[0], single.json()["id"]} & {*event_ids(first)}


async def test_a_key_for_another_batch(service: Stack) -> None:
    """An event that differs under the same key and place is a 409; the others are as before."""
    await send(service, [GOOD, GOOD], **{"Idempotency-Key": "k"})
    answer = await send(service, [GOOD, {**GOOD, "data": 2}], **{"Idempotency-Key": "k"})
    assert answer.status_code == 207
    assert [each["status"] for each in answer.json()["results"]] == [202, 409]


async def test_a_batch_may_be_larger_than_an_event(service: Stack) -> None:
    """A batch of events that are each within their limit is taken, though it is larger."""
    answer = await send(service, [{"type": "a", "data": "x" * 5_000}] * 100)
    assert answer.status_code == 202


async def test_an_event_in_a_batch_has_the_limit_of_an_event(service: Stack) -> None:
    """An event that would be too large alone is refused in a batch as well, and only that one."""
    answer = await send(service, [GOOD, {"type": "a", "data": "x" * EVENT_LIMIT}])
    assert answer.status_code == 207
    taken, refused = answer.json()["results"]
    assert (taken["status"], refused["status"]) == (202, 413)
    assert str(EVENT_LIMIT) in refused["error"]["detail"]


async def test_a_batch_has_a_limit_of_its_own(service: Stack) -> None:
    """Beyond 4 MiB a batch is refused as a whole, and the remedy fits: fewer events."""
    answer = await send(service, [{"type": "a", "data": "x" * (BATCH_LIMIT // 20)}] * 21)
    assert answer.status_code == 413
    assert answer.json()["detail"] == (
        f"the body has more than {BATCH_LIMIT} bytes; send fewer events in a batch"
    )


async def test_temporal_fails_in_the_middle(
    service: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failure the rest is not tried, and each event is told with the id to repeat it by."""
    answers = iter([None, RPCError("busy", RPCStatusCode.RESOURCE_EXHAUSTED, b"")])
    published = EventService.publish

    async def publish(*arguments: Any) -> Any:
        if error := next(answers):
            raise error
        return await published(*arguments)

    monkeypatch.setattr("api.services.events.EventService.publish", publish)
    answer = await send(service, [GOOD, GOOD, BAD, {**GOOD, "id": "own"}])
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [each["status"] for each in results] == [202, 503, 422, 503]
    assert results[1]["error"]["event_id"].startswith("evt_")
    assert results[3]["error"]["event_id"] == "own"
    assert "event_id" not in results[2]["error"]


async def test_temporal_takes_nothing(service: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """If Temporal fails at the first event, the whole answer is a 503 that says when to repeat."""

    async def publish(*_: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr("api.services.events.EventService.publish", publish)
    answer = await send(service, [GOOD, GOOD])
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert len({each["error"]["event_id"] for each in answer.json()["results"]}) == 2


async def test_a_tenant_that_is_deleted_in_the_middle(
    service: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that lasts reads its tenant again: nothing is accepted for one that is gone."""
    published = EventService.publish

    async def publish(*arguments: Any) -> Any:
        answer = await published(*arguments)
        await service.http.delete(service.root)
        return answer

    monkeypatch.setattr("api.services.events.EventService.publish", publish)
    monkeypatch.setattr("api.routes.batch.REREAD_SECONDS", 0.0)
    monkeypatch.setattr("api.routes.batch.ANSWER_SECONDS", 60.0)
    answer = await send(service, [GOOD, GOOD])
    assert answer.status_code == 207
    assert [each["status"] for each in answer.json()["results"]] == [202, 404]


async def test_a_batch_ends_in_time(service: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time of a batch is over the rest is not tried, and the caller is told what was."""
    published = EventService.publish

    async def publish(*arguments: Any) -> Any:
        answer = await published(*arguments)
        monkeypatch.setattr("api.routes.batch.BATCH_SECONDS", -1.0)
        return answer

    monkeypatch.setattr("api.services.events.EventService.publish", publish)
    answer = await send(service, [GOOD, GOOD, GOOD])
    assert answer.status_code == 207
    assert [each["status"] for each in answer.json()["results"]] == [202, 503, 503]


async def test_a_short_batch_reads_its_tenant_once(
    service: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The events of a second share one read of the tenant and its routes."""
    reads, read = 0, TenantService.at_publish

    async def counted(*arguments: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(*arguments)

    monkeypatch.setattr("api.services.tenants.TenantService.at_publish", counted)
    monkeypatch.setattr("api.routes.batch.REREAD_SECONDS", 60.0)
    assert (await send(service, [GOOD] * 3)).status_code == 202
    assert reads == 1
