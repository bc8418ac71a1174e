"""Random strings as every filter and every id: nothing of another tenant, and no 5xx.

A thousand take minutes: FUZZ_EXAMPLES=1000 pytest tests/api/test_hostile_ids.py
"""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.isolation import Owner, operations, owner
from support.receiver import receiver
from support.stack import Stack

from api.access.limits import PER_MINUTE, CallKind
from hookwright.models import Tier

MARKER = "the-victims-own"
WRAPPINGS = [
    "' OR TenantId='{}",
    "' OR TenantId = '{}' --",
    '" OR TenantId="{}',
    "{}' OR '1'='1",
    "x') OR (TenantId = '{}",
    "{}:x",
    "x:{}",
    "../{}",
    "..%2f{}",
    "{}\x00",
    "{}\n",
    "tenant:{}",
    "`{}`",
    "{}/endpoints",
    "*",
    "{}?tenant_id={}",
]


Slot = tuple[str, str, str]


@dataclass(frozen=True)
class Attack:
    """The tenant that tries, the one whose rows it must not see, and where a text can stand."""

    mallory: Owner
    victim: Owner
    slots: list[Slot]

    async def put(self, slot: Slot, text: str) -> httpx.Response:
        """Read a route with a text as one of its ids or filters, the other ids mallory's own."""
        path, place, name = slot
        if place == "path":
            url = self.mallory.at(path.replace(f"{{{name}}}", "<>"))
            path, params = url.replace("<>", quote(text, safe="")), {}
        else:
            path, params = self.mallory.at(path), {name: text}
        http = self.mallory.service.http
        return await http.get(path, params=params, headers=self.mallory.token)


@pytest_asyncio.fixture(scope="module")
async def attack(shared_stack: Stack) -> AsyncIterator[Attack]:
    """Two tenants, and every id and filter of every route that reads; without rate limits."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (CallKind.MANAGEMENT, CallKind.READ):
            patch.setitem(PER_MINUTE[kind], Tier.ENTERPRISE, 10**9)
        async with receiver() as hooks:
            mallory = await owner(shared_stack, hooks, "mallorys-own")
            victim = await owner(shared_stack, hooks, MARKER)
            slots = [
                (path, parameter["in"], parameter["name"])
                for verb, path, operation in await operations(shared_stack)
                for parameter in operation.get("parameters", ())
                if verb == "get" and parameter["in"] in ("path", "query")
                if parameter["name"] != "limit"
            ]
            yield Attack(mallory, victim, slots)


@pytest.mark.parametrize("place", ["path", "query"])
@settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    text=st.text(min_size=1, max_size=80),
    wrapping=st.sampled_from(["", *WRAPPINGS]),
    kind=st.sampled_from(["text", "tenant_id", "endpoint_id", "event_id"]),
)
@pytest.mark.timeout(300)
async def test_hostile_ids(attack: Attack, place: str, text: str, wrapping: str, kind: str) -> None:
    """Each is refused, finds nothing, or finds one's own; and there is always an answer."""
    hostile = wrapping.replace("{}", attack.victim.ids.get(kind, text)) or text
    slots = [slot for slot in attack.slots if slot[1] == place]
    assert len(slots) >= 10
    for slot in slots:
        answer = await attack.put(slot, hostile)
        assert answer.status_code < 500, (slot, hostile, answer.text)
        assert MARKER not in answer.text, (slot, hostile)
