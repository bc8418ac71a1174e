"""An endpoint, registered with the call that its contract's document prints."""

from support.contracts import Registered
from support.facades import CALLS, Developer
from support.stack import Stack


async def register_as_printed(
    service: Stack, contract: str, url: str, event_type: str
) -> Registered:
    """Register an endpoint with the document's own call.

    As printed, unless it is about an example of a type that the printed call leaves out.
    """
    call = CALLS[contract]
    printed = call.body.get(call.events, event_type)
    covered = event_type in ([printed] if isinstance(printed, str) else printed)
    body = call.body if covered else call.with_events(event_type)
    answer = await Developer(service, call).request("POST", json={**body, "url": url})
    assert answer.status_code == 201, answer.text
    shown = call.unwrapped(answer)
    return Registered(str(shown["id"]), shown.get("secret", body.get("secret")))
