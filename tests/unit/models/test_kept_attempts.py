"""A delivery's log stores each body once, and readers see it at every attempt that sent it."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hookwright.models import Attempt, DeliveryLog, trim_attempts, whole_attempts
from hookwright.models.kept_attempts import MAX_KEPT_ATTEMPTS
from hookwright.outcomes import Outcome
from hookwright.sizes import MAX_LOG_BYTES

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
HALF_A_LOG = "r" * (MAX_LOG_BYTES // 2)


def attempt(number: int, body: str | None, reply: str = "busy") -> Attempt:
    """Return an attempt that sent this body; None: nothing was sent."""
    return Attempt(
        number=number,
        started_at=NOW,
        duration_ms=30,
        outcome=Outcome.HTTP_ERROR,
        status_code=503,
        response_body=reply,
        error="the receiver answered 503",
        request_headers={"webhook-id": "evt_1"},
        request_body=body,
        request_bytes=None if body is None else len(body),
    )


def logged(sent: list[Attempt]) -> list[Attempt]:
    """Return attempts as a log has them after it was written and read after each of them."""
    kept: list[Attempt] = []
    for each in sent:
        log = DeliveryLog(attempts=trim_attempts([*kept, each]))
        kept = DeliveryLog.model_validate_json(log.model_dump_json()).attempts
    return kept


def bodies(attempts: list[Attempt]) -> list[str | None]:
    return [each.request_body for each in attempts]


def test_one_body_is_stored_once() -> None:
    """Attempts with the same body store it at the newest, and each is read with it."""
    sent = [attempt(number, "{}") for number in range(1, 12)]
    kept = logged(sent)
    assert bodies(kept) == [None] * 10 + ["{}"]
    assert whole_attempts(kept) == sent


def test_a_changed_body() -> None:
    """Attempts before and after a change of the body each show their own."""
    sent = [attempt(number, body) for number, body in enumerate("aabba", start=1)]
    kept = logged(sent)
    assert bodies(kept) == [None, "a", None, "b", "a"]
    assert bodies(whole_attempts(kept)) == ["a", "a", "b", "b", "a"]


def test_an_attempt_that_sent_nothing() -> None:
    """An attempt that sent nothing has no body, and those around it keep theirs."""
    sent = [attempt(1, "a"), attempt(2, None), attempt(3, "a"), attempt(4, None)]
    kept = logged(sent)
    assert bodies(kept) == [None, None, "a", None]
    assert whole_attempts(kept) == sent


def test_an_empty_body() -> None:
    """An empty body, such as a form without fields, is not the same as no body."""
    sent = [attempt(1, ""), attempt(2, "a"), attempt(3, ""), attempt(4, None)]
    assert whole_attempts(logged(sent)) == sent


def test_older_attempts_that_are_left_out() -> None:
    """The latest attempts have their body also when the first that sent it is not kept."""
    sent = [attempt(number, "a") for number in range(1, MAX_KEPT_ATTEMPTS + 5)]
    assert whole_attempts(logged(sent)) == sent[-MAX_KEPT_ATTEMPTS:]


def test_a_body_that_is_not_kept() -> None:
    """An older attempt that loses its body has none, and not that of another attempt."""
    sent = [attempt(1, "a"), attempt(2, "b"), attempt(3, "c", HALF_A_LOG)]
    kept = logged([*sent, attempt(4, "c", HALF_A_LOG), attempt(5, "d", HALF_A_LOG)])
    shown = whole_attempts(kept)
    assert bodies(shown) == [None, None, None, None, "d"]
    assert [each.request_bytes for each in shown] == [1, 1, 1, 1, 1]


def test_a_body_outlives_the_older_attempts_replies() -> None:
    """An older attempt that loses its reply still shows a body that a newer one sent as well."""
    kept = logged([attempt(number, "a", HALF_A_LOG) for number in (1, 2, 3)])
    assert kept[0].response_body is None
    assert bodies(whole_attempts(kept)) == ["a", "a", "a"]


def test_attempts_of_an_earlier_version() -> None:
    """Attempts that were recorded without bodies stay without, whatever follows."""
    earlier = Attempt.model_validate(
        attempt(1, None).model_dump(exclude={"request_body", "request_bytes"})
    )
    shown = whole_attempts(logged([earlier, attempt(2, "a")]))
    assert bodies(shown) == [None, "a"]
    assert shown[0].request_bytes is None


@given(st.lists(st.sampled_from(["", "a", "b", None]), max_size=MAX_KEPT_ATTEMPTS + 5))
def test_any_log_is_read_as_it_was(sent_bodies: list[str | None]) -> None:
    """Whatever bodies a delivery's attempts send, each is read with the body that it sent."""
    sent = [attempt(number, body) for number, body in enumerate(sent_bodies, start=1)]
    kept = logged(sent)
    assert whole_attempts(kept) == sent[-MAX_KEPT_ATTEMPTS:]
    neighbours = [body for body in bodies(kept) if body is not None]
    assert all(newer != older for older, newer in pairwise(neighbours))
