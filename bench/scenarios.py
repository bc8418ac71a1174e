"""The scenarios that take turns: bare workflows, and Hookwright with a given fan-out."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bench.bare.lean import run_lean
from bench.bare.workflows import Bare
from bench.publishing import Published, Tenant
from bench.site import BARE_WORKER, LEAN_WORKER, Site
from bench.waiting import for_each
from hookwright.ids import delivery_workflow_id, event_workflow_id

NUMBERS = itertools.count(1)
"""They make the ids of tenants, events and workflows unique within a run."""


@dataclass(frozen=True)
class Load:
    """The work that a round has done.

    `roots` has the ids of the workflows that were asked for, events or bare ones. Events are in the
    order of their last POSTs. Their deliveries lead to the `tenant`'s endpoints.
    """

    roots: Sequence[str]
    deliveries: int
    published: Published | None = None
    tenant: Tenant | None = None

    def delivery_ids(self, root: str) -> list[str]:
        """Return the ids that the deliveries of an event have, if they are workflows of its own."""
        if not self.tenant:
            return []
        event = root.rpartition(":")[2]
        return [
            delivery_workflow_id(self.tenant.id, endpoint, event)
            for endpoint in self.tenant.endpoints
        ]


class Scenario(Protocol):
    """A kind of work that can be measured: one line of the result tables."""

    @property
    def name(self) -> str:
        """The scenario's name in the tables."""

    def workers(self, site: Site) -> Sequence[str]:
        """Return the names of the processes that do the work, beside the server."""

    async def prepare(self, site: Site) -> None:
        """Create what every round needs. This is called once."""

    async def load(self, site: Site, count: int) -> Load:
        """Start `count` workflows or events, and wait until all are done."""


@dataclass
class BareWorkflow:
    """The newcomer's: starts workflows from the driver, and waits for their results."""

    in_flight: int
    latency_ms: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The scenario's name in the tables."""
        return f"newcomer's bare workflow, {self.in_flight} at once"

    def workers(self, site: Site) -> Sequence[str]:  # noqa: ARG002 - of the protocol
        """Return the process that does the work."""
        return (BARE_WORKER,)

    async def prepare(self, site: Site) -> None:
        """Do nothing: a bare workflow needs no preparation."""

    async def load(self, site: Site, count: int) -> Load:
        """Run `count` bare workflows."""
        prefix = f"bare-{site.run}-{next(NUMBERS)}"
        ids = [f"{prefix}-{number}" for number in range(count)]

        async def run(workflow_id: str) -> None:
            began = time.perf_counter()
            await site.client.execute_workflow(Bare.run, id=workflow_id, task_queue=site.bare_queue)
            self.latency_ms.append(1000 * (time.perf_counter() - began))

        await for_each(ids, run, self.in_flight)
        return Load(ids, deliveries=count)


@dataclass
class LeanWorkflow:
    """The leanest: one process starts the workflows and runs them."""

    in_flight: int

    @property
    def name(self) -> str:
        """The scenario's name in the tables."""
        return f"leanest bare workflow, {self.in_flight} at once"

    def workers(self, site: Site) -> Sequence[str]:  # noqa: ARG002 - of the protocol
        """Return the process that does the work."""
        return (LEAN_WORKER,)

    async def prepare(self, site: Site) -> None:
        """Do nothing: a bare workflow needs no preparation."""

    async def load(self, site: Site, count: int) -> Load:
        """Run `count` lean workflows."""
        prefix = f"lean-{site.run}-{next(NUMBERS)}"
        await run_lean(site.lean_port, prefix, count, self.in_flight)
        return Load([f"{prefix}-{number}" for number in range(count)], deliveries=count)


@dataclass
class Deliveries:
    """Publishes events to a tenant with `fan_out` endpoints, and waits for all webhooks.

    A closed loop by default, of events by themselves or in batches. With `connections` it is an
    open flood, with `a_second` the events are paced.
    """

    fan_out: int
    in_flight: int = 1
    batch: int = 1
    connections: int = 0
    a_second: float = 0.0

    @property
    def name(self) -> str:
        """The scenario's name in the tables."""
        batches = f", batches of {self.batch}" if self.batch > 1 else ""
        if self.connections:
            return f"flood, fan-out {self.fan_out}"
        if self.a_second:
            return f"fan-out {self.fan_out}, {self.a_second:.1f} events a second"
        return f"fan-out {self.fan_out}, {self.in_flight} at once{batches}"

    def workers(self, site: Site) -> Sequence[str]:
        """Return the processes that do the work."""
        return site.hookwright

    async def prepare(self, site: Site) -> None:
        """Create the tenant and its endpoints, if no other scenario has."""
        await site.tenant(self.fan_out)

    async def load(self, site: Site, count: int) -> Load:
        """Publish `count` events, and wait until all their webhooks have arrived."""
        tenant, publisher = await site.tenant(self.fan_out), site.publisher
        prefix = f"{site.run}-{next(NUMBERS)}"
        events = [f"{prefix}-{number}" for number in range(count)]
        if self.connections:
            published = await publisher.flood(tenant, events, self.connections)
        elif self.a_second:
            published = await publisher.paced(tenant, events, self.a_second)
        else:
            published = await publisher.closed_loop(tenant, events, self.in_flight, self.batch)
        arrivals = publisher.receiver.arrivals
        events.sort(key=lambda event: arrivals[event][-1])
        return Load(
            roots=[event_workflow_id(tenant.id, event) for event in events],
            deliveries=count * self.fan_out,
            published=published,
            tenant=tenant,
        )
