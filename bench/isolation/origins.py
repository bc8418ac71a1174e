"""The row of connections: what a POST costs while a worker has very many origins open.

It is measured in a process that has Hookwright's egress and nothing else: in a whole worker the
rest of a delivery would hide most of what the connections cost.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from ipaddress import ip_network
from statistics import median

from activities.egress import Egress
from bench.isolation.measured import Measured, Row, Sizes
from bench.receiver import Receiver, running_receiver
from bench.report.requirements import AT_MOST, TIMES, Requirement
from bench.site import ROOT
from bench.waiting import for_each
from hookwright.outcomes import Outcome
from hookwright.security import DestinationPolicy

PORTS = 50
"""Origins of a tenant. Connections belong to a tenant and an origin, so tenants multiply them, and
no tenant of the row needs more than it may have."""

IN_FLIGHT = 10
ROUNDS = 5
TIMEOUT_SECONDS = 15.0
HEADERS = {"content-type": "application/json"}
BODY = b"x" * 200


async def measure(sizes: Sizes) -> Measured:
    """Measure one origin and many in turns, in a process of its own."""
    async with AsyncExitStack() as stack:
        receivers = [
            await stack.enter_async_context(running_receiver(Receiver()))
            for _ in range(min(PORTS, sizes.origins))
        ]
        urls = [receiver.url for receiver in receivers]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "bench.isolation.origins"),
            json.dumps([urls, sizes.origins]),
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            answer, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    one, many = json.loads(answer)
    opened = sum(receiver.most_connections for receiver in receivers)
    notes = f"{one:.2f} ms at one, {many:.2f} ms with {opened:,} connections open"
    return Measured([many / one if opened >= sizes.origins else None], notes=notes)


async def costs(urls: Sequence[str], origins: int) -> tuple[float, float]:
    """Return the CPU ms of a POST at one origin and at many."""
    policy = DestinationPolicy(allow_http=True, allow_networks=(ip_network("127.0.0.0/8"),))
    many = list(itertools.islice(_origins(urls), origins))
    async with Egress(policy) as at_one, Egress(policy) as at_many:
        ones, manies = [], []
        await _cost(at_one, many[:1] * origins)
        await _cost(at_many, many)
        for _ in range(ROUNDS):
            ones.append(await _cost(at_one, many[:1] * origins))
            manies.append(await _cost(at_many, many))
        return median(ones), median(manies)


def _origins(urls: Sequence[str]) -> itertools.chain[tuple[str, str]]:
    """Return tenants and URLs, every URL for one tenant after the other."""
    return itertools.chain.from_iterable(
        ((f"t{number}", url) for url in urls) for number in itertools.count()
    )


async def _cost(egress: Egress, targets: Sequence[tuple[str, str]]) -> float:
    """POST to each tenant and URL, and return the CPU ms of a POST."""

    async def post(target: tuple[str, str]) -> None:
        tenant, url = target
        answer = await egress.post(url, HEADERS, BODY, TIMEOUT_SECONDS, tenant_id=tenant)
        if answer.outcome is not Outcome.DELIVERED:
            raise RuntimeError(f"a POST has failed: {answer.error}")

    began = time.process_time()
    await for_each(targets, post, IN_FLIGHT)
    return 1_000 * (time.process_time() - began) / len(targets)


ROW = Row(
    "origins",
    "CPU a POST with many origins open",
    (Requirement("CPU a POST at 1,000 open origins against one", AT_MOST, 1.2, None, TIMES),),
    measure,
)

if __name__ == "__main__":
    print(json.dumps(asyncio.run(costs(*json.loads(sys.argv[1])))))
