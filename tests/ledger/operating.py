"""Faults of operating: a server with too little of something, keys that change or are missing."""

import asyncio
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from support.databases import pages
from support.processes import HOOKWRIGHT

from ledger.site import ENCRYPTION_KEYS, Site
from runtime.keys import new_encryption_key

STARVED_SECONDS = (1.0, 10.0)
"""How long the server has too little. It starts before that, and again after it."""

ROOM_PAGES = 50
"""So many pages of 4 KiB are free on the full disk: the server starts, and a few events fit."""

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


FAULTS_OF_OPERATING: Mapping[str, Starve | RotateKeys | LoseKeys] = {
    fault.name: fault
    for fault in (
        Starve("full-temporal", is_full=True),
        Starve("throttle-temporal", dynamic_config=FEW_CALLS),
        RotateKeys(),
        LoseKeys(),
    )
}
