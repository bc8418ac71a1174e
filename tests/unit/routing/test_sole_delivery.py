"""Which endpoint an event goes to, if it is one only."""

from datetime import UTC, datetime

import pytest

from hookwright.models import EventInput, Route
from hookwright.routing import Matches, deliveries

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
COSTLY = "data.a[?@ > `5000`]"
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
    found = Matches.of(routes, EVENT, NOW).sole_delivery()
    assert (found and found.endpoint_id) == endpoint_id


def test_two_endpoints_without_filters_need_no_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event for many endpoints is told by two of them: no filter is evaluated for nothing."""

    def small_verdicts(*_: object) -> None:
        pytest.fail("a filter was evaluated")

    monkeypatch.setattr(deliveries, "small_verdicts", small_verdicts)
    routes = [*(route(number, "data.n < `5`") for number in range(100)), route(100), route(101)]
    assert Matches.of(routes, EVENT, NOW).sole_delivery() is None


@pytest.mark.parametrize(
    ("routes", "possible"),
    [
        ([], []),
        ([route(1), route(2, event_type="loan.repaid")], ["ep_1"]),
        ([route(1), route(2, "data.n > `5`"), route(3, "data.n < `5`")], ["ep_1", "ep_3"]),
        ([route(1), route(2, COSTLY)], ["ep_1", "ep_2"]),
    ],
)
def test_the_possible_endpoints(routes: list[Route], possible: list[str]) -> None:
    """They are those that type and cheap filters leave: a costly filter is for the worker."""
    data = {"n": 1, "a": [*range(5_000)]}
    matches = Matches.of(routes, EVENT.model_copy(update={"data": data}), NOW)
    assert [each.endpoint_id for each in matches.possible] == possible
