"""A tenant's budget of deliveries: what exceeds it is accepted, and paid from later minutes."""

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits.aio.storage import MemoryStorage

from api.access import delivery_budget
from api.access.delivery_budget import MINUTE_SECONDS, debt_seconds, spend

PER_MINUTE = 10


class Budget:
    """A tenant's budget, on a clock that the test moves."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 6_000.0
        self.storage = MemoryStorage()
        patch.setattr(delivery_budget, "time", SimpleNamespace(time=lambda: self.now))

    async def spend(self, cost: int) -> None:
        await spend(self.storage, PER_MINUTE, "t1", cost)

    async def debt(self) -> int:
        return await debt_seconds(self.storage, PER_MINUTE, "t1")


async def test_a_minute_has_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the budget nothing waits; then the rest of the minute does, and no other tenant."""
    budget = Budget(monkeypatch)
    await budget.spend(PER_MINUTE - 1)
    assert await budget.debt() == 0
    await budget.spend(1)
    assert await budget.debt() == MINUTE_SECONDS
    assert await debt_seconds(budget.storage, PER_MINUTE, "t2") == 0
    budget.now += MINUTE_SECONDS
    assert await budget.debt() == 0


async def test_a_debt_is_paid_from_later_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One event of five budgets takes five minutes, and the rest of it from the sixth."""
    budget = Budget(monkeypatch)
    await budget.spend(5 * PER_MINUTE + 4)
    budget.now += 0.5
    assert await budget.debt() == 5 * MINUTE_SECONDS
    budget.now += 5 * MINUTE_SECONDS
    assert await budget.debt() == 0
    await budget.spend(PER_MINUTE - 4)
    assert 0 < await budget.debt() <= MINUTE_SECONDS


@given(
    st.lists(
        st.tuples(st.integers(min_value=0, max_value=90), st.integers(min_value=0, max_value=50)),
        max_size=30,
    )
)
def test_nobody_spends_more_than_the_budget_and_one_event(steps: list[tuple[int, int]]) -> None:
    """Who publishes only without a debt exceeds the budget of all minutes by one event at most."""

    async def run() -> None:
        with pytest.MonkeyPatch.context() as patch:
            budget = Budget(patch)
            began, spent = budget.now, 0
            for seconds, cost in steps:
                budget.now += seconds
                minutes = 1 + int((budget.now - began) // MINUTE_SECONDS)
                if debt := await budget.debt():
                    waited = budget.now + debt
                    now, budget.now = budget.now, waited
                    assert await budget.debt() == 0
                    budget.now = now
                    continue
                assert spent < minutes * PER_MINUTE
                await budget.spend(cost)
                spent += cost

    asyncio.run(run())
