"""The publishers: they publish a seed's events and write down each request and each answer."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http import HTTPStatus
from random import Random

import httpx

from ledger.records import Answer, Appending
from ledger.world import TEXT, TO_ALL, TO_NOBODY, World

ANSWER_SECONDS = 15.0
GIVE_UP_SECONDS = 300.0
LONGEST_PAUSE_SECONDS = 2.0
AGAIN = (None, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
"""After these a publisher asks again, under the same id. None: no answer."""

REPEATED, INVALID, WIDE, UNWANTED = 0.05, 0.02, 0.1, 0.05
"""The shares of events that are published once more after their 202, that are no events, that all
endpoints of their tenant want, and that none wants."""

ORDERING_KEYS = (None, "a", "b", "c")


@dataclass(frozen=True)
class Plan:
    """One event that is to be published."""

    tenant: str
    event: str
    event_type: str
    ordering_key: str | None
    repeated: bool
    valid: bool

    @property
    def body(self) -> dict[str, object]:
        """The body of the request. An event without data is invalid."""
        data = {"data": {"tenant": self.tenant, "event": self.event, "text": TEXT}}
        return {
            "id": self.event,
            "type": self.event_type,
            "ordering_key": self.ordering_key,
            **(data if self.valid else {}),
        }


def plans(world: World, events: int | None) -> Iterator[Plan]:
    """Yield so many events of a world's seed, or events without an end."""
    random, number = Random(f"events:{world.seed}"), 0
    while events is None or number < events:
        hook = random.choice(world.hooks)
        (event_type,) = random.choices(
            (TO_ALL, TO_NOBODY, hook.event_type), (WIDE, UNWANTED, 1 - WIDE - UNWANTED)
        )
        yield Plan(
            hook.tenant,
            f"event-{world.seed}-{number}",
            event_type,
            random.choice(ORDERING_KEYS),
            repeated=random.random() < REPEATED,
            valid=random.random() >= INVALID,
        )
        number += 1


@dataclass
class Publishers:
    """Publishers that share out a seed's events: at most `rate` begin in a second."""

    http: httpx.AsyncClient
    ledger: Appending
    number: int
    rate: float

    async def publish(self, events: Iterator[Plan]) -> None:
        """Publish all events, each until it is accepted or refused."""
        began, turn = time.monotonic(), 0

        async def work() -> None:
            nonlocal turn
            for plan in events:
                turn += 1
                await asyncio.sleep(began + turn / self.rate - time.monotonic())
                await self._until_known(plan)

        await asyncio.gather(*(work() for _ in range(self.number)))

    async def _until_known(self, plan: Plan) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        answer = await self._ask(plan)
        while answer.status in AGAIN and time.monotonic() < deadline:
            await asyncio.sleep(min(answer.retry_after or 0.5, LONGEST_PAUSE_SECONDS))
            answer = await self._ask(plan)
        if plan.repeated:
            await self._ask(plan)

    async def _ask(self, plan: Plan) -> Answer:
        asked = time.time()
        known = {"tenant": plan.tenant, "event": plan.event}
        self.ledger.note(
            **known,
            asked=asked,
            event_type=plan.event_type,
            ordering_key=plan.ordering_key,
            valid=plan.valid,
        )
        path = f"/v1/tenants/{plan.tenant}/events"
        try:
            reply = await self.http.post(path, json=plan.body, timeout=ANSWER_SECONDS)
        except httpx.TransportError:
            answer = Answer(asked, time.time(), None)
        else:
            answer = _read(asked, reply)
        self.ledger.note(**known, answer=asdict(answer))
        return answer


def _read(asked: float, reply: httpx.Response) -> Answer:
    body = reply.json() if reply.status_code == HTTPStatus.ACCEPTED else {}
    pause = reply.headers.get("retry-after")
    return Answer(
        asked,
        time.time(),
        reply.status_code,
        body.get("id"),
        body.get("duplicate", False),
        float(pause) if pause else None,
    )
