"""What a publish remembers of route tables: what is stored now, and no more than there is room."""

from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.common.v1 import Memo, Payload

from hookwright.models import Route
from hookwright.temporal import RouteTables, is_left_to_worker, route_tables


def tenant(name: str, **slices: bytes) -> Any:
    """Return a tenant with this route table, stored as these slices of its memo."""
    fields = {key.replace("_", "."): Payload(data=data) for key, data in slices.items()}
    info = SimpleNamespace(memo=Memo(fields={**fields, "tenant": Payload(data=b"settings")}))
    return SimpleNamespace(id=name, raw_description=SimpleNamespace(workflow_execution_info=info))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of the tenants whose table was decoded so far."""
    ids: list[str] = []

    async def routes_of(tenant: Any) -> list[Route]:
        ids.append(tenant.id)
        types = ["x" * 100] * 3 if tenant.id == "large" else ["*"]
        return [Route(endpoint_id=tenant.id, version=len(ids), event_types=types)]

    monkeypatch.setattr(route_tables, "routes_of", routes_of)
    return ids


async def test_a_table_is_decoded_once_a_change(decoded: list[str]) -> None:
    """What is stored as before is not decoded again, whatever else the tenant's memo holds."""
    tables = RouteTables()
    for stored, count in ((b"1", 1), (b"1", 1), (b"2", 2), (b"2", 2), (b"1", 3)):
        [route] = await tables.of(tenant("a", routes=stored))
        assert len(decoded) == count
        assert route.version == count


async def test_slices_are_told_apart(decoded: list[str]) -> None:
    """The same bytes in other slices are another table, and so is a slice that became empty."""
    tables = RouteTables()
    for slices in (
        {"routes": b"12"},
        {"routes": b"1", "routes_1": b"2"},
        {"routes": b"", "routes_1": b"12"},
        {"routes": b"12", "routes_1": b""},
    ):
        await tables.of(tenant("a", **slices))
    assert len(decoded) == 4


async def test_there_is_room_for_so_many_bytes(
    decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables are forgotten where there is no room for all, and one too large is never kept."""
    small = Route(endpoint_id="a", version=1, event_types=["*"]).model_dump_json()
    room = 3 * (route_tables.ENTRY_BYTES + len(small))
    monkeypatch.setattr(route_tables, "MAX_CACHED_BYTES", room)
    tables = RouteTables()
    for name in ("a", "b", "c", "a", "d", "a", "b"):
        await tables.of(tenant(name))
    assert decoded == ["a", "b", "c", "d", "b"]
    for _ in range(2):
        await tables.of(tenant("large"))
    assert decoded[5:] == ["large", "large"]


@pytest.mark.parametrize(
    ("endpoints", "patterns", "owner"),
    [(0, 0, "api"), (1_000, 5, "api"), (1_001, 1, "worker"), (100, 50, "api"), (101, 50, "worker")],
)
def test_large_tables_are_left_to_the_worker(endpoints: int, patterns: int, owner: str) -> None:
    """A table is large by its endpoints, or by all their event types together."""
    event_types = [f"type{number}" for number in range(patterns)]
    route = Route(endpoint_id="ep_1", version=1, event_types=event_types)
    assert is_left_to_worker([route] * endpoints) == (owner == "worker")
