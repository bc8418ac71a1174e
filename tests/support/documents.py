"""The documents' own calls: an endpoint, registered as its document prints it."""

import secrets

from runtime.keys import digest
from support.contracts import Registered, register
from support.stack import TENANT_KEYS, Stack

# The documents' own calls, only host and token changed. cr3dentials has a portal and no call.
DOCUMENTED = {
    "reflow": (
        "/v1/webhooks",
        {
            "url": "https://your-app.com/webhooks/reflow",
            "events": ["loan.funded", "investment.created", "repayment.received"],
            "secret": "your_webhook_secret",
        },
    ),
    "plain": (
        "/api/v1/webhooks",
        {
            "url": "https://client.com/webhooks/orders",
            "events": ["order.created", "order.shipped"],
            "secret": "whsec_...",
        },
    ),
    "clearway": (
        "/api/webhooks/marketplace",
        {
            "url": "https://your-app.com/webhooks/clearway",
            "events": ["capital_call.created", "capital_call.approved", "payment.received"],
            "enabled": True,
        },
    ),
    "dossier": (
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
    ),
}


async def register_as_printed(
    service: Stack, contract: str, url: str, event_type: str
) -> Registered:
    """Register an endpoint with the document's own call; where it prints none, with ours."""
    if contract not in DOCUMENTED:
        return await register(service, contract, url)
    path, printed = DOCUMENTED[contract]
    body = {**printed, "url": url, **_subscribing(printed, event_type)}
    key = f"sk_live_{secrets.token_hex(16)}"
    TENANT_KEYS[digest(key)] = service.tenant
    bearer = {"authorization": f"Bearer {key}"}
    answer = await service.http.post(path, json=body, headers=bearer)
    assert answer.status_code == 201, answer.text
    shown = answer.json().get("data", answer.json())
    return Registered(str(shown["id"]), shown.get("secret", body.get("secret")))


def _subscribing(printed: dict, event_type: str) -> dict:
    """Return the printed subscription, or one that fits another of the document's examples."""
    if "eventType" in printed:
        return {"eventType": event_type}
    return {} if event_type in printed["events"] else {"events": [event_type]}
