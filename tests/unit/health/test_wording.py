"""An endpoint's health in words."""

from support.health import ONE_LOST, SimulatedEndpoint

from hookwright.contracts import DisabledReason
from hookwright.health import health_in_words
from hookwright.health.wording import DISABLED_BECAUSE


def words(endpoint: SimulatedEndpoint) -> str:
    return health_in_words(endpoint.health, endpoint.now)


def test_from_new_to_disabled() -> None:
    """Each state has a sentence of its own, with figures, times and the last error."""
    endpoint = SimulatedEndpoint(ONE_LOST)
    assert words(endpoint).startswith("Nothing fails: no attempt of the last hour is known.")
    endpoint.deliver()
    assert words(endpoint) == "It delivers: no attempt of the last hour failed."
    endpoint.fail(error="HTTP 500")
    endpoint.fail(error="HTTP 503")
    assert words(endpoint) == (
        "Failing since 2026-01-15T10:00:00Z: 2 attempts failed, with no success in between."
        " Last error: HTTP 503"
    )
    endpoint.deliver()
    assert words(endpoint) == "It delivers, but 2 of 4 attempts of the last hour failed."
    endpoint.exhaust(error="connection refused")
    assert words(endpoint) == (
        "Disabled because too many deliveries in a row used up all their retries."
        " Last error: connection refused"
    )
    endpoint.health.pause(endpoint.now)
    assert words(endpoint).startswith("Paused: its deliveries are held until it is resumed.")


def test_every_reason_has_words() -> None:
    """No reason to disable an endpoint is without words."""
    assert set(DISABLED_BECAUSE) == set(DisabledReason)


def test_last_attempt_and_holding_since() -> None:
    """The last attempt is known whatever came of it, and since when something is held."""
    endpoint = SimulatedEndpoint()
    assert endpoint.health.last_attempt_at is None
    endpoint.deliver()
    assert endpoint.health.last_attempt_at == endpoint.now
    endpoint.wait(minutes=1)
    endpoint.fail()
    assert endpoint.health.last_attempt_at == endpoint.now
    assert endpoint.health.last_delivery_at != endpoint.now
    endpoint.hold()
    since = endpoint.now
    endpoint.wait(minutes=1)
    endpoint.hold()
    assert endpoint.health.queue.holding_since == since
