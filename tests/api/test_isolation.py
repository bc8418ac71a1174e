"""Every route, every verb, every kind of id, with another tenant's token.

What is tried is what OpenAPI has, so a new route is tried without a word here.
"""

import re
from functools import partial
from itertools import product

import httpx
import pytest_asyncio
from support.isolation import SHARED, UNKNOWN, Owner, counting, operations, owner
from support.receiver import Receiver, receiver
from support.stack import Stack, api_client, api_config
from support.waiting import eventually

BODIES = {
    ("put", "/v1/tenants/{tenant_id}"): {"name": "Stolen"},
    ("post", "/v1/tenants/{tenant_id}/tokens"): {
        "scopes": ["endpoints:read"],
        "expires_in_seconds": 60,
    },
    ("post", "/v1/tenants/{tenant_id}/endpoints"): {"url": "https://thief.example/"},
    ("post", "/v1/tenants/{tenant_id}/events"): {"type": "a.b", "data": {}},
    ("post", "/v1/tenants/{tenant_id}/events/batch"): {"events": [{"type": "a.b", "data": {}}]},
    ("post", "/v1/tenants/{tenant_id}/endpoints/{endpoint_id}/match"): {"type": "a.b", "data": {}},
    ("post", "/v1/tenants/{tenant_id}/endpoints/{endpoint_id}/recover"): {
        "since": "2020-01-01T00:00:00Z",
        "status": "failed",
    },
    ("patch", "/v1/tenants/{tenant_id}/endpoints/{endpoint_id}"): {"description": "stolen"},
    ("patch", "/v1/webhooks/{webhook_id}"): {"events": ["loan.funded"]},
}
"""What is sent where `{}` would be refused before the id is looked at."""


@pytest_asyncio.fixture(scope="module")
async def receiver_of_all():
    """A receiver for all deliveries of this module."""
    async with receiver() as it:
        yield it


@pytest_asyncio.fixture(scope="module")
async def mallory(shared_stack: Stack, receiver_of_all: Receiver) -> Owner:
    """The tenant that tries."""
    return await owner(shared_stack, receiver_of_all, "mallorys-own")


@pytest_asyncio.fixture(scope="module")
async def victim(shared_stack: Stack, receiver_of_all: Receiver) -> Owner:
    """The tenant whose ids mallory knows."""
    return await owner(shared_stack, receiver_of_all, "the-victims-own")


async def everything_of(tenant: Owner) -> list[object]:
    """Return all that a tenant can read of itself."""
    rows = [(await tenant.service.http.get(tenant.service.root)).json()]
    for kind in ("endpoints", "events", "deliveries"):
        answer = await tenant.service.http.get(f"{tenant.service.root}/{kind}")
        rows += sorted(answer.json()["data"], key=lambda it: it["id"])
    return rows


async def test_foreign_ids_are_unknown_ids(victim: Owner, mallory: Owner) -> None:
    """A foreign id of any kind, on any route, is answered as an unknown one is: 404, to the byte.

    It makes the same calls to Temporal, too: how long it takes tells nothing.
    """
    before = await everything_of(victim)
    calls: list[str] = []
    stack = mallory.service
    tried, asked_temporal = 0, 0
    async with api_client(counting(stack.client, calls), api_config(stack.task_queue)) as http:

        async def ask(verb: str, path: str, **options: object) -> tuple[httpx.Response, list[str]]:
            # The API knows the caller's own tenant for a few seconds, and must know it each time.
            await http.get(stack.root, headers=mallory.token)
            calls.clear()
            answer = await http.request(verb, path, headers=mallory.token, **options)
            return answer, list(calls)

        for verb, path, operation in await operations(stack):
            if path in SHARED:
                continue
            body = BODIES.get((verb, path), {})
            options = {"json": body} if "requestBody" in operation else {}
            for name in re.findall(r"{(\w+)}", path):
                own = mallory.at(path.replace(f"{{{name}}}", "<>"))
                theirs = own.replace("<>", victim.id_for(path, name))
                foreign, made = await ask(verb, theirs, **options)
                unknown, needed = await ask(verb, own.replace("<>", UNKNOWN[name]), **options)
                assert foreign.status_code == 404, (verb, path, name, foreign.text)
                assert foreign.content == unknown.content, (verb, path, name)
                assert unknown.status_code == 404
                assert without_limits(foreign) == without_limits(unknown)
                assert made == needed, (verb, path, name)
                tried += 1
                asked_temporal += bool(made)
    assert tried >= 30
    assert asked_temporal >= 10
    assert await everything_of(victim) == before


