"""`python -m bench.serve`: it compares `hookwright serve` with `api` and `worker` apart.

Both take turns, each time on a new embedded server. A probe publishes a few events a second to a
tenant without endpoints, first at an idle moment, then while many publishers keep the worker full.
"""

import argparse
import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.machine import cpu_seconds, facts, pss_mb
from bench.publishing import Published, Tenant
from bench.report.tables import facts_table, percentile, table
from bench.site import ONE_PROCESS, TWO_PROCESSES, Site, running_site

WAYS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "one process": ONE_PROCESS,
    "two": TWO_PROCESSES,
}
PUBLISHERS, FAN_OUT = 40, 20
PROBES_A_SECOND = 5.0


@dataclass
class Measured:
    """The figures of all rounds of one way to run it."""

    idle_ms: list[float] = field(default_factory=list)
    busy_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    idle_pss: list[float] = field(default_factory=list)
    busy_pss: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Return the figures of the report."""
        return {
            "publish, idle, p50 ms": median(self.idle_ms),
            "publish, idle, p99 ms": percentile(self.idle_ms, 99),
            "publish, full load, p50 ms": median(self.busy_ms),
            "publish, full load, p99 ms": percentile(self.busy_ms, 99),
            "deliveries a second": median(self.rates),
            "CPU ms a delivery, API and worker": median(self.cpu_ms),
            "memory (PSS) idle, MB": median(self.idle_pss),
            "memory (PSS) under load, MB": median(self.busy_pss),
        }


async def one_round(site: Site, seconds: float, measured: Measured) -> None:
    """Measure a site at an idle moment, and then under full load."""
    quiet = await site.publisher.add_tenant("quiet", 0)
    busy = await site.publisher.add_tenant("busy", FAN_OUT)
    ours = {name: site.processes[name] for name in site.hookwright}
    receiver = site.publisher.receiver
    await probe(site, quiet, seconds / 4)
    measured.idle_ms += await probe(site, quiet, seconds)
    measured.idle_pss.append(sum(pss_mb(ours).values()))
    publishers = [asyncio.create_task(keep_publishing(site, busy)) for _ in range(PUBLISHERS)]
    try:
        await probe(site, quiet, seconds / 4)
        posts, cpu, began = receiver.total, sum(cpu_seconds(ours).values()), time.perf_counter()
        measured.busy_ms += await probe(site, quiet, seconds)
        made, took = receiver.total - posts, time.perf_counter() - began
        measured.rates.append(made / took)
        measured.cpu_ms.append(1_000 * (sum(cpu_seconds(ours).values()) - cpu) / made)
        measured.busy_pss.append(sum(pss_mb(ours).values()))
    finally:
        for publisher in publishers:
            publisher.cancel()
        await asyncio.gather(*publishers, return_exceptions=True)


async def probe(site: Site, tenant: Tenant, seconds: float) -> list[float]:
    """Publish a few events a second, and return how many milliseconds each call took."""
    events = [_new_id() for _ in range(int(seconds * PROBES_A_SECOND))]
    return (await site.publisher.paced(tenant, events, PROBES_A_SECOND)).call_ms


async def keep_publishing(site: Site, tenant: Tenant) -> None:
    """Publish the next event when all webhooks of the one before have arrived, until cancelled."""
    while True:
        event = _new_id()
        arrival = site.publisher.receiver.arrival(event, FAN_OUT)
        await site.publisher.publish(tenant, [event], Published())
        await arrival.wait()


def _new_id() -> str:
    return f"e-{secrets.token_hex(8)}"


async def run(rounds: int, seconds: float) -> str:
    """Run the benchmark and return the report."""
    machine = facts("embedded")
    outcomes = {name: Measured() for name in WAYS}
    for number in range(rounds):
        turns = list(WAYS.items())
        for name, hookwright in turns if number % 2 == 0 else reversed(turns):
            async with running_site(hookwright=hookwright) as site:
                await one_round(site, seconds, outcomes[name])
    one, two = (outcomes[name].figures() for name in WAYS)
    rows = [
        [label, f"{first:.1f}", f"{two[label]:.1f}", f"{first / two[label]:.2f}"]
        for label, first in one.items()
    ]
    return f"{facts_table(machine)}\n\n{table(('', *WAYS, 'ratio'), rows)}"


def main() -> None:
    """Read the options, run the benchmark and print the report."""
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="number of rounds (default: 2)")
    parser.add_argument(
        "--seconds", type=float, default=40.0, help="length of a measurement (default: 40)"
    )
    options = parser.parse_args()
    print(asyncio.run(run(options.rounds, options.seconds)))


if __name__ == "__main__":
    main()
