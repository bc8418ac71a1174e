"""The text that `hookwright dev` prints when it is ready: addresses, keys and a first delivery."""

import json
from dataclasses import dataclass

from rich.text import Text

from runtime.running import print_line

TENANT = "acme"


@dataclass(frozen=True)
class DevAddresses:
    """Ports and keys of a running `dev`. Without `listener_port` it has no built-in receiver."""

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


def print_welcome(addresses: DevAddresses, portal_link: str) -> None:
    """Print the addresses, the keys and the commands that make a first delivery."""
    print_line(Text("\nHookwright is ready.\n", style="bold green"))
    _print_fact("API", f"{addresses.api} (documented at {addresses.api}/docs)")
    _print_fact("Temporal UI", f"http://localhost:{addresses.ui_port}")
    _print_fact("Operator key", addresses.operator_key)
    _print_fact("Tenant key", f"{addresses.tenant_key} (of tenant {TENANT}, for the facades)")
    if addresses.listener_port is not None:
        _print_fact("Receiver", f"{addresses.receiver} (webhooks that arrive are printed here)")
    print_line(
        Text("\nMake a first delivery: paste these lines into another terminal.\n", style="bold")
    )
    for line in first_delivery(addresses):
        print_line(line)
    print_line(Text("\nThen see it as the endpoint's owner does:\n", style="bold"))
    print_line(portal_link)
    print_line("\nThe link works once, for a day. With the operator key you can always sign in at")
    print_line(f"{addresses.api}/portal/operator/sign-in")
    print_line("\nCtrl-C stops everything.\n")


def first_delivery(addresses: DevAddresses) -> list[str]:
    """Return three shell commands: they name the tenant, make an endpoint, and publish an event.

    They can be pasted again. A PUT would reset what was set meanwhile. Without its key a second
    endpoint would be made, and everything would arrive twice; the key has the receiver's port,
    because another URL under the same key would be refused.
    """
    root = f"/v1/tenants/{TENANT}"
    once = f"dev-{addresses.listener_port or 'endpoint'}"
    return [
        _curl(addresses, "PATCH", root, {"name": "Acme"}),
        _curl(addresses, "POST", f"{root}/endpoints", {"url": addresses.receiver}, once),
        _curl(
            addresses, "POST", f"{root}/events", {"type": "invoice.paid", "data": {"amount": 1500}}
        ),
    ]


def _curl(
    addresses: DevAddresses, method: str, path: str, body: dict[str, object], key: str | None = None
) -> str:
    idempotency = f" -H 'Idempotency-Key: {key}'" if key else ""
    return (
        f"curl -sS -w '\\n' -X {method} {addresses.api}{path}"
        f" -H 'Authorization: Bearer {addresses.operator_key}'"
        f" -H 'Content-Type: application/json'{idempotency} -d '{json.dumps(body)}'"
    )


def _print_fact(name: str, value: str) -> None:
    print_line(Text.assemble(f"  {name:<14}", (value, "cyan")))
