"""What `hookwright dev` prints once all is ready: where things are, and a first delivery."""

import json
from dataclasses import dataclass

from rich.text import Text

from runtime.running import say

TENANT = "acme"


@dataclass(frozen=True)
class DevAddresses:
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


def welcome(addresses: DevAddresses) -> None:
    """Print it."""
    say(Text("\nHookwright is ready.\n", style="bold green"))
    _fact("API", f"{addresses.api} (documented at {addresses.api}/docs)")
    _fact("Temporal UI", f"http://localhost:{addresses.ui_port}")
    _fact("Operator key", addresses.operator_key)
    _fact("Tenant key", f"{addresses.tenant_key} (of {TENANT}; it opens the facades)")
    if addresses.listener_port is not None:
        _fact("Receiver", f"{addresses.receiver} (what arrives is printed here)")
    say(Text("\nMake a first delivery: paste these lines into another terminal.\n", style="bold"))
    for line in first_delivery(addresses):
        say(line)
    say("\nCtrl-C stops everything.\n")


def first_delivery(addresses: DevAddresses) -> list[str]:
    """Return three shell commands: a tenant, its endpoint, an event."""
    root = f"/v1/tenants/{TENANT}"
    return [
        _curl(addresses, "PUT", root, {"name": "Acme"}),
        _curl(addresses, "POST", f"{root}/endpoints", {"url": addresses.receiver}),
        _curl(
            addresses, "POST", f"{root}/events", {"type": "invoice.paid", "data": {"amount": 1500}}
        ),
    ]


def _curl(addresses: DevAddresses, method: str, path: str, body: dict[str, object]) -> str:
    return (
        f"curl -sS -w '\\n' -X {method} {addresses.api}{path}"
        f" -H 'Authorization: Bearer {addresses.operator_key}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    )


def _fact(name: str, value: str) -> None:
    say(Text.assemble(f"  {name:<14}", (value, "cyan")))
