"""Tenant tokens over REST: minted by operators, held to scopes, revoked."""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cachetools import TTLCache
from support.facades import CALLS, key_of
from support.jwts import bearer, ours
from support.stack import Stack, api_client, api_config, unique
from support.waiting import eventually

from api.services.tenants import KNOWN_SECONDS
from api.tokens import ALL_SCOPES, Scope, Tokens
from hookwright.models import Tier
from hookwright.times import rfc3339

MINT = {"scopes": ["endpoints:read"], "expires_in_seconds": 60}


def sent(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def mint(service: Stack, **changes: object) -> httpx.Response:
    return await service.http.post(f"{service.root}/tokens", json={**MINT, **changes})


async def read(service: Stack, token: str) -> int:
    """Return the status that reading the tenant's endpoints gets."""
    answer = await service.http.get(f"{service.root}/endpoints", headers=sent(token))
    return answer.status_code


async def test_mint_and_use(service: Stack) -> None:
    """A minted token opens what its scopes say, until the time that the answer says."""
    before = datetime.now(UTC)
    answer = await mint(service)
    assert answer.status_code == 201, answer.text
    assert set(answer.json()) == {"token", "id", "expires_at"}
    ends = datetime.fromisoformat(answer.json()["expires_at"])
    assert timedelta(seconds=58) <= ends - before <= timedelta(seconds=62)
    token = answer.json()["token"]
    assert await read(service, token) == 200
    own = await service.http.get(service.root, headers=sent(token))
    assert own.json()["id"] == service.tenant
    refused = await service.http.post(
        f"{service.root}/endpoints", json={"url": "https://a.example/"}, headers=sent(token)
    )
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("#missing-scope")
    assert "`endpoints:write`" in refused.json()["detail"]


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": []},
        {"scopes": ["endpoints:delete"]},
        {"scopes": "endpoints:read"},
        {"expires_in_seconds": 0},
        {"expires_in_seconds": 90 * 86_400 + 1},
        {"expires_in_seconds": None},
        {"tier": "platinum"},
        {"sub": "another"},
    ],
)
async def test_bad_requests(service: Stack, changes: dict[str, object]) -> None:
    """An unknown scope or tier, a lifetime beyond 90 days, and any other claim are a 422."""
    answer = await mint(service, **changes)
    assert answer.status_code == 422
    assert next(iter(changes)) in answer.json()["errors"][0]["loc"]


async def test_only_operators_mint(service: Stack) -> None:
    """A tenant's key or token cannot mint tokens (403), and nobody can for an unknown tenant."""
    for headers in (key_of(service.tenant), bearer(service.tenant)):
        answer = await service.http.post(f"{service.root}/tokens", json=MINT, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("#operators-only")
    unknown = await service.http.post(f"/v1/tenants/{unique('t')}/tokens", json=MINT)
    assert unknown.status_code == 404


async def test_without_a_signing_key(service: Stack) -> None:
    """Without HOOKWRIGHT_JWT_KEY the answer says what to set."""
    config = replace(api_config(service.task_queue), tokens=Tokens())
    async with api_client(service.client, config) as http:
        answer = await mint(replace(service, http=http))
    assert answer.status_code == 503
    assert "HOOKWRIGHT_JWT_KEY" in answer.json()["detail"]


async def test_every_bad_token_gets_the_same_answer(service: Stack) -> None:
    """Malformed, expired, revoked, of an unknown tenant, foreign: one 401, to the byte."""
    now = int(time.time())
    revoked = ours(sub=service.tenant, iat=now - 3600)
    body = {"tokens_not_before": rfc3339(datetime.now(UTC) - timedelta(seconds=60))}
    assert (await service.http.put(service.root, json=body)).status_code == 200
    good = ours(sub=service.tenant)
    assert await read(service, good) == 200
    bad = [
        revoked,
        good[:-1],
        f"{good}.",
        f".{good}",
        good.split(".")[0],
        "..",
        "",
        "a.b.c",
        "x" * 10_000,
        ours(sub=unique("t")),
        ours(sub="../acme"),
        ours(sub=service.tenant, exp=now - 1),
        ours(sub=service.tenant, tier="gold"),
    ]
    headers = [sent(token) for token in bad]
    headers += [{"authorization": value} for value in (good, f"Basic {good}", "Bearer", "")]
    for path in (f"{service.root}/endpoints", "/v1/webhooks", "/v1/contracts"):
        answers = [await service.http.get(path, headers=each) for each in headers]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}


