"""Headers that the operator adds to those of every contract, and the trace as a source."""

from datetime import UTC, datetime

from hookwright.contracts import load_contracts
from hookwright.models import EventInput
from hookwright.webhook import Posting, contract_headers, operator_headers

STANDARD = load_contracts().named("standard")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
WANTED = {"traceparent": "traceparent", "x-attempt": "attempt"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def posting(traceparent: str | None) -> Posting:
    event = EventInput(tenant_id="acme", id="evt_1", type="order.created", data={})
    return Posting(event, NOW, "ep_1", "https://example.com/hooks", 2, NOW, traceparent)


def test_added_headers_stand_beside_the_contracts() -> None:
    """They have the attempt's trace and number, and change no header of the contract."""
    plain = contract_headers(STANDARD, posting(None), [SECRET], b"{}")
    traced = contract_headers(STANDARD, posting(TRACEPARENT), [SECRET], b"{}")
    added = operator_headers(STANDARD, posting(TRACEPARENT), WANTED, taken=plain)

    assert traced == plain
    assert added == {"traceparent": TRACEPARENT, "x-attempt": "2"}


def test_a_name_that_is_taken_stays_what_it_is() -> None:
    """A header of the contract or of the endpoint is never replaced, however it is written."""
    taken = ["X-Attempt", "Webhook-Id"]
    assert operator_headers(STANDARD, posting(None), {"x-attempt": "attempt"}, taken) == {}


def test_without_a_trace_there_is_no_header() -> None:
    """Neither the operator's header nor a contract's has an empty trace."""
    contract = STANDARD.model_copy(
        update={"headers": {**STANDARD.headers, "x-trace": "t={traceparent}"}}
    )
    headers = contract_headers(contract, posting(None), [SECRET], b"{}")
    traced = contract_headers(contract, posting(TRACEPARENT), [SECRET], b"{}")

    assert "x-trace" not in headers
    assert traced["x-trace"] == f"t={TRACEPARENT}"
    assert "traceparent" not in operator_headers(contract, posting(None), WANTED, headers)
