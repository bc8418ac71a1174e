"""Which endpoint an event goes to, if it is one only."""

from datetime import UTC, datetime

import pytest

from hookwright.models import EventInput, Route
from hookwright.routing import deliveries, sole_delivery

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
EVENT = EventInput(tenant_id="acme", id="evt_1", type="loan.funded", data={"n": 1})


def route(number: int, filter_: str | None = None, event_type: str = "*") -> Route:
    return Route(endpoint_id=f"ep_{number}", version=1, event_types=[event_type], filter=filter_)


@pytest.mark.parametrize(
    ("routes", "endpoint_id"),
    [
        ([], None),
        ([route(1)], "ep_1"),
        ([route(1), route(2)], None),
        ([route(1), route(2, event_type="loan.repaid")], "ep_1"),
        ([route(1), route(2, "data.n > `5`")], "ep_1"),
        ([route(1, "data.n > `5`"), route(2, "data.n < `5`")], "ep_2"),
        ([route(1, "data.n < `5`"), route(2, "data.n < `5`")], None),
        ([route(1, "data.n > `5`")], None),
        ([route(1), route(2, "data.n < `5`")], None),
    ],
)
def test_the_only_endpoint(routes: list[Route], endpoint_id: str | None) -> None:
    """It is the one that type and filter leave; of none or several there is none."""
    found = sole_delivery(routes, EVENT, NOW)
    assert (found and found.endpoint_id) == endpoint_id


def test_two_endpoints_without_filters_need_no_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event for many endpoints is told by two of them: no filter is evaluated for nothing."""

    def small_verdicts(*_: object) -> None:
        pytest.fail("a filter was evaluated")

    monkeypatch.setattr(deliveries, "small_verdicts", small_verdicts)
    routes = [*(route(number, "data.n < `5`") for number in range(100)), route(100), route(101)]
    assert sole_delivery(routes, EVENT, NOW) is None
