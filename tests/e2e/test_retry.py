"""Retry and cancel: a person's wish, once, and nothing loses its place."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from support.receiver import Receiver, Reply, answering
from support.stack import Stack
from support.waiting import assert_eventually, eventually
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import ResetActivityRequest

from hookwright.ids import event_workflow_id
from hookwright.outcomes import Trigger
from hookwright.temporal import described, resend

pytestmark = pytest.mark.cluster


class Case:
    """One delivery of a new endpoint."""

    def __init__(self, service: Stack, endpoint: dict[str, Any], event: str) -> None:
        self.service, self.endpoint, self.event = service, endpoint["id"], event
        self.path = f"{service.root}/deliveries/{self.endpoint}:{event}"
        self.endpoint_path = f"{service.root}/endpoints/{self.endpoint}"

    @classmethod
    async def begun(cls, service: Stack, hooks: Receiver, **fields: Any) -> "Case":
        endpoint = await service.add_endpoint(hooks.url, **fields)
        return cls(service, endpoint, (await service.publish())["id"])

    async def read(self) -> dict[str, Any]:
        return await self.service.delivery(self.endpoint, self.event)

    async def until(self, state: str, attempts: int) -> dict[str, Any]:
        """Return the delivery once it is so, and rests."""
        return await eventually(
            self.read,
            lambda it: (
                it.get("state") == state
                and len(it["attempts"]) == attempts
                and (state != "pending" or it["next_attempt_at"])
            ),
        )

    async def ask(self, what: str) -> int:
        return (await self.service.http.post(f"{self.path}/{what}")).status_code


def triggers(delivery: dict[str, Any]) -> list[str]:
    return [attempt["trigger"] for attempt in delivery["attempts"]]


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the seconds between when two readings say that the next attempt is due."""
    times = (datetime.fromisoformat(each["next_attempt_at"]) for each in (one, other))
    first, second = times
    return abs((first - second).total_seconds())


async def test_pending_is_attempted_now_and_keeps_its_place(
    service: Stack, hooks: Receiver
) -> None:
    """A retry of a pending delivery is one more POST; when the next is due stays what it was."""
    hooks.behave = answering(500)
    case = await Case.begun(service, hooks, retry={"schedule_seconds": [3_000, 6_000]})
    before = await case.until("pending", 1)
    assert await case.ask("retry") == 202
    after = await case.until("pending", 2)
    assert triggers(after) == ["schedule", "manual"]
    assert apart(before, after) < 5
    hooks.behave = answering(200)
    assert await case.ask("retry") == 202
    ended = await case.until("delivered", 3)
    assert triggers(ended) == ["schedule", "manual", "manual"]
    assert [attempt["number"] for attempt in ended["attempts"]] == [1, 2, 3]
    assert {*hooks.ids()} == {case.event}


async def test_manual_attempts_use_no_step(service: Stack, hooks: Receiver) -> None:
    """After manual attempts all steps of the schedule are still made."""
    hooks.behave = answering(500)
    case = await Case.begun(service, hooks, retry={"schedule_seconds": [15, 1]})
    await case.until("pending", 1)
    assert await case.ask("retry") == 202
    ended = await eventually(case.read, lambda it: it["state"] == "exhausted", within=60)
    assert triggers(ended) == ["schedule", "manual", "schedule", "schedule"]


async def test_what_is_due_soon_is_not_reset(service: Stack, hooks: Receiver) -> None:
    """A retry just before the next attempt is that attempt: a reset could have it made twice."""
    hooks.behave = answering(500, 200)
    case = await Case.begun(service, hooks, retry={"schedule_seconds": [2.4]})
    await case.until("pending", 1)
    assert await case.ask("retry") == 202
    assert triggers(await case.until("delivered", 2)) == ["schedule", "schedule"]


