"""A tenant's route table, held against a plain dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookwright.models import Route
from hookwright.routing import RouteChange, RouteTable, TenantState
from hookwright.routing.route_table import (
    FULL,
    MAX_ORDERED,
    TOO_LARGE,
    TOO_MANY_ORDERED,
    route_size,
)
from hookwright.sizes import MAX_ROUTE_BYTES, MAX_ROUTE_TABLE_BYTES, MAX_SLICE_BYTES

WIDTHS = (1, 30, 50)
"""Long event types of a route: with the last, four fill a slice."""

ENDPOINTS = [f"ep_{number}" for number in range(12)]


def route(endpoint_id: str, version: int = 1, width: int = 1) -> Route:
    types = [f"{number:x<128}" for number in range(width)]
    return Route(endpoint_id=endpoint_id, version=version, event_types=types)


def flat(slices: list[list[Route]]) -> list[Route]:
    return [each for routes in slices for each in routes]


CHANGES = st.builds(
    lambda endpoint_id, version, width: RouteChange(
        endpoint_id=endpoint_id,
        route=route(endpoint_id, version, width) if version else None,
    ),
    st.sampled_from(ENDPOINTS),
    st.integers(0, 5),
    st.sampled_from(WIDTHS),
)


@given(st.lists(st.tuples(CHANGES, st.booleans()), max_size=60))
def test_it_is_an_ordered_dictionary(steps):
    """Whatever changes come, and whenever it is packed, it has what a dictionary would have.

    What others read of it, slice by slice as they were written, is the same.
    """
    table, model, written = RouteTable([]), {}, {}
    for change, goes_on in steps:
        known = model.get(change.endpoint_id)
        if change.route is None:
            model.pop(change.endpoint_id, None)
        elif known is None or known.version < change.route.version:
            model[change.endpoint_id] = change.route
        assert table.apply(change) is None
        written |= {number: table.slice(number) for number in table.changed}
        table.changed.clear()
        if goes_on:
            table = RouteTable(table.packed())
            written = dict(enumerate(table.slices()))
            assert all(written.values())
        assert flat([written[number] for number in sorted(written)]) == list(model.values())
        assert flat(table.slices()) == flat(table.packed()) == list(model.values())
        assert table.size == sum(map(route_size, model.values()))
        assert len(table) == len(model)
    assert table.clear() == list(model)
    assert (len(table), table.size, flat(table.slices())) == (0, 0, [])


@given(st.lists(CHANGES, max_size=60))
def test_packed_slices_are_few_and_small(changes):
    """Packed, each slice is within its bound, and no route would have fitted the one before."""
    table = RouteTable([])
    for change in changes:
        table.apply(change)
    sizes = [sum(map(route_size, routes)) for routes in table.packed()]
    assert all(size <= MAX_SLICE_BYTES for size in sizes)
    firsts = [route_size(routes[0]) for routes in table.packed()]
    assert all(
        before + first > MAX_SLICE_BYTES for before, first in zip(sizes, firsts[1:], strict=False)
    )


def test_a_change_writes_one_slice():
    """Of a table of 4,000 routes, a change of one, and a new one, touch one slice each."""
    table = RouteTable(RouteTable([[route(f"ep_{n:024}") for n in range(4_000)]]).packed())
    assert len(table.slices()) > 50
    assert table.put(route("ep_" + "0" * 24, version=2)) is None
    assert table.changed == {0}
    table.changed.clear()
    assert table.put(route("ep_new")) is None
    assert table.changed == {len(table.slices()) - 1}
    table.changed.clear()
    table.remove("ep_unknown")
    assert table.put(route("ep_new")) is None
    assert table.changed == set()


def test_a_full_table():
    """One byte too many is refused; what is there still takes new versions and smaller routes."""
    table = RouteTable([])
    while table.put(route(f"ep_{len(table):04}", version=9, width=50)) is None:
        pass
    room = MAX_ROUTE_TABLE_BYTES - table.size
    last = route("last")
    fits = last.model_copy(update={"endpoint_id": "l" * (room - route_size(last) + 4)})
    too_long = last.model_copy(update={"endpoint_id": fits.endpoint_id + "l"})
    assert table.put(too_long) == FULL
    assert table.put(fits) is None
    assert table.size == MAX_ROUTE_TABLE_BYTES
    assert table.put(route("ep_0000", version=1_000_000_000, width=50)) is None
    assert table.put(route("ep_0000", version=1_000_000_001, width=51)) == FULL
    assert table.put(route("ep_0000", version=1_000_000_001, width=1)) is None
    table.changed.clear()
    assert table.put(route("another", width=50)) == FULL
    assert table.changed == set()


def test_ten_thousand_short_subscriptions_fit():
    """As many endpoints as are promised, with ids of our own making, have room."""
    table = RouteTable([])
    for number in range(10_000):
        types = ["invoice.*"]
        it = Route(endpoint_id=f"ep_{number:024x}", version=1, event_types=types)
        assert table.put(it) is None


def test_a_route_stores_only_what_it_has():
    """No channels and no filter take no room; the longer form of earlier versions is read."""
    short = {"endpoint_id": "ep_1", "version": 1, "event_types": ["a"]}
    for known in ({}, {"channels": ["eu"]}, {"filter": "n > `1`"}):
        route = Route.model_validate({**short, "channels": [], "filter": None, **known})
        assert route.model_dump() == {**short, **known}
        assert Route.model_validate_json(route.model_dump_json()) == route


def test_an_endless_route():
    """A route that nothing could hold is refused as such."""
    assert RouteTable([]).put(route("ep_1", width=MAX_ROUTE_BYTES // 128)) == TOO_LARGE


@pytest.mark.parametrize("stored", [{}, {"ep_2": route("ep_2"), "ep_1": route("ep_1", 3)}])
def test_states_of_earlier_versions(stored):
    """A state whose routes are one dictionary is read as one slice, in the same order."""
    state = TenantState.model_validate({"tenant_id": "acme", "version": 2, "routes": stored})
    assert flat(RouteTable(state.routes).slices()) == list(stored.values())
    again = TenantState.model_validate_json(state.model_dump_json())
    assert again == state


def test_a_table_has_few_ordered_routes():
    """One more endpoint with an order is refused; a known one may change, and others are taken."""
    table = RouteTable([])
    for number in range(MAX_ORDERED):
        assert table.put(route(f"ep_{number}").model_copy(update={"ordered": True})) is None
    another = route("ep_another").model_copy(update={"ordered": True})
    assert table.put(another) == TOO_MANY_ORDERED
    assert table.put(another.model_copy(update={"ordered": False})) is None
    assert table.put(route("ep_0", 2).model_copy(update={"ordered": True})) is None
    table.remove("ep_1")
    assert table.put(another.model_copy(update={"version": 2})) is None