async def test_revoke(service: Stack) -> None:
    """Tokens from before `tokens_not_before` end, those from after work; it outlives a rename."""
    old = (await mint(service)).json()["token"]
    assert await read(service, old) == 200
    now = rfc3339(datetime.now(UTC))
    put = await service.http.put(service.root, json={"tokens_not_before": now})
    assert put.json()["tokens_not_before"] == now
    assert await read(service, old) == 401
    new = (await mint(service)).json()["token"]
    assert await read(service, new) == 200
    renamed = await service.http.put(service.root, json={"name": "Renamed"})
    assert renamed.json()["tokens_not_before"] == now
    assert await read(service, old) == 401
    revived = await service.http.put(service.root, json={"tokens_not_before": None})
    assert revived.json()["tokens_not_before"] is None
    assert await read(service, old) == 200
    assert (await service.http.get(service.root, headers=key_of(service.tenant))).status_code == 200


async def test_revoke_by_its_own_route(service: Stack) -> None:
    """Revoking ends all tokens until now, sets nothing else, and never revives a token."""
    before = (await service.http.put(service.root, json={"name": "One", "tier": "pro"})).json()
    old = (await mint(service)).json()["token"]
    revoke = f"{service.root}/tokens/revoke"
    revoked = await service.http.post(revoke)
    assert revoked.status_code == 200
    now = revoked.json()
    assert now == {
        **before,
        "tokens_not_before": now["tokens_not_before"],
        "updated_at": now["updated_at"],
    }
    assert await read(service, old) == 401
    new = (await mint(service)).json()["token"]
    assert await read(service, new) == 200
    again = await service.http.post(revoke, json={"before": "2020-01-01T00:00:00Z"})
    assert again.json()["tokens_not_before"] == now["tokens_not_before"]
    assert await read(service, old) == 401
    later = rfc3339(datetime.now(UTC) + timedelta(seconds=30))
    assert (await service.http.post(revoke, json={"before": later})).json()[
        "tokens_not_before"
    ] == later
    assert await read(service, new) == 401
    refused = await service.http.post(revoke, headers=key_of(service.tenant))
    assert refused.status_code == 403


async def test_no_token_outlives_its_tenant(service: Stack) -> None:
    """A tenant that is deleted and put again has none of its old tokens, revoked or not."""
    old = [
        (await mint(service)).json()["token"],
        ours(sub=service.tenant, iat=time.time() - 0.5),
        ours(sub=service.tenant, iat=int(time.time()) - 5),
    ]
    assert await read(service, old[0]) == 200
    assert (await service.http.post(f"{service.root}/tokens/revoke")).status_code == 200
    assert (await service.http.delete(service.root)).status_code == 204

    async def put_again() -> httpx.Response:
        return await service.http.put(service.root, json={})

    for _ in range(2):
        await eventually(put_again, lambda answer: answer.status_code == 201, within=90)
        made_at_once = [(await mint(service)).json()["token"], ours(sub=service.tenant)]
        assert [await read(service, token) for token in old] == [401] * len(old)
        assert [await read(service, token) for token in made_at_once] == [200, 200]
        old += made_at_once[:1]
        await service.http.put(service.root, json={"tokens_not_before": None})
        assert await read(service, old[0]) == 401
        assert (await service.http.delete(service.root)).status_code == 204


async def test_revoked_in_another_process(service: Stack) -> None:
    """A process that has just read the tenant asks again after some seconds, and refuses then."""
    old = (await mint(service)).json()["token"]
    clock = 0.0
    async with api_client(service.client, api_config(service.task_queue)) as http:
        other = replace(service, http=http)
        tenants = http._transport.app.state.hookwright.services.tenants
        object.__setattr__(tenants, "_known", TTLCache(9, KNOWN_SECONDS, timer=lambda: clock))
        assert await read(other, old) == 200
        now = rfc3339(datetime.now(UTC))
        await service.http.put(service.root, json={"tokens_not_before": now})
        assert await read(other, old) == 200
        clock += KNOWN_SECONDS + 1
        assert await read(other, old) == 401


async def test_a_revocation_to_come(service: Stack) -> None:
    """No token is minted that would not be good yet: the answer says why."""
    later = rfc3339(datetime.now(UTC) + timedelta(hours=1))
    await service.http.put(service.root, json={"tokens_not_before": later})
    answer = await mint(service)
    assert answer.status_code == 409
    assert "tokens_not_before" in answer.json()["detail"]


