"""Faults of the network, before Temporal and before the receivers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from support.fault_proxy import FAULTS as MODES
from support.fault_proxy import FaultProxy, Mode

from ledger.site import Site

FAULT_SECONDS = (1.0, 10.0)
"""How long the network goes wrong: Temporal considers a worker dead after 5 s."""


@dataclass(frozen=True)
class Network:
    """The network before a part goes wrong for a while, in one way.

    An answer may be lost on its way, so what was POSTed may be POSTed again.
    """

    name: str
    before: Literal["temporal", "receiver"]
    mode: Mode
    doubles: bool = True
    kills_worker: bool = False

    async def strike(self, site: Site, random: Random) -> None:
        """Let it go wrong."""
        door = site.temporal_door if self.before == "temporal" else site.receiver_door
        assert isinstance(door, FaultProxy), "the site was made without proxies"
        async with door.during(self.mode):
            await asyncio.sleep(random.uniform(*FAULT_SECONDS))


NETWORK_FAULTS: Mapping[str, Network] = {
    name: Network(name, before, mode)
    for before in ("temporal", "receiver")
    for mode in MODES
    for name in [f"{mode.name.replace('_', '-')}-{before}"]
}