async def test_held_is_attempted_now_and_keeps_its_place(service: Stack, hooks: Receiver) -> None:
    """A retry of a held delivery is POSTed though the endpoint is paused; failed, it is held."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [3_000]})
    await service.http.post(f"{service.root}/endpoints/{endpoint['id']}/pause")
    cases = [Case(service, endpoint, (await service.publish())["id"]) for _ in range(3)]
    for case in cases:
        await case.until("held", 0)
    hooks.behave = answering(500)
    assert await cases[1].ask("retry") == 202
    assert triggers(await cases[1].until("held", 1)) == ["manual"]
    hooks.behave = answering(200)
    assert await cases[2].ask("retry") == 202
    await cases[2].until("delivered", 1)
    await eventually(
        lambda: service.http.get(cases[0].endpoint_path), lambda it: it.json()["held"] == 2
    )
    await service.http.post(f"{cases[0].endpoint_path}/resume")
    await cases[1].until("delivered", 2)
    assert hooks.ids() == [cases[n].event for n in (1, 2, 0, 1)]


@pytest.mark.parametrize("state", ["delivered", "exhausted", "cancelled", "expired"])
async def test_an_ended_delivery_is_resent(service: Stack, hooks: Receiver, state: str) -> None:
    """However it ended, a delivery is resent under its id: its log goes on, in a second run."""
    hooks.behave = answering(200 if state == "delivered" else 500)
    endpoint = await service.add_endpoint(
        hooks.url, retry={"schedule_seconds": [3_000] if state == "cancelled" else []}
    )
    if state == "expired":
        await service.http.put(service.root, json={"hold_for_seconds": 1})
        await service.http.post(f"{service.root}/endpoints/{endpoint['id']}/pause")
    case = Case(service, endpoint, (await service.publish())["id"])
    attempts = 0 if state == "expired" else 1
    if state == "cancelled":
        await case.until("pending", 1)
        assert await case.ask("cancel") == 202
    await eventually(case.read, lambda it: it.get("state") == state, within=40)
    hooks.behave = answering(200)
    assert await case.ask("retry") == 202
    ended = await case.until("delivered", attempts + 1)
    assert triggers(ended) == ["schedule"] * attempts + ["manual"]
    assert ended["ended_at"]
    assert {*hooks.ids()} == {case.event}
    workflow_id = event_workflow_id(service.tenant, case.event)

    async def runs() -> list[str]:
        query = f"WorkflowId = '{workflow_id}'"
        return [row.run_id async for row in service.client.list_workflows(query)]

    await eventually(runs, lambda found: len({*found}) == 2)


async def test_a_resend_follows_the_whole_schedule(service: Stack, hooks: Receiver) -> None:
    """A resend that fails is retried through the whole table again."""
    hooks.behave = answering(500)
    case = await Case.begun(service, hooks, retry={"schedule_seconds": [0.1, 0.1]})
    await case.until("exhausted", 3)
    assert await case.ask("retry") == 202
    ended = await case.until("exhausted", 6)
    assert triggers(ended) == ["schedule"] * 3 + ["manual"] + ["schedule"] * 2
    assert len(hooks.requests) == 6


@pytest.mark.parametrize("state", ["pending", "held", "exhausted"])
async def test_concurrent_retries_are_one(service: Stack, hooks: Receiver, state: str) -> None:
    """Ten retries at once, of whatever kind of delivery, are one more POST."""
    hooks.behave = answering(500)
    schedule = [] if state == "exhausted" else [3_000]
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": schedule})
    if state == "held":
        await service.http.post(f"{service.root}/endpoints/{endpoint['id']}/pause")
    case = Case(service, endpoint, (await service.publish())["id"])
    await case.until(state, 0 if state == "held" else 1)
    made, gate = len(hooks.requests), asyncio.Event()
    hooks.behave = lambda _: Reply(500, gate=gate)
    assert await asyncio.gather(*(case.ask("retry") for _ in range(10))) == [202] * 10
    await assert_eventually(lambda: len(hooks.requests) == made + 1)
    assert await case.ask("retry") == 202  # while it is under way
    gate.set()
    after = await case.until(state, made + 1)
    assert triggers(after)[-1] == "manual"
    assert len(hooks.requests) == made + 1


async def test_a_run_is_resent_once(service: Stack, hooks: Receiver) -> None:
    """Who asks for a resend of the same run later, after the resend has ended, gets that one."""
    hooks.behave = answering(500)
    case = await Case.begun(service, hooks, retry={"schedule_seconds": []})
    await case.until("exhausted", 1)
    ended = await described(service.client, event_workflow_id(service.tenant, case.event))
    for _ in range(2):
        await resend(service.client, ended, Trigger.MANUAL)
        await case.until("exhausted", 2)
    await service.publish(id="later")
    await assert_eventually(lambda: "later" in hooks.ids())
    assert hooks.ids() == [case.event] * 2 + ["later"]


async def test_reset_does_not_cut_an_attempt_short(service: Stack, hooks: Receiver) -> None:
    """An activity that is reset during a POST ends it: the receiver gets it once."""
    hooks.behave = answering(500)
    case = await Case.begun(service, hooks, retry={"schedule_seconds": [3_000]})
    await case.until("pending", 1)
    gate = asyncio.Event()
    hooks.behave = lambda _: Reply(200, gate=gate)
    await case.ask("retry")
    await assert_eventually(lambda: len(hooks.requests) == 2)
    workflow_id = event_workflow_id(service.tenant, case.event)

    async def pending() -> PendingActivityInfo:
        description = await service.client.get_workflow_handle(workflow_id).describe()
        return description.raw_description.pending_activities[0]

    running = await pending()
    await service.client.workflow_service.reset_activity(
        ResetActivityRequest(
            namespace=service.client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id),
            id=running.activity_id,
        )
    )
    for _ in range(2):  # the answer to a heartbeat tells the worker
        last = (await pending()).last_heartbeat_time.ToDatetime()
        await eventually(
            pending, lambda it, last=last: it.last_heartbeat_time.ToDatetime() > last, within=20
        )
    gate.set()
    await case.until("delivered", 2)
    assert len(hooks.requests) == 2


async def test_retry_of_a_deleted_endpoints_delivery(service: Stack, hooks: Receiver) -> None:
    """It is refused, for there is nobody to send it to; an unknown delivery is a 404."""
    case = await Case.begun(service, hooks)
    await case.until("delivered", 1)
    assert (await service.http.delete(case.endpoint_path)).status_code == 204

    async def refused() -> int:
        return await case.ask("retry")

    assert await eventually(refused, lambda status: status == 409)
    assert (await service.http.post(f"{case.path}_/retry")).status_code == 404
    assert (await service.http.post(f"{case.path}_/cancel")).status_code == 404


@pytest.mark.parametrize("state", ["pending", "held"])
async def test_cancel(service: Stack, hooks: Receiver, state: str) -> None:
    """A cancelled delivery is not sent again, keeps its log, and a second cancel says the same."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [3_000]})
    if state == "held":
        await service.http.post(f"{service.root}/endpoints/{endpoint['id']}/pause")
    case = Case(service, endpoint, (await service.publish())["id"])
    attempts = 0 if state == "held" else 1
    await case.until(state, attempts)
    assert await case.ask("cancel") == 202
    await case.until("cancelled", attempts)
    assert await case.ask("cancel") == 202
    await eventually(
        lambda: service.http.get(case.endpoint_path), lambda it: it.json()["held"] == 0
    )


