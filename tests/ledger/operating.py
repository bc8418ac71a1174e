"""Faults of operating: a server that lacks something, keys, names, and a clock that is wrong."""

import asyncio
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from support.databases import pages
from support.processes import HOOKWRIGHT

from ledger.names import SLOWEST_SECONDS, Mode
from ledger.site import ENCRYPTION_KEYS, Site
from runtime.dev import EmbeddedServer
from runtime.keys import new_encryption_key

STARVED_SECONDS = (1.0, 10.0)
"""How long the server has too little. It starts before that, and again after it."""

ROOM_PAGES = 50
"""So many pages of 4 KiB are free on the full disk: the server starts, and a few events fit."""

CONFUSED_SECONDS = (1.0, 10.0)
"""How long names go wrong. Who has a connection that was kept open needs none."""

SHIFTED_SECONDS = (5.0, 20.0)
"""How long a worker's clock is wrong, from the start of the worker, which takes some seconds."""

FLIP_NAMES = "flip-names"

CLOCKS = ("-3600s", "+3600s")

FEW_CALLS = (("frontend.namespaceRPS", "30"), ("frontend.namespaceRPS.visibility", "1"))


@dataclass(frozen=True)
class Starve:
    """Temporal starts again with less of something than it needs, and later as before."""

    name: str
    dynamic_config: tuple[tuple[str, str], ...] = ()
    is_full: bool = False
    doubles: bool = True
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:
        """Starve it."""
        usual = site.server
        assert isinstance(usual, EmbeddedServer), "only the embedded server can be starved"
        room = pages(usual) + ROOM_PAGES
        site.server = replace(
            usual,
            dynamic_config=(*usual.dynamic_config, *self.dynamic_config),
            pragmas=(("max_page_count", str(room)),) if self.is_full else (),
        )
        try:
            await site.begin_again("temporal")
            await asyncio.sleep(random.uniform(*STARVED_SECONDS))
        finally:
            site.server = usual
        await site.begin_again("temporal")


@dataclass(frozen=True)
class RotateKeys:
    """A new encryption key, as docs/security.md tells: all learn it, and then write with it."""

    name: str = "rotate-keys"
    doubles: bool = False
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:  # noqa: ARG002 - a fault has both
        """Rotate it."""
        known = site.environment[ENCRYPTION_KEYS]
        new = new_encryption_key()
        for keys in (f"{known},{new}", f"{new},{known}"):
            site.environment[ENCRYPTION_KEYS] = keys
            for name in ("api", *site.workers):
                await site.begin_again(name)


@dataclass(frozen=True)
class LoseKeys:
    """A worker is started without the keys of what is stored, and then with them."""

    name: str = "lose-keys"
    doubles: bool = False
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:
        """Start a worker that lacks them. It must end by itself, before it takes a task."""
        worker = site.parts[random.choice(site.workers)]
        await worker.end()
        environment = {**site.environment, ENCRYPTION_KEYS: new_encryption_key()}
        process = await asyncio.create_subprocess_exec(
            *HOOKWRIGHT, "worker", env=environment, stderr=subprocess.PIPE
        )
        _, told = await process.communicate()
        assert process.returncode, "a worker has started without the keys"
        assert b"k1" in told, told
        await worker.begin()


@dataclass(frozen=True)
class ConfuseNames:
    """The names of all receivers go wrong in one way."""

    name: str
    mode: Mode
    doubles: bool = False
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:
        """Confuse them, and wait until each lookup that has begun meanwhile is over."""
        with site.names.during(self.mode):
            await asyncio.sleep(random.uniform(*CONFUSED_SECONDS))
        if self.mode is Mode.SLOW:
            await asyncio.sleep(SLOWEST_SECONDS)


@dataclass(frozen=True)
class ShiftClock:
    """A worker starts with a clock that is an hour off, and later with the right one.

    Receivers refuse what it signs, because the time that it signs is wrong.
    """

    name: str = "shift-clock"
    doubles: bool = False
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:
        """Shift it, with libfaketime."""
        worker, usual = random.choice(site.workers), site.environment
        site.environment = {**usual, **await shifted(random.choice(CLOCKS))}
        try:
            await site.begin_again(worker)
            await asyncio.sleep(random.uniform(*SHIFTED_SECONDS))
        finally:
            site.environment = usual
        await site.begin_again(worker)


async def shifted(offset: str) -> dict[str, str]:
    """Return the variables with which a process has a clock that is off by so much.

    `faketime` knows where its library is. The monotonic clock stays right: waits of the event loop
    take as long as ever.
    """
    process = await asyncio.create_subprocess_exec(
        *("faketime", "-m", "-f", offset, "printenv", "LD_PRELOAD"), stdout=subprocess.PIPE
    )
    library, _ = await process.communicate()
    return {
        "LD_PRELOAD": library.decode().strip(),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


FAULTS_OF_OPERATING: Mapping[str, Starve | RotateKeys | LoseKeys | ConfuseNames | ShiftClock] = {
    fault.name: fault
    for fault in (
        Starve("full-temporal", is_full=True),
        Starve("throttle-temporal", dynamic_config=FEW_CALLS),
        RotateKeys(),
        LoseKeys(),
        ConfuseNames("fail-names", Mode.FAIL),
        ConfuseNames("slow-names", Mode.SLOW),
        ConfuseNames(FLIP_NAMES, Mode.FLIP),
        ShiftClock(),
    )
}
