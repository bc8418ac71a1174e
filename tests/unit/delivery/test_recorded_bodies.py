"""What an attempt records of its body: the beginning that the receiver got, in whole characters."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import endpoint
from support.stack import CONTRACTS
from support.strategies import JSON

from activities.delivery import WebhookSender
from activities.delivery.request import MAX_STORED_REQUEST_BYTES, WebhookRequest
from activities.egress import Answer, Egress
from hookwright.expressions import Evaluator
from hookwright.models import Attempt, EventInput
from hookwright.outcomes import Outcome, Trigger
from hookwright.webhook import encode_body

STANDARD = CONTRACTS["standard"]
FORM = STANDARD.model_copy(update={"body_format": "form"})
ECMASCRIPT = STANDARD.model_copy(update={"json_style": "ecmascript"})
WITH_SURROGATES = st.text(st.sampled_from("aé😀\ud800\udfff"), max_size=8)
NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


class Sent:
    """Sends nothing, and says that it sent what it was given; or that it could not."""

    def __init__(self, *, reachable: bool = True) -> None:
        self.bodies: list[bytes] = []
        self.reachable = reachable

    async def post(self, _url: str, _headers: Mapping[str, str], body: bytes, *_: Any) -> Answer:
        if not self.reachable:
            return Answer(Outcome.CONNECTION_ERROR, error="connection refused")
        self.bodies.append(body)
        return Answer(Outcome.DELIVERED, status_code=200, body="ok", sent_body=body)


async def attempted(egress: Sent, data: object, **config: Any) -> Attempt:
    """Return the record of one attempt to send this data."""
    sender = WebhookSender(cast("Egress", egress), CONTRACTS, Evaluator())
    request = WebhookRequest(
        endpoint=endpoint(**config),
        event=EventInput(tenant_id="t1", id="evt_1", type="a.b", data=data),
        happened_at=NOW,
        number=1,
        trigger=Trigger.SCHEDULE,
    )
    return (await sender.send(request)).attempt


async def test_a_short_body_is_recorded_to_the_letter() -> None:
    """The record of a body below the limit has the very bytes that were sent."""
    egress = Sent()
    attempt = await attempted(egress, {"name": "Zoë 😀", "n": 1.5})
    [body] = egress.bodies
    assert attempt.request_body is not None
    assert attempt.request_body.encode() == body
    assert attempt.request_bytes == len(body)


@pytest.mark.parametrize("letter", ["x", "é", "€", "😀"])
@pytest.mark.parametrize("shift", range(4))
async def test_a_long_body_is_cut_between_characters(letter: str, shift: int) -> None:
    """At the limit no character is cut in two, and the size is that of the whole body."""
    egress = Sent()
    attempt = await attempted(egress, "x" * shift + letter * 3_000, payload_template="data")
    [body] = egress.bodies
    assert attempt.request_body is not None
    recorded = attempt.request_body.encode()
    assert body.startswith(recorded)
    limit = MAX_STORED_REQUEST_BYTES
    assert limit - len(letter.encode()) < len(recorded) <= limit
    assert attempt.request_bytes == len(body) > limit


async def test_a_body_of_just_the_limit_is_whole() -> None:
    """A body that has as many bytes as are recorded is recorded whole."""
    egress = Sent()
    attempt = await attempted(egress, "x" * (MAX_STORED_REQUEST_BYTES - 2), payload_template="data")
    assert attempt.request_body == egress.bodies[0].decode()
    assert attempt.request_bytes == MAX_STORED_REQUEST_BYTES


@pytest.mark.parametrize(
    ("reachable", "template", "outcome"),
    [
        (False, None, Outcome.CONNECTION_ERROR),
        (True, "abs(data)", Outcome.TEMPLATE_ERROR),
        (True, "&data", Outcome.TEMPLATE_ERROR),
    ],
)
async def test_what_was_not_sent_is_not_recorded(
    *, reachable: bool, template: str | None, outcome: Outcome
) -> None:
    """If no request was sent, or the body could not be rendered, there is no body."""
    egress = Sent(reachable=reachable)
    attempt = await attempted(egress, "text", payload_template=template)
    assert attempt.outcome is outcome
    assert (attempt.request_body, attempt.request_bytes) == (None, None)


@pytest.mark.parametrize("contract", [STANDARD, ECMASCRIPT, FORM], ids=["json", "js", "form"])
@given(value=JSON | st.dictionaries(WITH_SURROGATES, JSON | WITH_SURROGATES, max_size=4))
def test_a_body_is_always_utf8(contract: Any, value: object) -> None:
    """Whatever a template gives, lone surrogates too, the body is UTF-8 or it is not sent."""
    try:
        body = encode_body(contract, value)
    except ValueError:
        return
    assert body.decode().encode() == body


@given(value=JSON)
def test_a_recorded_body_can_be_stored(value: object) -> None:
    """A recorded body is the same after the attempt was written as JSON and read again."""
    body = encode_body(STANDARD, value).decode()
    attempt = Attempt(
        number=1,
        started_at=NOW,
        duration_ms=1,
        outcome=Outcome.DELIVERED,
        status_code=200,
        response_body="ok",
        error=None,
        request_body=body,
        request_bytes=len(body.encode()),
    )
    assert json.loads(attempt.model_dump_json())["request_body"] == body
    assert Attempt.model_validate_json(attempt.model_dump_json()) == attempt


async def test_what_is_no_url_is_left_to_the_attempt() -> None:
    """A URL that cannot be parsed is no fault of Hookwright's that is repeated for ever."""
    attempt = await attempted(Sent(), {"n": 1}, url="https://[x/hook")
    assert attempt.outcome is Outcome.DELIVERED, "the one that sends decides about the URL"
