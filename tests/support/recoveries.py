"""Recoveries as an operator begins and reads them."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from support.stack import Stack
from support.waiting import eventually

LONG_AGO = (datetime.now(UTC) - timedelta(days=1)).isoformat()


async def begin(service: Stack, endpoint: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"since": LONG_AGO, "rate_per_second": 100, **fields}
    path = f"{service.root}/endpoints/{endpoint['id']}/recover"
    answer = await service.http.post(path, json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def read(service: Stack, recovery: dict[str, Any]) -> dict[str, Any]:
    """Read a recovery, with its deliveries counted."""
    path = f"{service.root}/recoveries/{recovery['id']}"

    async def get() -> dict[str, Any]:
        return (await service.http.get(path)).json()

    return await eventually(get, lambda it: it["delivered"] is not None)


async def ended(service: Stack, recovery: dict[str, Any], **expected: Any) -> dict[str, Any]:
    """Return the recovery once it has ended, and shows these."""
    return await eventually(
        lambda: read(service, recovery),
        lambda it: it["ended_at"] and all(it[name] == value for name, value in expected.items()),
        within=60,
    )


async def failed_deliveries(
    service: Stack, endpoint: dict[str, Any], events: list[str], state: str = "exhausted"
) -> None:
    """Wait for the end of these deliveries."""
    for event in events:
        await eventually(
            partial(service.delivery, endpoint["id"], event),
            lambda it: it.get("state") == state,
            within=60,
        )
