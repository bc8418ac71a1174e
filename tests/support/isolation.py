"""Two tenants with one of everything, and every call that OpenAPI has of a tenant's."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from temporalio.client import Client, Interceptor, OutboundInterceptor

from support.facades import CALLS
from support.jwts import bearer
from support.receiver import Receiver
from support.stack import Stack
from support.waiting import eventually

UNKNOWN = {
    "tenant_id": "t_none",
    "endpoint_id": "ep_none",
    "event_id": "evt_none",
    "delivery_id": "ep_none:evt_none",
    "recovery_id": "ep_none:00000000-0000-0000-0000-000000000000",
    "webhook_id": "77",
}
"""Of each kind of id one that nobody has. A route with another kind must add it here."""

SHARED = {"/v1/contracts/{name}", "/v1/event-types/{name}"}
"""Routes whose ids are no tenant's."""


@dataclass(frozen=True)
class Owner:
    """A tenant with rows of every kind, and a token with all scopes."""

    service: Stack
    token: dict[str, str]
    ids: dict[str, str]
    webhooks: dict[str, str]

    def id_for(self, path: str, name: str) -> str:
        """Return this tenant's id of the kind that a path takes."""
        webhook = next((it for root, it in self.webhooks.items() if path.startswith(root)), None)
        if name == "webhook_id" and webhook:
            return webhook
        if name == "delivery_id" and webhook:  # the webhook's delivery of the same event
            return f"{webhook}:{self.ids['event_id']}"
        return self.ids[name]

    def at(self, path: str) -> str:
        """Return a path with this tenant's ids."""
        return re.sub(r"{(\w+)}", lambda name: self.id_for(path, name[1]), path)


async def owner(service: Stack, hooks: Receiver, marker: str) -> Owner:
    """Make a tenant whose rows all hold the marker."""
    service = await service.with_new_tenant()
    token = bearer(service.tenant)
    assert (await service.http.put(service.root, json={"name": marker})).is_success
    webhooks = {}
    for call in CALLS.values():
        body = {**call.body, "url": f"{hooks.url}/{marker}"}
        made = await service.http.post(call.path, json=body, headers=token)
        assert made.status_code == 201, made.text
        webhooks[call.path] = str(call.unwrapped(made)["id"])
    endpoint = await service.add_endpoint(f"{hooks.url}/{marker}", description=marker)
    for _ in range(2):
        event = await service.publish(type="order.created", data={"marker": marker})
        for endpoint_id in (endpoint["id"], webhooks[CALLS["plain"].path]):
            await eventually(
                partial(service.delivery, endpoint_id, event["id"]),
                lambda it: it.get("state") == "delivered",
            )
    first = await recovered(service, endpoint["id"], but="")
    ids = {
        "name": "capital_call.approved",
        "tenant_id": service.tenant,
        "endpoint_id": endpoint["id"],
        "event_id": event["id"],
        "delivery_id": f"{endpoint['id']}:{event['id']}",
        "recovery_id": await recovered(service, endpoint["id"], but=first),
    }
    return Owner(service, token, ids, webhooks)


async def recovered(service: Stack, endpoint_id: str, but: str) -> str:
    """Begin a recovery, once the earlier one has ended, and return its id."""

    async def begin() -> str:
        answer = await service.http.post(
            f"{service.root}/endpoints/{endpoint_id}/recover",
            json={"since": "2020-01-01T00:00:00Z", "status": "failed"},
        )
        return str(answer.json()["id"])

    return await eventually(begin, lambda it: it != but)


async def operations(service: Stack) -> list[tuple[str, str, dict[str, Any]]]:
    """Return verb, path and description of every operation that OpenAPI has."""
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    return [(verb, path, it) for path, verbs in paths.items() for verb, it in verbs.items()]


def counting(client: Client, calls: list[str]) -> Client:
    """Return the same client, noting each call that it makes to Temporal."""

    class Noting(OutboundInterceptor):
        def __getattribute__(self, name: str) -> Any:
            if not name.startswith("_") and name != "next":
                calls.append(name)
            return super().__getattribute__(name)

    class NotingInterceptor(Interceptor):
        def intercept_client(self, following: OutboundInterceptor) -> OutboundInterceptor:
            return Noting(following)

    config = client.config()
    config["interceptors"] = [*config["interceptors"], NotingInterceptor()]
    return Client(**config)
