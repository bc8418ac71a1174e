"""Faults: what is done to a site while it works, at times that the seed decides."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from ledger.operating import FAULTS_OF_OPERATING
from ledger.proxies import NETWORK_FAULTS
from ledger.records import Appending
from ledger.site import Site

DOWN_SECONDS = (0.0, 3.0)
"""How long a process that was killed is away: something starts it again."""

STOPPED_SECONDS = (1.0, 10.0)
"""How long a process gets no processor time: Temporal considers a worker dead after 5 s."""


class Fault(Protocol):
    """Something that goes wrong.

    `name` is how it is asked for. `doubles` says whether a POST in flight may be made once more
    because of it. `kills_worker` says that what a worker had not stored yet may be gone.
    """

    @property
    def name(self) -> str: ...

    @property
    def doubles(self) -> bool: ...

    @property
    def kills_worker(self) -> bool: ...

    async def strike(self, site: Site, random: Random) -> None:
        """Let it go wrong, and make it right again. The site works as before when it returns."""


@dataclass(frozen=True)
class Kill:
    """kill -9 of parts at once, which are then started again."""

    name: str
    parts: Sequence[str]
    doubles: bool = True
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:
        """Kill them."""
        chosen = chosen_parts(site, self.parts, random)
        await asyncio.gather(*(site.parts[name].kill() for name in chosen))
        await asyncio.sleep(random.uniform(*DOWN_SECONDS))
        for name in chosen:  # Temporal first, as the others end without it
            await site.parts[name].begin()


@dataclass(frozen=True)
class Stop:
    """SIGSTOP of parts at once, and SIGCONT after a while."""

    name: str
    parts: Sequence[str]
    doubles: bool = True
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:
        """Stop them."""
        chosen = chosen_parts(site, self.parts, random)
        for name in chosen:
            site.parts[name].stop()
        try:
            await asyncio.sleep(random.uniform(*STOPPED_SECONDS))
        finally:  # also if the run is broken off: a stopped process does not end by SIGTERM
            for name in chosen:
                site.parts[name].go_on()


@dataclass(frozen=True)
class Replace:
    """A deployment: SIGTERM of a worker under load, and a new one."""

    name: str = "term-worker"
    doubles: bool = False
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:
        """Replace it."""
        await site.begin_again(random.choice(site.workers))


@dataclass(frozen=True)
class Pause:
    """An endpoint is paused by its owner, so that its deliveries are held, and resumed."""

    name: str = "pause-endpoint"
    doubles: bool = False
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:
        """Pause one, and resume it."""
        hook = random.choice(site.world.hooks)
        path = f"/v1/tenants/{hook.tenant}/endpoints/{site.world.endpoints[hook.name]}"
        await site.call("POST", f"{path}/pause")
        await asyncio.sleep(random.uniform(*STOPPED_SECONDS))
        await site.call("POST", f"{path}/resume")


def chosen_parts(site: Site, parts: Sequence[str], random: Random) -> list[str]:
    """Return the names of parts. `worker` stands for one of the workers, `workers` for all."""
    chosen = []
    for part in parts:
        match part:
            case "worker":
                chosen.append(random.choice(site.workers))
            case "workers":
                chosen += site.workers
            case _:
                chosen.append(part)
    return chosen


FAULTS_OF_PROCESSES: Sequence[Fault] = (
    Kill("kill-worker", ["worker"], kills_worker=True),
    Kill("kill-api", ["api"], doubles=False),
    Kill("kill-temporal", ["temporal"]),
    Kill("kill-all", ["temporal", "api", "workers"], kills_worker=True),
    Stop("stop-worker", ["worker"]),
    Stop("stop-api", ["api"], doubles=False),
    Stop("stop-temporal", ["temporal"]),
    Stop("stop-all", ["temporal", "api", "workers"]),
    Replace(),
    Pause(),
)

FAULTS: Mapping[str, Fault] = {
    **{fault.name: fault for fault in FAULTS_OF_PROCESSES},
    **NETWORK_FAULTS,
    **FAULTS_OF_OPERATING,
}


@dataclass(frozen=True)
class Timetable:
    """Faults one after the other, each after a pause of a random length, until it is enough.

    Each of them strikes once before one strikes a second time, and in any case: what is left of the
    first round when it is enough follows without pauses.
    """

    faults: Sequence[Fault]
    random: Random
    pause_seconds: tuple[float, float]
    ledger: Appending
    has_struck_all: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, site: Site, enough: asyncio.Event) -> None:
        """Let them strike until it is enough. A fault that has begun is made right in any case."""
        is_first_round = True
        if not self.faults:
            self.has_struck_all.set()
        while self.faults and (is_first_round or not enough.is_set()):
            for fault in self.random.sample(self.faults, len(self.faults)):
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.random.uniform(*self.pause_seconds)):
                        await enough.wait()
                if enough.is_set() and not is_first_round:
                    return
                await self._strike(fault, site)
            is_first_round = False
            self.has_struck_all.set()

    async def _strike(self, fault: Fault, site: Site) -> None:
        began = time.time()
        await fault.strike(site, self.random)
        self.ledger.note(
            fault=fault.name,
            began=began,
            ended=time.time(),
            doubles=fault.doubles,
            kills_worker=fault.kills_worker,
        )