@pytest.mark.parametrize(("status", "state"), [(200, "delivered"), (500, "cancelled")])
@pytest.mark.parametrize("endpoints", [1, 2], ids=["sole", "one-of-two"])
async def test_cancel_during_the_first_attempt(
    service: Stack, hooks: Receiver, endpoints: int, status: int, state: str
) -> None:
    """What the receiver took is told as delivered; what it refused is cancelled, with its log."""
    gate = asyncio.Event()
    hooks.behave = lambda _: Reply(status, gate=gate)
    for _ in range(endpoints):
        endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [3_000]})
    case = Case(service, endpoint, (await service.publish())["id"])
    await assert_eventually(lambda: len(hooks.requests) == endpoints)
    assert await case.ask("cancel") == 202
    gate.set()
    delivery = await case.until(state, 1)
    assert delivery["attempts"][0]["status_code"] == status
    if status == 500:  # successes are counted within a minute
        await eventually(
            lambda: service.http.get(f"{case.endpoint_path}/stats?window_seconds=3600"),
            lambda it: it.json()["failed"] == 1,
        )


async def test_cancel_of_a_released_delivery(service: Stack, hooks: Receiver) -> None:
    """Cancelled during the attempt that a retry made of it, a held delivery is held no more."""
    endpoint = await service.add_endpoint(hooks.url, timeout_seconds=60)
    await service.http.post(f"{service.root}/endpoints/{endpoint['id']}/pause")
    case = Case(service, endpoint, (await service.publish())["id"])
    await case.until("held", 0)
    gate = asyncio.Event()
    hooks.behave = lambda _: Reply(gate=gate)
    assert await case.ask("retry") == 202
    await assert_eventually(lambda: len(hooks.requests) == 1)
    assert await case.ask("cancel") == 202
    await eventually(case.read, lambda it: it["state"] == "cancelled")
    gate.set()
    await eventually(
        lambda: service.http.get(case.endpoint_path), lambda it: it.json()["held"] == 0
    )


async def test_what_has_ended_cannot_be_cancelled(service: Stack, hooks: Receiver) -> None:
    """A delivered delivery stays delivered: 409."""
    case = await Case.begun(service, hooks)
    await case.until("delivered", 1)
    assert await case.ask("cancel") == 409
