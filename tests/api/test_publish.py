"""Publish over REST: idempotent, and refused before anything is stored."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from support.receiver import Receiver
from support.stack import CONTRACTS, LOOPBACK, Stack, api_client, api_config, stack, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from hookwright.temporal import RPC_TIMEOUT
from runtime.worker import WorkerConfig, worker

NESTED = 10_000


@pytest.mark.parametrize("endpoints", [1, 2])
async def test_repeat_gets_the_first_answer(
    service: Stack, hooks: Receiver, endpoints: int
) -> None:
    """Same id and body again: the first answer, marked duplicate, and not one more POST."""
    for _ in range(endpoints):
        await service.add_endpoint(hooks.url)
    first = await service.publish(id="evt_1", data={"b": 1, "a": [1.5, None]})
    await assert_eventually(lambda: len(hooks.requests) == endpoints)
    again = await service.publish(id="evt_1", data={"a": [1.5, None], "b": 1})
    assert again == {**first, "duplicate": True}
    ended = f"WorkflowId = 'event:{service.tenant}:evt_1' AND ExecutionStatus = 'Completed'"
    await eventually(lambda: service.client.count_workflows(ended), lambda it: it.count == 1)
    again = await service.publish(id="evt_1", data={"a": [1.5, None], "b": 1})
    assert again == {**first, "duplicate": True}
    await service.publish(id="evt_2")
    await assert_eventually(lambda: hooks.ids().count("evt_2") == endpoints)
    assert sorted(hooks.ids()) == ["evt_1"] * endpoints + ["evt_2"] * endpoints


@pytest.mark.parametrize("endpoints", [1, 2])
async def test_what_is_not_stored_is_not_accepted(
    service: Stack, hooks: Receiver, monkeypatch: pytest.MonkeyPatch, endpoints: int
) -> None:
    """A publish waits for Temporal, for a while; if that fails there is a 503, and no event."""
    for _ in range(endpoints):
        await service.add_endpoint(hooks.url)
    start, timeouts = Client.start_workflow, list[timedelta | None]()

    async def fail(*given: Any, rpc_timeout: timedelta | None = None, **more: Any) -> Any:
        if not more["id"].endswith(":evt_1"):
            return await start(*given, rpc_timeout=rpc_timeout, **more)
        timeouts.append(rpc_timeout)
        raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")

    body = {"id": "evt_1", "type": "loan.funded", "data": 1}
    with monkeypatch.context() as away:
        away.setattr(Client, "start_workflow", fail)
        answer = await service.http.post(f"{service.root}/events", json=body)
    assert (answer.status_code, timeouts) == (503, [RPC_TIMEOUT])
    assert (await service.http.get(f"{service.root}/events/evt_1")).status_code == 404


@pytest.mark.parametrize(
    "other", [{"data": {"n": 2}}, {"data": {"n": True}}, {"type": "loan.lost"}]
)
async def test_same_id_for_another_event_is_refused(service: Stack, other: dict) -> None:
    """Same id, other body: 409 (true is not 1)."""
    await service.publish(id="evt_1", data={"n": 1})
    body = {"id": "evt_1", "type": "loan.funded", "data": {"n": 1}, **other}
    answer = await service.http.post(f"{service.root}/events", json=body)
    assert answer.status_code == 409
    assert "id" in answer.json()["detail"]


async def test_hundred_concurrent_repeats_are_one_event(
    service: Stack, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100 concurrent publishes of one id exactly one is new, and one POST arrives."""
    # The one that is new must not be told 503 because a busy machine takes long for a hundred.
    monkeypatch.setattr("api.routes.strict_route.ANSWER_SECONDS", 60.0)
    await service.add_endpoint(hooks.url)
    answers = await asyncio.gather(*(service.publish(id="evt_1") for _ in range(100)))
    assert sorted(answer["duplicate"] for answer in answers) == [False] + [True] * 99
    assert len({answer["created_at"] for answer in answers}) == 1
    last = await service.publish(id="evt_2")
    await assert_eventually(lambda: last["id"] in hooks.ids())
    assert sorted(hooks.ids()) == ["evt_1", "evt_2"]


async def test_idempotency_key_stands_for_an_id(service: Stack) -> None:
    """The same Idempotency-Key gives the same event; with an id beside it, it is refused."""
    path, body = f"{service.root}/events", {"type": "a", "data": 1}
    headers = {"Idempotency-Key": "order 42"}
    first = (await service.http.post(path, json=body, headers=headers)).json()
    again = (await service.http.post(path, json=body, headers=headers)).json()
    assert again == {**first, "duplicate": True}
    both = await service.http.post(path, json={**body, "id": "evt_1"}, headers=headers)
    assert both.status_code == 422


