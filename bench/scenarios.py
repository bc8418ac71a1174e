"""What is compared: the newcomer's bare workflow, and Hookwright at a fan-out."""

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
    """What a round did: the workflows that count, the events they came from, each publish's time.

    `counted` are deliveries, or bare workflows.
    """

    counted: Sequence[str]
    events: Sequence[str] = ()
    publish_seconds: Sequence[float] = ()


class Scenario(Protocol):
    """One line of the table."""

    @property
    def name(self) -> str:
        """What the table calls it."""

    @property
    def worker(self) -> str:
        """Which process does the work."""

    async def prepare(self, site: Site) -> None:
        """Do once what a round needs."""

    async def load(self, site: Site, count: int) -> Load:
        """Start so many workflows or events, so many in flight at once, and see them done."""


@dataclass
class BareWorkflow:
    """Start the newcomer's workflow and wait for its result."""

    in_flight: int
    worker: str = "bare worker"
    _rounds: int = 0

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"bare workflow, one no-op activity, {self.in_flight} at once"

    async def prepare(self, site: Site) -> None:
        """Nothing is needed."""

    async def load(self, site: Site, count: int) -> Load:
        """Run so many."""
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
    """Publish events over REST to a tenant with so many endpoints; see every webhook arrive."""

    fan_out: int
    in_flight: int
    worker: str = "worker"
    _endpoints: list[str] = field(default_factory=list)
    _rounds: int = 0

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"Hookwright, fan-out {self.fan_out}, {self.in_flight} events at once"

    @property
    def tenant(self) -> str:
        """The tenant with so many endpoints."""
        return f"fan-out-{self.fan_out}-{self.in_flight}"

    async def prepare(self, site: Site) -> None:
        """Create the tenant and its endpoints."""
        await site.add_tenant(self.tenant, self.fan_out)
        answer = await site.http.get(f"/v1/tenants/{self.tenant}/endpoints?limit=100")
        self._endpoints = [endpoint["id"] for endpoint in answer.raise_for_status().json()["data"]]

    async def load(self, site: Site, count: int) -> Load:
        """Publish so many events; each makes room for the next once its webhooks have come."""
        self._rounds += 1
        events = [f"{self.tenant}-{self._rounds}-{number}" for number in range(count)]

        async def publish(event: str) -> float:
            arrival = site.receiver.arrival(event, self.fan_out)
            began = time.perf_counter()
            await until(lambda: self._accepted(site, event))
            took = time.perf_counter() - began
            await arrival.wait()
            return took

        took = await for_each(events, publish, self.in_flight)
        return Load(
            counted=[
                delivery_workflow_id(self.tenant, endpoint, event)
                for event in events
                for endpoint in self._endpoints
            ],
            events=[event_workflow_id(self.tenant, event) for event in events],
            publish_seconds=took,
        )

    async def _accepted(self, site: Site, event: str) -> bool:
        """Publish; False if it must be repeated, as publishers do, for the server was too busy."""
        answer = await site.http.post(
            f"/v1/tenants/{self.tenant}/events",
            json={"id": event, "type": "loan.funded", "data": DATA},
        )
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return False
        answer.raise_for_status()
        return True
