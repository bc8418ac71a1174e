"""An endpoint's secrets over rotations."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hookwright.models import EndpointState, Secret

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
NOTHING = timedelta(0)
WEEK = 604_800
ROTATIONS = st.lists(st.tuples(st.integers(0, WEEK), st.integers(0, WEEK)), max_size=25)


def endpoint(*secrets: Secret) -> EndpointState:
    return EndpointState(tenant_id="acme", endpoint_id="ep_1", secrets=list(secrets))


def rotate(state: EndpointState, value: str, grace: timedelta, now: datetime) -> EndpointState:
    return state.model_copy(update={"secrets": state.rotated(value, grace, now)})


def test_without_grace():
    """With no grace period the old secret signs no longer."""
    state = rotate(endpoint(Secret(value="old")), "new", NOTHING, NOW)
    assert state.secrets == [Secret(value="new")]
    assert state.live_secrets(NOW) == ["new"]


def test_during_the_grace_period():
    """The old secret signs beside the new one until its grace is over, to the second."""
    state = rotate(endpoint(Secret(value="old")), "new", timedelta(hours=1), NOW)
    assert state.live_secrets(NOW) == ["new", "old"]
    assert state.live_secrets(NOW + timedelta(seconds=3599)) == ["new", "old"]
    assert state.live_secrets(NOW + timedelta(seconds=3600)) == ["new"]


def test_overlapping_rotations():
    """A later rotation may shorten what an earlier one left to an old secret, never lengthen it."""
    once = rotate(endpoint(Secret(value="a")), "b", timedelta(hours=1), NOW)
    longer = rotate(once, "c", timedelta(hours=9), NOW)
    assert longer.live_secrets(NOW) == ["c", "b", "a"]
    assert longer.live_secrets(NOW + timedelta(hours=2)) == ["c", "b"]
    shorter = rotate(once, "c", timedelta(minutes=1), NOW)
    assert shorter.live_secrets(NOW + timedelta(minutes=2)) == ["c"]
    at_once = rotate(longer, "d", NOTHING, NOW)
    assert at_once.secrets == [Secret(value="d")]


def test_at_most_ten():
    """Of many rotations the ten newest secrets are kept: a signature header stays small."""
    state = endpoint(Secret(value="0"))
    for number in range(1, 20):
        state = rotate(state, str(number), timedelta(days=1), NOW)
    assert state.live_secrets(NOW) == [str(number) for number in range(19, 9, -1)]


@given(rotations=ROTATIONS)
def test_any_rotations(rotations):
    """However secrets rotate, the newest signs first; each signs once, and no expired one signs."""
    state, now = endpoint(Secret(value="0")), NOW
    for number, (grace, later) in enumerate(rotations, start=1):
        state = rotate(state, str(number), timedelta(seconds=grace), now)
        live = state.live_secrets(now)
        assert live[0] == str(number)
        assert len(live) <= 10
        assert live == sorted(set(live), key=int, reverse=True)
        assert all(it.expires_at is not None for it in state.secrets[1:])
        assert state.secrets[0].expires_at is None
        now += timedelta(seconds=later)
    assert state.live_secrets(now + timedelta(seconds=WEEK)) == [str(len(rotations))]


@given(rotations=ROTATIONS)
def test_storage_keeps_secrets(rotations):
    """What Temporal stores and returns signs the same."""
    state = endpoint(Secret(value="0"))
    for number, (grace, _) in enumerate(rotations):
        state = rotate(state, str(number), timedelta(seconds=grace), NOW)
    stored = EndpointState.model_validate_json(state.model_dump_json())
    assert stored.live_secrets(NOW) == state.live_secrets(NOW)
