"""What a tenant may have and send: endpoints by its tier, and deliveries a minute."""

import pytest
from support.facades import key_of
from support.receiver import Receiver
from support.stack import Stack
from support.waiting import assert_eventually

from api.access import MAX_ENDPOINTS
from api.access.limits import DELIVERIES_PER_MINUTE
from hookwright.models import Tier

EVENT = {"type": "loan.funded", "data": {}}


def test_figures() -> None:
    """Each tier has ten times as much as the one before, and ten endpoints for each event."""
    assert list(MAX_ENDPOINTS.values()) == [100, 1_000, 10_000]
    assert list(DELIVERIES_PER_MINUTE.values()) == [6_000, 60_000, 600_000]
    assert list(MAX_ENDPOINTS) == list(DELIVERIES_PER_MINUTE) == list(Tier)


async def test_deliveries_are_counted_and_a_debt_is_paid(
    service: Stack, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event costs its deliveries; with a debt the next one is refused, and none is lost."""
    monkeypatch.setitem(DELIVERIES_PER_MINUTE, Tier.FREE, 1)
    for number in range(3):
        await service.add_endpoint(f"{hooks.url}/{number}")
    await service.add_endpoint(f"{hooks.url}/other", event_types=["other"])
    headers = key_of(service.tenant)
    body = {"events": [EVENT] * 5}
    batch = await service.http.post(f"{service.root}/events/batch", json=body, headers=headers)
    assert batch.status_code == 202
    refused = await service.http.post(f"{service.root}/events", json=EVENT, headers=headers)
    assert refused.status_code == 429
    assert 14 * 60 < int(refused.headers["retry-after"]) <= 15 * 60
    assert "deliveries a minute" in refused.json()["detail"]
    assert (await service.http.get(f"{service.root}/endpoints", headers=headers)).status_code == 200
    await service.publish()  # an operator has no budget
    other = await service.with_new_tenant()
    theirs = await other.http.post(f"{other.root}/events", json=EVENT, headers=key_of(other.tenant))
    assert theirs.status_code == 202
    await assert_eventually(lambda: len(hooks.requests) == 6 * 3, within=60)


async def test_a_repeat_costs_nothing(service: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that is published again, after a lost answer, is not counted again."""
    monkeypatch.setitem(DELIVERIES_PER_MINUTE, Tier.FREE, 2)
    await service.add_endpoint("https://hooks.example.com/in", status="paused")
    body = {**EVENT, "id": "evt_again"}
    for _ in range(3):
        answer = await service.http.post(
            f"{service.root}/events", json=body, headers=key_of(service.tenant)
        )
        assert answer.status_code == 202
        assert answer.json()["id"] == "evt_again"


async def test_endpoints_have_a_quota(service: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant creates as many endpoints as its tier has; its operator may add more."""
    monkeypatch.setitem(MAX_ENDPOINTS, Tier.FREE, 2)

    async def create(number: int) -> int:
        answer = await service.http.post(
            f"{service.root}/endpoints",
            json={"url": f"https://hooks.example.com/{number}"},
            headers={**key_of(service.tenant), "idempotency-key": str(number)},
        )
        return answer.status_code

    assert [await create(number) for number in (1, 2, 3)] == [201, 201, 409]
    assert await create(2) == 201  # a repeat gets the first answer
    await service.add_endpoint("https://hooks.example.com/by-the-operator")
    assert await create(3) == 409