BAD_BODIES = {
    "bad JSON": (b'{"type": "a", "data": ', 400, "JSON"),
    "not UTF-8": (b'{"type": "a", "data": "\xff"}', 400, "JSON"),
    "NaN": (b'{"type": "a", "data": NaN}', 400, "JSON"),
    "lone surrogate": (b'{"type": "a", "data": "\\ud800"}', 400, "surrogate|escape"),
    "infinite number": (b'{"type": "a", "data": 1e999}', 422, "number"),
    "deep nesting": (
        b'{"type": "a", "data": ' + b"[" * NESTED + b"]" * NESTED + b"}",
        422,
        "nests",
    ),
    "too large": (b'{"type": "a", "data": "' + b"x" * 262_144 + b'"}', 413, "262144"),
    "unknown field": (b'{"type": "a", "data": 1, "colour": "red"}', 422, "colour"),
    "no type": (b'{"data": 1}', 422, "type"),
    "bad type": (b'{"type": "a..b", "data": 1}', 422, "type"),
    "bad id": (b'{"id": "a.b", "type": "a", "data": 1}', 422, "id"),
    "bad endpoint id": (b'{"type": "a", "data": 1, "endpoint_id": "a:b"}', 422, "endpoint_id"),
    "no body": (b"", 422, "body"),
    "a list": (b"[]", 422, "body"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_bad_body_is_refused_before_temporal(offline: httpx.AsyncClient, name: str) -> None:
    """A bad body gets a 4xx problem that names the fault, though Temporal is not even there."""
    body, status, fault = BAD_BODIES[name]
    answer = await offline.post(
        "/v1/tenants/t1/events", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert re.search(fault, answer.text)


async def test_unknown_tenant_is_refused(service: Stack) -> None:
    """An event for a tenant that is not there is a 404, and nothing is stored."""
    path = f"/v1/tenants/{unique('nobody')}/events"
    answer = await service.http.post(path, json={"id": "evt_1", "type": "a", "data": 1})
    assert answer.status_code == 404
    assert "tenant" in answer.json()["detail"]
    assert (await service.http.get(f"{path}/evt_1")).status_code == 404


async def test_unknown_endpoint_is_refused(service: Stack) -> None:
    """An event for an endpoint that is not there is refused: it could never be delivered."""
    body = {"type": "a", "data": 1, "endpoint_id": "ep_none"}
    answer = await service.http.post(f"{service.root}/events", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "endpoint_id"]


async def test_nobody_makes_us_read_a_body_without_a_key(offline: httpx.AsyncClient) -> None:
    """Without a key a bad or large body is a 401 like any other."""
    for body in (b"[" * 10_000, b"x" * 300_000, b"{"):
        headers = {"authorization": "Bearer none", "content-type": "application/json"}
        answer = await offline.post("/v1/tenants/t1/events", content=body, headers=headers)
        assert answer.status_code == 401


async def test_batch_accepts_and_refuses_one_by_one(service: Stack, hooks: Receiver) -> None:
    """In a batch a bad event does not hinder the good ones, and each gets its own answer."""
    await service.add_endpoint(hooks.url)
    events = [
        {"id": "evt_1", "type": "a", "data": 1},
        {"id": "evt_2", "type": "not a type", "data": 1},
        {"id": "evt_1", "type": "a", "data": 1},
        {"id": "evt_1", "type": "a", "data": 2},
        7,
    ]
    answer = await service.http.post(f"{service.root}/events/batch", json={"events": events})
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [202, 422, 202, 409, 422]
    assert [bool(result["event"]) for result in results] == [True, False, True, False, False]
    assert results[2]["event"]["duplicate"]
    assert "type" in results[1]["error"]["errors"][0]["loc"]
    await assert_eventually(lambda: hooks.ids() == ["evt_1"])


async def test_503_names_the_id_to_repeat_with(offline: httpx.AsyncClient) -> None:
    """A publish that may or may not be stored is answered with its id, so it can be repeated."""
    path, body = "/v1/tenants/t1/events", {"type": "a", "data": 1}
    made = await offline.post(path, json=body)
    given = await offline.post(path, json={**body, "id": "inv_1"})
    derived = [
        await offline.post(path, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    for answer in (made, given, *derived):
        assert answer.status_code == 503
        assert answer.json()["event_id"] in answer.json()["detail"]
    assert made.json()["event_id"].startswith("evt_")
    assert given.json()["event_id"] == "inv_1"
    assert len({answer.json()["event_id"] for answer in derived}) == 1
    assert "event_id" not in (await offline.get("/v1/tenants/t1")).json()


async def test_temporal_down_is_503_in_time(offline: httpx.AsyncClient) -> None:
    """With Temporal away, publish and reads answer 503 with Retry-After within 3 s."""
    clock = asyncio.get_running_loop().time
    event = {"type": "a", "data": 1}
    for call in (
        offline.post("/v1/tenants/t1/events", json=event),
        offline.get("/v1/tenants/t1"),
        offline.put("/v1/tenants/t1", json={}),
        offline.post("/v1/tenants/t1/endpoints", json={"url": "https://hooks.example.com/"}),
        offline.get("/readyz"),
    ):
        began = clock()
        answer = await call
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) > 0
        assert clock() - began < 3
    assert (await offline.get("/healthz")).status_code == 200


async def test_no_worker_still_accepts(client: Client, hooks: Receiver) -> None:
    """With every worker stopped, publish, repeats and reads work; the event arrives afterwards."""
    async with stack(client) as running:
        endpoint = await running.add_endpoint(hooks.url)
    config = api_config(running.task_queue)
    async with api_client(client, config) as http:
        stopped = replace(running, http=http)
        event = await stopped.publish(id="evt_1")
        assert (await stopped.publish(id="evt_1"))["duplicate"]
        read = (await http.get(f"{stopped.root}/events/evt_1")).json()
        assert (read["id"], read["fan_out"]) == ("evt_1", "complete")
        assert [each["state"] for each in read["deliveries"]] == ["pending"]
        assert (await http.get(f"{stopped.root}/endpoints/{endpoint['id']}")).status_code == 200
        assert hooks.requests == []
        async with worker(client, WorkerConfig(running.task_queue, LOOPBACK, CONTRACTS)):
            await assert_eventually(lambda: hooks.ids() == [event["id"]])
