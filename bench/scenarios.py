"""The scenarios that are compared: a bare workflow, and Hookwright with a given fan-out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from bench.bare import Bare
from bench.bare_worker import BARE_TASK_QUEUE
from bench.site import Site
from bench.waiting import for_each, until
from hookwright.ids import delivery_workflow_id, event_workflow_id

DATA = {"loan": "loan_0123456789", "amount": 1500, "note": "x" * 150}


@dataclass(frozen=True)
class Load:
    """The work that a round has done.

    `counted` has the ids of the workflows that are counted: deliveries or bare workflows. `events`
    has the ids of the events' workflows, and `publish_seconds` the time that each publish took.
    """

    counted: Sequence[str]
    events: Sequence[str] = ()
    publish_seconds: Sequence[float] = ()


class Scenario(Protocol):
    """A kind of work that can be measured: one line of the result tables."""

    @property
    def name(self) -> str:
        """The scenario's name in the tables."""

    @property
    def worker(self) -> str:
        """The name of the process that does the work."""

    async def prepare(self, site: Site) -> None:
        """Create what every round needs. This is called once."""

    async def load(self, site: Site, count: int) -> Load:
        """Start `count` workflows or events, a limited number at once, and wait until all end."""


@dataclass
class BareWorkflow:
    """Starts bare workflows, and waits for their results."""

    in_flight: int
    worker: str = "bare worker"
    _rounds: int = 0

    @property
    def name(self) -> str:
        """The scenario's name in the tables."""
        return f"bare workflow, one no-op activity, {self.in_flight} at once"

    async def prepare(self, site: Site) -> None:
        """Do nothing: a bare workflow needs no preparation."""

    async def load(self, site: Site, count: int) -> Load:
        """Run `count` bare workflows."""
        self._rounds += 1
        ids = [f"bare-{self.in_flight}-{self._rounds}-{number}" for number in range(count)]

        async def run(workflow_id: str) -> None:
            await site.plain_client.execute_workflow(
                Bare.run, id=workflow_id, task_queue=BARE_TASK_QUEUE
            )

        await for_each(ids, run, self.in_flight)
        return Load(ids)


@dataclass
class Deliveries:
    """Publishes events over REST, and waits until all their webhooks have arrived.

    The tenant has `fan_out` endpoints, and each of them gets every event.
    """

    fan_out: int
    in_flight: int
    worker: str = "worker"
    _endpoints: list[str] = field(default_factory=list)
    _rounds: int = 0

    @property
    def name(self) -> str:
        """The scenario's name in the tables."""
        return f"Hookwright, fan-out {self.fan_out}, {self.in_flight} events at once"

    @property
    def tenant(self) -> str:
        """The id of this scenario's tenant."""
        return f"fan-out-{self.fan_out}-{self.in_flight}"

    async def prepare(self, site: Site) -> None:
        """Create the tenant and its endpoints."""
        await site.add_tenant(self.tenant, self.fan_out)
        answer = await site.http.get(f"/v1/tenants/{self.tenant}/endpoints?limit=100")
        self._endpoints = [endpoint["id"] for endpoint in answer.raise_for_status().json()["data"]]

    async def load(self, site: Site, count: int) -> Load:
        """Publish `count` events. The next one starts when all webhooks of one have arrived."""
        self._rounds += 1
        events = [f"{self.tenant}-{self._rounds}-{number}" for number in range(count)]

        async def publish(event: str) -> float:
            arrival = site.receiver.arrival(event, self.fan_out)
            started = time.perf_counter()
            await until(lambda: self._publish_once(site, event))
            seconds = time.perf_counter() - started
            await arrival.wait()
            return seconds

        publish_seconds = await for_each(events, publish, self.in_flight)
        return Load(
            counted=[
                delivery_workflow_id(self.tenant, endpoint, event)
                for event in events
                for endpoint in self._endpoints
            ],
            events=[event_workflow_id(self.tenant, event) for event in events],
            publish_seconds=publish_seconds,
        )

    async def _publish_once(self, site: Site, event: str) -> bool:
        """Publish an event and return whether it was accepted.

        A busy server answers 503. Then the publish must be repeated, as real publishers do.
        """
        answer = await site.http.post(
            f"/v1/tenants/{self.tenant}/events",
            json={"id": event, "type": "loan.funded", "data": DATA},
        )
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return False
        answer.raise_for_status()
        return True
