"""Attempts that wait for costly expressions: few of a tenant do so at once, and no others wait."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from support.fakes import DELIVERED, endpoint
from support.stack import CONTRACTS

from activities.delivery import WebhookSender
from activities.delivery.request import SentAttempt, WebhookRequest
from activities.egress import Answer
from activities.shares import EVALUATIONS, NoRoomError
from hookwright.expressions import Room
from hookwright.models import EventInput
from hookwright.outcomes import Outcome, Trigger

COSTLY, CHEAP = "costly", "cheap"


@dataclass
class World:
    """An evaluator whose process does not answer for now, and receivers that do."""

    answers: asyncio.Event = field(default_factory=asyncio.Event)
    posts: Counter[str] = field(default_factory=Counter)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    sender: WebhookSender = field(init=False)

    def __post_init__(self) -> None:
        me: Any = self
        self.sender = WebhookSender(me, CONTRACTS, me)

    async def verdicts(self, _: str, filters: list[str], __: object, room: Room) -> dict[str, bool]:
        for each in filters:
            await self.value(_, each, __, room)
        return dict.fromkeys(filters, True)

    async def value(self, _: str, expression: str, __: object, room: Room) -> Any:
        if expression == COSTLY:
            with room():
                await self.answers.wait()
        return {}

    async def post(self, *args: Any) -> Answer:
        self.posts[args[5]] += 1
        return DELIVERED

    async def send(
        self, tenant: str, name: str, trigger: Trigger = Trigger.SCHEDULE, **config: Any
    ) -> SentAttempt:
        state = endpoint(**config).model_copy(update={"tenant_id": tenant, "endpoint_id": name})
        request = WebhookRequest(
            endpoint=state,
            event=EventInput(tenant_id=tenant, id="evt_1", type="a.b", data={}),
            happened_at=datetime.now(UTC),
            number=1,
            trigger=trigger,
            unfiltered="filter" in config,
        )
        return await self.sender.send(request)

    async def begin(self, tenant: str, count: int, **config: Any) -> None:
        sends = [self.send(tenant, f"ep_{number}", **config) for number in range(count)]
        self.tasks += map(asyncio.create_task, sends)
        await asyncio.sleep(0)

    async def end(self) -> list[SentAttempt]:
        self.answers.set()
        return list(await asyncio.gather(*self.tasks))


@pytest.mark.parametrize("config", [{"filter": COSTLY}, {"payload_template": COSTLY}])
async def test_few_wait_for_costly_expressions(config: dict[str, str]) -> None:
    """One more of the tenant is told when to come again, with nothing sent; another's is made."""
    world = World()
    await world.begin("t1", EVALUATIONS.tenant, **config)
    await world.begin("t1", 1, **config)
    assert world.tasks[-1].done()
    one_more = world.tasks.pop().exception()
    assert isinstance(one_more, NoRoomError)
    assert one_more.seconds >= 1
    await world.begin("t2", 1, **config)
    assert not world.posts
    sent = await world.end()
    assert {each.attempt.outcome for each in sent} == {Outcome.DELIVERED}
    assert world.posts == {"t1": EVALUATIONS.tenant, "t2": 1}
    assert (await world.send("t1", "one_more", **config)).attempt.outcome is Outcome.DELIVERED


@pytest.mark.parametrize("config", [{}, {"payload_template": CHEAP}, {"filter": CHEAP}])
async def test_what_costs_little_does_not_wait(config: dict[str, str]) -> None:
    """An attempt of the same tenant that needs no costly expression is made at once."""
    world = World()
    await world.begin("t1", EVALUATIONS.tenant, filter=COSTLY)
    assert (await world.send("t1", "other", **config)).attempt.outcome is Outcome.DELIVERED
    assert world.posts == {"t1": 1}
    await world.end()


async def test_a_test_event_has_room() -> None:
    """A person waits for the result of a test event, so it waits for the process beside others."""
    world = World()
    await world.begin("t1", EVALUATIONS.tenant, filter=COSTLY)
    await world.begin("t1", 1, trigger=Trigger.TEST, payload_template=COSTLY)
    assert not world.tasks[-1].done()
    await world.end()
    assert world.posts == {"t1": EVALUATIONS.tenant + 1}
