"""What `hookwright dev` prints once all is ready: where things are, and a first delivery."""

import json
from dataclasses import dataclass

from rich.text import Text

from runtime.running import say

TENANT = "acme"


@dataclass(frozen=True)
class Place:
    """Where a running `dev` is. Without `listener_port` there is no built-in receiver."""

    port: int
    ui_port: int
    listener_port: int | None
    operator_key: str
    tenant_key: str

    @property
    def api(self) -> str:
        """The API's URL."""
        return f"http://localhost:{self.port}"

    @property
    def receiver(self) -> str:
        """The URL of the first endpoint."""
        if self.listener_port is None:
            return "https://your-receiver.example/hooks"
        return f"http://localhost:{self.listener_port}/hooks"


def welcome(place: Place) -> None:
    """Print it."""
    say(Text("\nHookwright is ready.\n", style="bold green"))
    _fact("API", f"{place.api} (documented at {place.api}/docs)")
    _fact("Temporal UI", f"http://localhost:{place.ui_port}")
    _fact("Operator key", place.operator_key)
    _fact("Tenant key", f"{place.tenant_key} (of {TENANT}; it opens the facades)")
    if place.listener_port is not None:
        _fact("Receiver", f"{place.receiver} (what arrives is printed here)")
    say(Text("\nMake a first delivery: paste these lines into another terminal.\n", style="bold"))
    for line in first_delivery(place):
        say(line)
    say("\nCtrl-C stops everything.\n")


def first_delivery(place: Place) -> list[str]:
    """Return three shell commands: a tenant, its endpoint, an event."""
    root = f"/v1/tenants/{TENANT}"
    return [
        _curl(place, "PUT", root, {"name": "Acme"}),
        _curl(place, "POST", f"{root}/endpoints", {"url": place.receiver}),
        _curl(place, "POST", f"{root}/events", {"type": "invoice.paid", "data": {"amount": 1500}}),
    ]


def _curl(place: Place, method: str, path: str, body: dict[str, object]) -> str:
    return (
        f"curl -sS -w '\\n' -X {method} {place.api}{path}"
        f" -H 'Authorization: Bearer {place.operator_key}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    )


def _fact(name: str, value: str) -> None:
    say(Text.assemble(f"  {name:<14}", (value, "cyan")))
