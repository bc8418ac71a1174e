"""Webhooks without a server: signed as the product signs, for what verifies them."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from hookwright.contracts import Contract
from hookwright.models import EventInput
from hookwright.webhook import Posting, contract_headers


def signed_headers(  # noqa: PLR0913 - the defaults suit almost every test
    contract: Contract,
    secrets: Sequence[str],
    body: bytes,
    event_id: str = "evt_1",
    now: int | None = None,
    url: str = "https://example.com/hooks",
    event: EventInput | None = None,
) -> dict[str, str]:
    """Return the headers that a contract sends with a body."""
    at = datetime.fromtimestamp(int(time.time()) if now is None else now, UTC)
    sent = event or EventInput(tenant_id="acme", id=event_id, type="order.created", data={})
    posting = Posting(sent, at, "ep_1", url, 1, at)
    headers = contract_headers(contract, posting, secrets, body)
    return {name: value for name, value in headers.items() if name != "content-type"}
