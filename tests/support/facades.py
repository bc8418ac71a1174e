"""The documents' own management calls, and tenants with keys of their own."""

from dataclasses import dataclass, replace
from typing import Any

import httpx

from runtime.keys import digest
from support.stack import TENANT_KEYS, Stack


@dataclass(frozen=True)
class Call:
    """One document: where it registers webhooks, with which body, and what it then changes."""

    contract: str
    path: str
    body: dict[str, Any]
    change: dict[str, Any]
    events: str = "events"
    """The document's field of event types; empty if it has none, and all are sent."""
    wrapped: bool = False
    unknown_id: str = "wh_0"

    def unwrapped(self, answer: httpx.Response) -> Any:
        return answer.json()["data"] if self.wrapped else answer.json()

    @property
    def types(self) -> tuple[str, str]:
        """Two event types of the contract."""
        if not self.events:
            return "verification.completed", "verification.failed"
        if self.events == "eventType":
            return str(self.body["eventType"]), str(self.change["eventType"])
        first, second, *_ = self.body["events"]
        return first, second

    def with_events(self, *types: str) -> dict[str, Any]:
        """Return the body with other event types."""
        if not self.events:
            return self.body
        one = self.events == "eventType"
        return {**self.body, self.events: types[0] if one else list(types)}


CALLS = {
    "reflow": Call(
        "reflow",
        "/v1/webhooks",
        {
            "url": "https://your-app.com/webhooks/reflow",
            "events": ["loan.funded", "investment.created", "repayment.received"],
            "secret": "your_webhook_secret",
        },
        {"events": ["loan.funded", "repayment.received"]},
    ),
    "plain": Call(
        "plain",
        "/api/v1/webhooks",
        {
            "url": "https://client.com/webhooks/orders",
            "events": ["order.created", "order.shipped"],
            "secret": "whsec_...",
        },
        {"events": ["order.shipped"]},
    ),
    "clearway": Call(
        "clearway",
        "/api/webhooks/marketplace",
        {
            "url": "https://your-app.com/webhooks/clearway",
            "events": ["capital_call.created", "capital_call.approved", "payment.received"],
            "enabled": True,
        },
        {"events": ["payment.received"]},
        wrapped=True,
    ),
    # The document prints no call. These are the fields of its example configuration.
    "cr3dentials": Call(
        "cr3dentials",
        "/api/partner/webhooks",
        {
            "url": "https://api.yourcompany.com/webhooks/cr3dentials",
            "status": "active",
            "header": {"key": "secret", "value": "your-secure-secret-key-here"},
        },
        {"url": "https://api.yourcompany.com/webhooks/new"},
        events="",
    ),
    "dossier": Call(
        "dossier",
        "/api/v1/developer/webhooks",
        {
            "name": "Production Webhook",
            "url": "https://your-app.com/webhooks/endpoint",
            "eventType": "dossier.created",
            "description": "Receive notifications for new dossiers",
            "retryPolicy": {
                "maxRetries": 3,
                "retryDelaySeconds": 60,
                "backoffStrategy": "exponential",
            },
        },
        {"eventType": "message.received"},
        events="eventType",
        unknown_id="77",
    ),
}


def key_of(tenant: str) -> dict[str, str]:
    """Give a tenant a key, and return the header that sends it."""
    key = f"sk_live_{tenant}"
    TENANT_KEYS[digest(key)] = tenant
    return {"authorization": f"Bearer {key}"}


@dataclass
class Developer:
    """A tenant's developer, calling a facade with the tenant's own key."""

    service: Stack
    call: Call

    def at(self, contract: str) -> "Developer":
        return replace(self, call=CALLS[contract])

    async def another(self) -> "Developer":
        """Return the same of another tenant."""
        return replace(self, service=await self.service.with_new_tenant())

    async def request(
        self, method: str, path: str = "", json: object = None, **options: Any
    ) -> httpx.Response:
        """Call the facade, below its path."""
        headers = {**key_of(self.service.tenant), **options.pop("headers", {})}
        return await self.service.http.request(
            method, f"{self.call.path}{path}", json=json, headers=headers, **options
        )

    async def register(self, body: object = None) -> dict[str, Any]:
        answer = await self.request("post", json=self.call.body if body is None else body)
        assert answer.status_code == 201, answer.text
        return self.call.unwrapped(answer)

    async def listed(self) -> list[dict[str, Any]]:
        answer = await self.request("get")
        assert answer.status_code == 200, answer.text
        return self.call.unwrapped(answer)