async def test_tier(service: Stack) -> None:
    """A tenant's tier is `free` unless put; a token has it, or the one that it was minted with."""
    limits = {}
    assert (await service.http.get(service.root)).json()["tier"] == "free"
    assert (await service.http.put(service.root, json={"tier": "gold"})).status_code == 422
    for tier, chosen in (("pro", None), ("pro", "enterprise"), ("free", None)):
        await service.http.put(service.root, json={"tier": tier})
        token = (await mint(service, tier=chosen)).json()["token"]
        answer = await service.http.get(service.root, headers=sent(token))
        limits[tier, chosen] = int(answer.headers["ratelimit-limit"])
    assert limits == {("pro", None): 6_000, ("pro", "enterprise"): 60_000, ("free", None): 600}


# The one list of what needs no scope; any other route, a new one too, must need one.
OPEN_TO_ANY_TOKEN = {
    ("get", "/v1/whoami"),
    ("get", "/v1/tenants/{tenant_id}"),
    ("get", "/v1/contracts"),
    ("get", "/v1/contracts/{name}"),
    ("get", "/v1/event-types"),
    ("get", "/v1/event-types/{name}"),
    ("get", "/healthz"),
    ("get", "/readyz"),
}


def expected_scope(method: str, path: str) -> Scope | None:
    """Return the scope that docs/tokens.md names for a route."""
    verb = "read" if method == "get" else "write"
    if path in ("/v1/endpoints", "/v1/deliveries"):
        return None  # they are for operators
    own = ("/deliveries", "/stats", "/recover", "/recoveries", "/logs")
    if path.endswith(own) or "/deliveries/" in path or "/recoveries/" in path:
        return Scope(f"deliveries:{verb}")
    if "/events" in path:
        return Scope.DELIVERIES_READ if verb == "read" else Scope.EVENTS_WRITE
    if "/endpoints" in path or "webhooks" in path or path.endswith("/status-changes"):
        return Scope(f"endpoints:{verb}")
    return None


ANY_ID = {
    "delivery_id": "a:b",
    "webhook_id": "1",
    "recovery_id": "a:00000000-0000-0000-0000-000000000000",
}


async def ask(service: Stack, verb: str, path: str, *scopes: Scope) -> httpx.Response:
    """Call a route with some id, and a token with just these scopes."""
    url = re.sub(
        r"{(\w+)}",
        lambda name: {"tenant_id": service.tenant, **ANY_ID}.get(name[1], "a"),
        path,
    )
    headers = sent(ours(sub=service.tenant, scope=" ".join(scopes), tier="enterprise"))
    body = {"json": {}} if verb in ("post", "put", "patch") else {}
    return await service.http.request(verb, url, headers=headers, **body)


async def test_every_route_takes_its_scope(service: Stack) -> None:
    """Each route is 403 for a token with all scopes but its own, and not for one with it alone."""
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    for verb, path in [(verb, path) for path, verbs in paths.items() for verb in verbs]:
        scope = expected_scope(verb, path)
        if scope is None:
            answer = await ask(service, verb, path)
            assert (answer.status_code != 403) == ((verb, path) in OPEN_TO_ANY_TOKEN), path
            continue
        refused = await ask(service, verb, path, *(ALL_SCOPES - {scope}))
        assert refused.status_code == 403, (verb, path)
        assert f"`{scope}`" in refused.json()["detail"]
        assert (await ask(service, verb, path, scope)).status_code != 403, (verb, path)
        declared = set(paths[path][verb]["responses"])
        assert {"401", "403", "422", "429", "503"} <= declared, (verb, path)


@pytest.mark.parametrize("name", CALLS)
async def test_facades_take_tokens(service: Stack, name: str) -> None:
    """With a token a developer registers and lists; with one that only reads, it lists."""
    call = CALLS[name]
    registered = await service.http.post(
        call.path, json=call.body, headers=bearer(service.tenant, Scope.ENDPOINTS_WRITE)
    )
    assert registered.status_code == 201, registered.text
    reads = bearer(service.tenant, Scope.ENDPOINTS_READ, tier=Tier.FREE)
    listed = await service.http.get(call.path, headers=reads)
    assert len(call.unwrapped(listed)) == 1
    assert (await service.http.post(call.path, json=call.body, headers=reads)).status_code == 403
