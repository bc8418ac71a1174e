"""When a workflow sets its search attributes, in a run that an earlier version began, too."""

from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.common import SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from hookwright.temporal import ENDPOINT_STATUS, TENANT_ID
from workflows.explaining import SearchIndex, search_index


class FakeRun:
    """A run of a workflow: what it has, what it sets, and how many calls are a replay."""

    def __init__(self, *has: SearchAttributePair, replayed: int = 0) -> None:
        self.typed_search_attributes = TypedSearchAttributes(has)
        self.replayed = replayed
        self.patches: dict[str, bool] = {}
        self.upserts: list[dict[str, Any]] = []

    def info(self) -> "FakeRun":
        return self

    def patched(self, name: str) -> bool:
        """Decide as Temporal does: once for each name, and against it in a replay."""
        self.replayed -= 1
        return self.patches.setdefault(name, self.replayed < 0)

    def upsert_search_attributes(self, updates: Sequence[SearchAttributeUpdate[Any]]) -> None:
        self.upserts.append({update.key.name: update.value for update in updates})
        has = self.typed_search_attributes
        for update in updates:
            has = has.updated(SearchAttributePair(update.key, update.value))
        self.typed_search_attributes = has


def shown(monkeypatch: pytest.MonkeyPatch, run: FakeRun, *statuses: str) -> FakeRun:
    """Let a run show these statuses one after the other; return it."""
    monkeypatch.setattr(search_index, "workflow", run)
    index = SearchIndex()
    for status in statuses:
        index.show(wanted(status))
    return run


def wanted(status: str) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [SearchAttributePair(TENANT_ID, "acme"), SearchAttributePair(ENDPOINT_STATUS, status)]
    )


def test_a_new_workflow_sets_only_what_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was started with its search attributes has a command for a change, and no patch."""
    run = shown(monkeypatch, FakeRun(*wanted("active")), "active", "paused", "paused")
    assert run.upserts == [{"EndpointStatus": "paused"}]
    assert run.patches == {}


def test_an_old_run_gets_them_at_its_next_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done before is replayed without them; the first call after that sets all."""
    run = shown(monkeypatch, FakeRun(replayed=2), *["active"] * 2, "paused", "paused")
    assert run.upserts == [{"TenantId": "acme", "EndpointStatus": "paused"}]
    assert [*run.patches.values()] == [False, False, True]
