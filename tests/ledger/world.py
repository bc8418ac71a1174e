"""The world of a run: tenants, their endpoints, and how the receiver behaves for each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, Self

from hookwright.webhook import generate_secret

TO_ALL, TO_NOBODY = "ledger.all", "ledger.nobody"

TEXT = "é" * 50
"""What each event says, beside whose it is."""

RETRIES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0)
"""Delays that fit an outage of a minute: an hour's outage and a day's schedule, scaled down."""

FEW_RETRIES = (0.5, 1.0)
TIMEOUT_SECONDS = 2.0


class Behaviour(StrEnum):
    """How the receiver answers an endpoint's POSTs."""

    HEALTHY = "healthy"
    SLOW = "slow"
    """It answers within a second and a half."""
    FLAPPING = "flapping"
    """It answers every third POST with 500."""
    HANGING = "hanging"
    """It does not answer every fifth POST, and the sender gives up."""
    DROPPING = "dropping"
    """It closes the connection instead of answering every fifth POST."""
    DOWN = "down"
    """It answers 503 during the outage, and 200 afterwards."""
    BUSY = "busy"
    """It answers every tenth POST with 429 and asks for a pause."""
    REFUSING = "refusing"
    """It always answers 500."""
    REDIRECT = "redirect"
    GONE = "gone"
    """It answers 410 after its first POSTs."""
    SURPLUS = "surplus"
    """Behind each answer it sends a second one, which nobody has asked for."""


@dataclass(frozen=True)
class Hook:
    """An endpoint. `name` is in its URL; the API gives it an id."""

    name: str
    tenant: str
    secret: str
    behaviour: Behaviour = Behaviour.HEALTHY
    ordered: bool = False
    rate_limit: float | None = None
    retries: tuple[float, ...] = RETRIES
    timeout: float = TIMEOUT_SECONDS

    @property
    def event_type(self) -> str:
        """The type of the events that only this endpoint of its tenant wants."""
        return f"ledger.{self.name}"

    def wants(self, tenant: str, event_type: str) -> bool:
        """Return whether an event must arrive here."""
        return tenant == self.tenant and event_type in (self.event_type, TO_ALL)

    def fields(self, url: str) -> dict[str, Any]:
        """Return the body that registers it."""
        return {
            "url": f"{url}/{self.name}",
            "event_types": [self.event_type, TO_ALL],
            "secret": self.secret,
            "retry": {"schedule_seconds": list(self.retries)},
            "timeout_seconds": self.timeout,
            "rate_limit_per_second": self.rate_limit,
            "ordering": "fifo" if self.ordered else "none",
            "drain_per_second": 50,
        }


LIMITED = "limited"

KINDS: Sequence[Mapping[str, Any]] = (
    {"behaviour": Behaviour.HEALTHY},
    {"behaviour": Behaviour.FLAPPING},
    {"behaviour": Behaviour.FLAPPING, "ordered": True, "name": "ordered"},
    {"behaviour": Behaviour.HEALTHY, "name": LIMITED},
    {"behaviour": Behaviour.SLOW},
    {"behaviour": Behaviour.HANGING},
    {"behaviour": Behaviour.DROPPING},
    {"behaviour": Behaviour.DOWN},
    {"behaviour": Behaviour.BUSY},
    {"behaviour": Behaviour.SURPLUS},
    {"behaviour": Behaviour.REFUSING, "retries": FEW_RETRIES},
    {"behaviour": Behaviour.REDIRECT, "retries": FEW_RETRIES},
    {"behaviour": Behaviour.GONE},
)
"""What endpoints there are: each tenant has some of them, and all tenants together have all."""

LIMIT_OF_ALL = 0.07
"""The rate limit of the limited endpoint, as a share of the rate at which events are published. It
wants a little more on average, and much more in some ten seconds."""

LIMIT_OF_MANY = 0.09
"""The same for long runs: what it wants on average, or else its queue would grow for hours."""

HIGHEST_LIMIT = 2.0
"""Its highest rate limit: nobody is asked to publish as fast as an overload's `rate` says."""


@dataclass(frozen=True)
class World:
    """Everything that is decided before a run begins. The same seed makes the same world."""

    seed: int
    hooks: Sequence[Hook]
    outage: tuple[float, float] = (0.0, 0.0)
    """When the endpoints that are down are down, in seconds since the receiver's start."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """The ids that the API has given, by the names of the hooks."""

    @classmethod
    def of(
        cls,
        seed: int,
        tenants: int = 3,
        outage: tuple[float, float] = (10.0, 40.0),
        rate: float = 10.0,
        limit_of_all: float = LIMIT_OF_ALL,
    ) -> Self:
        """Return the world of a seed, for so many events a second."""
        random = Random(seed)
        hooks = []
        for number, kind in enumerate(KINDS):
            fields = {"name": str(kind["behaviour"]), **kind}
            if fields["name"] == LIMITED:
                fields["rate_limit"] = min(limit_of_all * rate, HIGHEST_LIMIT)
            tenant = f"tenant-{number % tenants}"
            hooks.append(Hook(tenant=tenant, secret=generate_secret(), **fields))
        for number in range(tenants):
            name = f"plain-{number}"
            hooks.append(Hook(name=name, tenant=f"tenant-{number}", secret=generate_secret()))
        random.shuffle(hooks)
        return cls(seed, tuple(hooks), outage)

    @property
    def tenants(self) -> list[str]:
        """The ids of all tenants."""
        return sorted({hook.tenant for hook in self.hooks})

    def wanting(self, tenant: str, event_type: str) -> Iterator[Hook]:
        """Yield the hooks at which an event must arrive."""
        return (hook for hook in self.hooks if hook.wants(tenant, event_type))

    def write(self, file: Path) -> None:
        """Write it down, for the receiver and for whoever looks at the run later."""
        file.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what was written down."""
        it = json.loads(file.read_text())
        hooks = [
            Hook(
                **{
                    **hook,
                    "behaviour": Behaviour(hook["behaviour"]),
                    "retries": tuple(hook["retries"]),
                }
            )
            for hook in it["hooks"]
        ]
        return cls(it["seed"], tuple(hooks), tuple(it["outage"]), it["endpoints"])
