"""`GET /v1/whoami`: what a key or token is good for."""

from datetime import UTC, datetime, timedelta

import httpx
from support.facades import key_of
from support.jwts import bearer
from support.stack import Stack

from api.tokens import ALL_SCOPES, Scope
from hookwright.models import Tier

EVERYTHING = sorted(ALL_SCOPES)


async def whoami(service: Stack, headers: dict[str, str] | None = None) -> dict[str, object]:
    answer = await service.http.get("/v1/whoami", headers=headers or {})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_operator_has_no_tenant(service: Stack) -> None:
    """An operator's key has a name and all scopes, and no tenant, tier or end."""
    assert await whoami(service) == {
        "kind": "operator",
        "name": "test",
        "tenant_id": None,
        "tier": None,
        "scopes": EVERYTHING,
        "expires_at": None,
    }


async def test_a_tenants_key(service: Stack) -> None:
    """A tenant's key has its tenant, the tenant's tier and all scopes, and no end."""
    assert (await service.http.put(service.root, json={"tier": "pro"})).status_code == 200
    assert await whoami(service, key_of(service.tenant)) == {
        "kind": "tenant_key",
        "name": service.tenant,
        "tenant_id": service.tenant,
        "tier": "pro",
        "scopes": EVERYTHING,
        "expires_at": None,
    }


async def test_a_token_has_scopes_and_an_end(service: Stack) -> None:
    """A token has the scopes, the tier and the end that it was made with."""
    token = bearer(service.tenant, Scope.ENDPOINTS_READ, tier=Tier.PRO, seconds=600)
    found = await whoami(service, token)
    ends = datetime.fromisoformat(str(found.pop("expires_at")))
    assert abs(ends - datetime.now(UTC) - timedelta(seconds=600)) < timedelta(seconds=30)
    assert found == {
        "kind": "token",
        "name": service.tenant,
        "tenant_id": service.tenant,
        "tier": "pro",
        "scopes": ["endpoints:read"],
    }


async def test_nobody_is_refused(offline: httpx.AsyncClient) -> None:
    """Without a good key or token there is nobody to tell of."""
    answer = await offline.get("/v1/whoami", headers={"authorization": "Bearer nonsense"})
    assert answer.status_code == 401
