"""`python -m bench.serve`: it compares `hookwright serve` with `api` and `worker` apart.

Both take turns, each time on a new embedded server. A probe publishes a few events a second to a
tenant without endpoints, first at an idle moment, then while many publishers keep the worker full.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import median, quantiles

import httpx
import psutil

from bench.machine import facts
from bench.receiver import Receiver, running_receiver
from bench.report import facts_table, table
from bench.scenarios import DATA
from bench.site import RETENTION, ROOT, Keys
from bench.waiting import until
from hookwright.temporal import EncryptionCodec, connect, set_up_namespace
from runtime.dev import EmbeddedServer, free_port, managed_process

COMMANDS: Mapping[str, Sequence[str]] = {"one process": ["serve"], "two": ["api", "worker"]}
QUIET, BUSY = "quiet", "busy"
PUBLISHERS, FAN_OUT = 40, 20
PROBES_A_SECOND = 5.0
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Place:
    """What runs during a round."""

    http: httpx.AsyncClient
    receiver: Receiver
    processes: Sequence[psutil.Process]

    @property
    def pss(self) -> float:
        """The memory of Hookwright's own processes, shared pages counted in parts, in MiB."""
        sizes = [process.memory_full_info().pss for process in self.processes]
        return sum(sizes) / MEBIBYTE

    @property
    def cpu_seconds(self) -> float:
        """The processor time that Hookwright's own processes have used."""
        times = [process.cpu_times() for process in self.processes]
        return sum(used.user + used.system for used in times)

    async def create(self, method: str, path: str, body: Mapping[str, str]) -> None:
        """Create something; a busy machine's 503 is asked again."""

        async def created() -> bool:
            return (await self.http.request(method, path, json=body)).is_success

        await until(created)

    async def publish(self, tenant: str, event: str) -> bool:
        """Publish an event, and return whether it was accepted at once."""
        answer = await self.http.post(
            f"/v1/tenants/{tenant}/events", json={"id": event, "type": "a.b", "data": DATA}
        )
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            answer.raise_for_status()
        return answer.is_success


@dataclass
class Measured:
    """The figures of all rounds of one way to run it."""

    idle_ms: list[float] = field(default_factory=list)
    busy_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    idle_pss: list[float] = field(default_factory=list)
    busy_pss: list[float] = field(default_factory=list)

    def figures(self) -> list[float]:
        """Return the figures of `FIGURES`."""
        return [
            *(median(self.idle_ms), quantiles(self.idle_ms, n=100)[98]),
            *(median(self.busy_ms), quantiles(self.busy_ms, n=100)[98]),
            *(median(self.rates), median(self.cpu_ms)),
            *(median(self.idle_pss), median(self.busy_pss)),
        ]


FIGURES = (
    "publish, idle, p50 ms",
    "publish, idle, p99 ms",
    "publish, full load, p50 ms",
    "publish, full load, p99 ms",
    "deliveries a second",
    "CPU ms a delivery, API and worker",
    "memory (PSS) idle, MiB",
    "memory (PSS) under load, MiB",
)


@asynccontextmanager
async def running_place(commands: Sequence[str]) -> AsyncIterator[Place]:
    """Run a new server and the given commands while the context is open."""
    keys, port = Keys.generate(), free_port()
    async with AsyncExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = stack.enter_context((state / "log").open("w"))
        receiver = await stack.enter_async_context(running_receiver())
        server = EmbeddedServer(state, free_port())
        await stack.enter_async_context(server.running(log))
        client = await connect(EncryptionCodec({"k1": keys.payload}), target_host=server.address)
        await set_up_namespace(client, RETENTION)
        processes = []
        for command in commands:
            listens = [] if command == "worker" else ["--port", str(port)]
            line = [sys.executable, "-P", "-m", "runtime.cli", command, *listens]
            environment = keys.environment(server.address, ROOT)
            part = await stack.enter_async_context(managed_process(command, line, environment, log))
            processes.append(psutil.Process(part.process.pid))
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"authorization": f"Bearer {keys.operator}"},
                timeout=30,
                trust_env=False,
                limits=httpx.Limits(max_connections=None),
            )
        )
        await until(lambda: _ready(http))
        yield Place(http, receiver, processes)


async def _ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).is_success
    except httpx.TransportError:
        return False


async def one_round(place: Place, seconds: float, measured: Measured) -> None:
    """Measure one way to run it once."""
    for tenant, endpoints in ((QUIET, 0), (BUSY, FAN_OUT)):
        await place.create("PUT", f"/v1/tenants/{tenant}", {"name": tenant})
        for _ in range(endpoints):
            body = {"url": place.receiver.url}
            await place.create("POST", f"/v1/tenants/{tenant}/endpoints", body)
    await probe(place, seconds / 4)
    measured.idle_ms += await probe(place, seconds)
    measured.idle_pss.append(place.pss)
    publishers = [asyncio.create_task(keep_publishing(place)) for _ in range(PUBLISHERS)]
    try:
        await probe(place, seconds / 4)
        posts, cpu, began = place.receiver.posts.total(), place.cpu_seconds, time.perf_counter()
        measured.busy_ms += await probe(place, seconds)
        made, took = place.receiver.posts.total() - posts, time.perf_counter() - began
        measured.rates.append(made / took)
        measured.cpu_ms.append(1_000 * (place.cpu_seconds - cpu) / made)
        measured.busy_pss.append(place.pss)
    finally:
        for publisher in publishers:
            publisher.cancel()
        await asyncio.gather(*publishers, return_exceptions=True)


async def probe(place: Place, seconds: float) -> list[float]:
    """Publish a few events a second, and return how many milliseconds each call took.

    The calls do not wait for each other, so a slow moment is counted as often as it hits a call.
    """

    async def call() -> float:
        began = time.perf_counter()
        await until(lambda: place.publish(QUIET, _new_id()))
        return 1_000 * (time.perf_counter() - began)

    calls = []
    for _ in range(int(seconds * PROBES_A_SECOND)):
        calls.append(asyncio.create_task(call()))
        await asyncio.sleep(1 / PROBES_A_SECOND)
    return await asyncio.gather(*calls)


async def keep_publishing(place: Place) -> None:
    """Publish the next event when all webhooks of the one before have arrived, until cancelled."""
    while True:
        event = _new_id()
        arrival = place.receiver.arrival(event, FAN_OUT)
        if await place.publish(BUSY, event):
            await arrival.wait()


def _new_id() -> str:
    return f"e-{secrets.token_hex(8)}"


async def run(rounds: int, seconds: float) -> str:
    """Run the benchmark and return the report."""
    machine = facts("embedded")
    outcomes = {name: Measured() for name in COMMANDS}
    for number in range(rounds):
        turns = list(COMMANDS.items())
        for name, commands in turns if number % 2 == 0 else reversed(turns):
            async with running_place(commands) as place:
                await one_round(place, seconds, outcomes[name])
    one, two = (outcomes[name].figures() for name in COMMANDS)
    rows = [
        [label, f"{first:.1f}", f"{second:.1f}", f"{first / second:.2f}"]
        for label, first, second in zip(FIGURES, one, two, strict=True)
    ]
    return f"{facts_table(machine)}\n\n{table(('', *COMMANDS, 'ratio'), rows)}"


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
