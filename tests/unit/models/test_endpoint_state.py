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
    assert state.secrets == [Secret(value="new", created_at=NOW)]
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
    assert at_once.secrets == [Secret(value="d", created_at=NOW)]


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


def test_the_previous_signs_alone():
    """With `previous` the old secret signs alone until its grace is over, then the new one."""
    hour = timedelta(hours=1)
    state = endpoint(Secret(value="a"))
    state = state.model_copy(update={"secrets": state.rotated("b", hour, NOW, "previous")})
    assert state.live_secrets(NOW) == ["a"]
    assert state.live_secrets(NOW + timedelta(seconds=3599)) == ["a"]
    assert state.live_secrets(NOW + hour) == ["b"]
    at_once = state.rotated("c", NOTHING, NOW, "previous")
    assert at_once == [Secret(value="c", created_at=NOW)]


def test_a_repeat_with_the_same_secret():
    """A repeat of a rotation to the same secret leaves no time in which nothing signs."""
    hour = timedelta(hours=1)
    first = endpoint(Secret(value="a")).rotated("b", hour, NOW, "previous")
    later = NOW + timedelta(minutes=30)
    again = endpoint(*first).rotated("b", hour, later, "previous")
    assert [secret.value for secret in again] == ["b", "a"]
    assert endpoint(*again).live_secrets(NOW + timedelta(minutes=59)) == ["a"]
    assert endpoint(*again).live_secrets(NOW + hour) == ["b"]


@given(
    rotations=st.lists(
        st.tuples(
            st.integers(0, 3 * WEEK),
            st.integers(0, WEEK),
            st.sampled_from(["new", "previous"]),
            st.sampled_from([None, "0", "1"]),
        ),
        max_size=25,
    ),
    later=st.integers(0, 2 * WEEK),
)
def test_some_secret_always_signs(rotations, later):
    """Whatever the order of rotations, at every time at least one secret signs."""
    state, now = endpoint(Secret(value="first")), NOW
    for number, (pause, grace, sign_with, value) in enumerate(rotations):
        now += timedelta(seconds=pause)
        assert state.live_secrets(now)
        secrets = state.rotated(value or f"s{number}", timedelta(seconds=grace), now, sign_with)
        state = state.model_copy(update={"secrets": secrets})
        assert len(secrets) <= 10
        ends = [each.expires_at for each in secrets if each.expires_at]
        for moment in (now, *ends, now + timedelta(seconds=later)):
            assert state.live_secrets(moment)
