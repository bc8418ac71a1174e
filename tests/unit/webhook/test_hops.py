"""The mark of our webhooks: what it says is read, and nobody else's is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookwright.models import EventInput
from hookwright.webhook import hops_of, user_agent

EVENT = {"tenant_id": "acme", "id": "evt_1", "type": "a", "data": 1}


@given(st.integers(0, 1_000))
def test_round_trip(hops):
    """The webhook of an event counts one more than led to the event."""
    assert hops_of(user_agent(hops)) == hops + 1


def test_an_ordinary_webhook_has_the_plain_user_agent():
    """Events that no webhook led to are sent with the user agent that they always had."""
    assert user_agent(0).count(" ") == 0


@pytest.mark.parametrize(
    "other",
    [
        *(
            "",
            "curl/8.5.0",
            "python-httpx/0.28",
            "Hookwright",
            "Hookwright-Client/1",
            "hookwright/1",
        ),
        *("Mozilla/5.0 (compatible; Hookwright/1.0)", "Hookwright/1 (hops=-1)", "Hookwright/1 x"),
        *("Hookwright/1 (hops=)", "Hookwright/1 (hops=1) x", f"Hookwright/1 (hops={'9' * 5000})"),
    ],
)
def test_what_is_not_ours(other):
    """A user agent of another form is not a webhook of ours, and raises nothing."""
    assert hops_of(other) == 0


def test_hops_take_no_room():
    """An event that no webhook led to is stored as it was before there were hops."""
    assert "hops" not in EventInput(**EVENT).model_dump(mode="json")
    assert EventInput(**EVENT, hops=2).model_dump(mode="json")["hops"] == 2