def without_limits(answer: httpx.Response) -> dict[str, str]:
    """Return the headers, but for those that count calls."""
    return {k: v for k, v in answer.headers.items() if not k.startswith("ratelimit-")}


async def test_own_ids_are_found(victim: Owner, mallory: Owner) -> None:
    """The same reads with ids of one's own succeed: the 404s above are not for another reason."""
    for tenant in (victim, mallory):
        for verb, path, _ in await operations(tenant.service):
            if verb == "get" and "{" in path and path not in SHARED:
                answer = await tenant.service.http.get(tenant.at(path), headers=tenant.token)
                assert answer.status_code == 200, (path, answer.text)


async def test_foreign_deliveries_by_halves(victim: Owner, mallory: Owner) -> None:
    """A delivery's id that joins one's own endpoint to another's event, or vice versa, is a 404."""
    for endpoint, event in (
        (mallory.ids["endpoint_id"], victim.ids["event_id"]),
        (victim.ids["endpoint_id"], mallory.ids["event_id"]),
    ):
        path = f"{mallory.service.root}/deliveries/{endpoint}:{event}"
        answer = await mallory.service.http.get(path, headers=mallory.token)
        assert answer.status_code == 404


async def test_foreign_ids_as_filters(victim: Owner, mallory: Owner) -> None:
    """A filter by a foreign endpoint or event finds nothing, and an event cannot be sent to one."""
    http, root = mallory.service.http, mallory.service.root
    for name in ("endpoint_id", "event_id"):
        answer = await http.get(
            f"{root}/deliveries", params={name: victim.ids[name]}, headers=mallory.token
        )
        assert answer.json() == {"data": [], "next_cursor": None}
    for endpoint in (victim.ids["endpoint_id"], UNKNOWN["endpoint_id"]):
        event = {"type": "order.created", "data": {}, "endpoint_id": endpoint}
        answer = await http.post(f"{root}/events", json=event, headers=mallory.token)
        assert answer.status_code == 422
        assert "no such endpoint" in answer.text


UNREADABLE = "/v1/unreadable-events"
OF_OPERATORS = {"/v1/tenants", "/v1/endpoints", "/v1/deliveries", UNREADABLE}
"""Lists over all tenants. Nothing is unreadable here, so that list gives no cursor."""


async def next_cursor(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> str | None:
    """Return the cursor to a list's second row, once it is there."""
    answer = await http.get(path, params={"limit": 1}, headers=headers)
    assert answer.status_code == 200, answer.text
    if link := answer.links.get("next"):
        return httpx.URL(link["url"]).params["cursor"]
    return answer.json()["next_cursor"] if isinstance(answer.json(), dict) else None


async def test_cursors_stay_where_they_are_from(victim: Owner, mallory: Owner) -> None:
    """A cursor of one list is a 422 on every other list, and on the same list of another tenant."""
    http = mallory.service.http
    cursors: dict[tuple[str, str], str] = {}
    for tenant in (victim, mallory):
        for verb, path, operation in await operations(mallory.service):
            names = {it["name"] for it in operation.get("parameters", ())}
            if verb != "get" or "cursor" not in names or path == UNREADABLE:
                continue
            key = {} if path in OF_OPERATORS else tenant.token
            first_page = partial(next_cursor, http, tenant.at(path), key)
            cursors[tenant.ids["tenant_id"], path] = await eventually(first_page)
    assert len({path for _, path in cursors}) >= 5
    tenants = {tenant.ids["tenant_id"]: tenant for tenant in (victim, mallory)}
    lists = [*cursors, (victim.ids["tenant_id"], UNREADABLE)]
    for here, there in product(cursors, lists):
        if here == there:
            continue
        tenant, path = tenants[there[0]], there[1]
        key = {} if path in OF_OPERATORS else tenant.token
        params = {"limit": 1, "cursor": cursors[here]}
        answer = await http.get(tenant.at(path), params=params, headers=key)
        same = here[1] == there[1] and here[1] in {*OF_OPERATORS, "/v1/event-types"}
        assert answer.status_code == (200 if same else 422), (here, there)
