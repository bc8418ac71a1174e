"""The publisher: it creates tenants, and publishes events over REST in three ways.

In a closed loop the next event begins when one has been delivered. Paced events begin at a given
rate, whatever became of those before. An open flood is published as fast as it is accepted.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from bench.http_client import client_of
from bench.receiver import Receiver
from bench.waiting import MAX_WORK_SECONDS, for_each, until

DATA = {"loan": "loan_0123456789", "amount": 1500, "note": "x" * 150}
CREATIONS_AT_ONCE = 40
"""A tenant takes the changes that wait for it together, so many at once are faster."""

MAX_RETRY_AFTER_SECONDS = 60.0
TRY_LATER = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.MULTI_STATUS)
"""What a publish is repeated after, as real publishers do. 207 says that a part of a batch was not
stored; the repeat has the same ids, so the other part is not published twice."""


@dataclass(frozen=True)
class Tenant:
    """A tenant whose endpoints all lead to the receiver and get every event."""

    id: str
    endpoints: Sequence[str]


@dataclass
class Published:
    """Events that were published: their ids, and what the publisher has noted of them.

    `began` and `accepted` have times of `time.perf_counter`, by event: when the call that was
    accepted began, and when it was answered. The other figures are filled when all have arrived.
    """

    began: dict[str, float] = field(default_factory=dict)
    accepted: dict[str, float] = field(default_factory=dict)
    call_ms: list[float] = field(default_factory=list)
    post_ms: list[float] = field(default_factory=list)
    refusals: int = 0

    @property
    def events(self) -> list[str]:
        """The ids of the events, in the order in which they were accepted."""
        return list(self.accepted)


@dataclass(frozen=True)
class Publisher:
    """An HTTP client of the API, and the receiver of all webhooks."""

    http: httpx.AsyncClient
    receiver: Receiver

    async def answers(self, path: str) -> HTTPStatus | None:
        """Return the status that the API answers to a GET, or None if it does not answer."""
        try:
            return HTTPStatus((await self.http.get(path)).status_code)
        except httpx.TransportError:
            return None

    async def add_tenant(self, tenant: str, endpoints: int) -> Tenant:
        """Create a tenant with so many endpoints."""
        return await self.add_tenant_of(tenant, [{"url": self.receiver.url}] * endpoints)

    async def add_tenant_of(self, tenant: str, endpoints: Sequence[Mapping[str, Any]]) -> Tenant:
        """Create a tenant with endpoints of these fields. The ids are in the fields' order."""
        await self._create("PUT", f"/v1/tenants/{tenant}", {"name": tenant})

        async def add_endpoint(body: Mapping[str, Any]) -> str:
            return str((await self._create("POST", f"/v1/tenants/{tenant}/endpoints", body))["id"])

        return Tenant(tenant, await for_each(endpoints, add_endpoint, CREATIONS_AT_ONCE))

    async def _create(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create something. A busy machine's 503 is asked again, with the same key."""
        answers: list[httpx.Response] = []
        headers = {"idempotency-key": secrets.token_hex(8)} if method == "POST" else {}

        async def created() -> bool:
            answer = await self.http.request(method, path, json=body, headers=headers)
            answers.append(answer)
            return answer.status_code not in TRY_LATER

        await until(created)
        created_body: dict[str, Any] = answers[-1].raise_for_status().json()
        return created_body

    async def publish(
        self, tenant: Tenant, events: Sequence[str], published: Published, **fields: object
    ) -> None:
        """Publish one event by itself, or several as a batch, until they are accepted.

        All have these fields, or those of the benchmark's ordinary event.
        """
        bodies = [{"type": "loan.funded", "data": DATA, **fields, "id": event} for event in events]
        path = f"/v1/tenants/{tenant.id}/events"
        single = len(bodies) == 1
        while True:
            began = time.perf_counter()
            answer = await self.http.post(
                path if single else f"{path}/batch",
                json=bodies[0] if single else {"events": bodies},
            )
            answered = time.perf_counter()
            if answer.status_code not in TRY_LATER:
                break
            published.refusals += 1
            pause = float(answer.headers.get("retry-after", 0))
            await asyncio.sleep(min(pause, MAX_RETRY_AFTER_SECONDS))
        answer.raise_for_status()
        published.call_ms.append(1000 * (answered - began))
        published.began.update(dict.fromkeys(events, began))
        published.accepted.update(dict.fromkeys(events, answered))

    async def closed_loop(
        self, tenant: Tenant, events: Sequence[str], in_flight: int, batch: int = 1
    ) -> Published:
        """Publish events, at most `in_flight` of them at once, and wait until all are delivered."""
        published = Published()

        async def deliver(part: Sequence[str]) -> None:
            arrivals = [self._arrival(tenant, event) for event in part]
            await self.publish(tenant, part, published)
            for arrival in arrivals:
                await arrival.wait()

        parts = [events[start : start + batch] for start in range(0, len(events), batch)]
        await for_each(parts, deliver, max(in_flight // batch, 1))
        return self._noted(published)

    async def flood(self, tenant: Tenant, events: Sequence[str], connections: int) -> Published:
        """Publish events as fast as they are accepted, and wait until all are delivered."""
        published = Published()
        arrivals = [self._arrival(tenant, event) for event in events]
        await for_each(events, lambda event: self.publish(tenant, [event], published), connections)
        return await self._delivered(published, arrivals)

    async def paced(self, tenant: Tenant, events: Sequence[str], a_second: float) -> Published:
        """Publish events at a rate, and wait until all are delivered.

        The calls do not wait for each other, so a slow moment is counted as often as it hits one.
        """
        arrivals = [self._arrival(tenant, event) for event in events]
        return await self._delivered(await self.publish_paced(tenant, events, a_second), arrivals)

    async def publish_paced(
        self, tenant: Tenant, events: Sequence[str], a_second: float
    ) -> Published:
        """Publish events at a rate, and wait until all are accepted, not until they arrive."""
        published, calls, began = Published(), [], time.perf_counter()
        for number, event in enumerate(events):
            await asyncio.sleep(max(began + number / a_second - time.perf_counter(), 0))
            calls.append(asyncio.create_task(self.publish(tenant, [event], published)))
        await asyncio.gather(*calls)
        return published

    @asynccontextmanager
    async def beside(self, receiver: Receiver) -> AsyncIterator["Publisher"]:
        """Open another publisher of this API, with connections and a receiver of its own."""
        async with client_of(self.http.base_url, self.http.headers) as http:
            yield Publisher(http, receiver)

    def _arrival(self, tenant: Tenant, event: str) -> asyncio.Event:
        arrival = self.receiver.arrival(event, len(tenant.endpoints))
        if not tenant.endpoints:
            arrival.set()
        return arrival

    async def _delivered(
        self, published: Published, arrivals: Sequence[asyncio.Event]
    ) -> Published:
        async with asyncio.timeout(MAX_WORK_SECONDS):
            for arrival in arrivals:
                await arrival.wait()
        return self._noted(published)

    def _noted(self, published: Published) -> Published:
        """Fill in how long after the publish each event's first POST arrived."""
        published.post_ms = [
            1000 * (self.receiver.arrivals[event][0] - began)
            for event, began in published.began.items()
            if self.receiver.arrivals[event]
        ]
        return published


@asynccontextmanager
async def running_publisher(receiver: Receiver, port: int, key: str) -> AsyncIterator[Publisher]:
    """Open a publisher for the API on a port of this machine."""
    headers = {"authorization": f"Bearer {key}"}
    async with client_of(f"http://127.0.0.1:{port}", headers) as http:
        yield Publisher(http, receiver)
