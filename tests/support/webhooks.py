"""Webhooks without a server: signed as the product signs, for what verifies them."""

import time
from collections.abc import Sequence

from hookwright.contracts import Contract
from hookwright.webhook import sign


def signed_headers(
    contract: Contract,
    secrets: Sequence[str],
    body: bytes,
    event_id: str = "evt_1",
    now: int | None = None,
) -> dict[str, str]:
    """Return the headers that a contract sends with a body."""
    unix_time = int(time.time()) if now is None else now
    own = {"event_id": event_id, "delivery_id": f"ep_1:{event_id}", "unix_time": str(unix_time)}
    return {
        **{name: own[source] for name, source in contract.headers.items()},
        contract.signature.header: sign(contract.signature, secrets, event_id, unix_time, body),
    }
