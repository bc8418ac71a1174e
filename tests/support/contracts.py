"""A tenant that speaks a contract, and an endpoint of it."""

from dataclasses import dataclass

from support.stack import Stack

# As the documents print them; where a contract makes the secret itself, or may, none is given.
GIVEN_SECRETS = {
    "reflow": "your_webhook_secret",
    "plain": "whsec_...",
    "twilio-like": "0123456789abcdef0123456789abcdef",
}


@dataclass(frozen=True)
class Registered:
    """What a registration gives: the endpoint's id, and the secret that verifies."""

    id: str
    secret: str


async def speak(service: Stack, contract: str) -> None:
    """Give the tenant this contract."""
    answer = await service.http.put(service.root, json={"contract": contract})
    assert answer.status_code == 200, answer.text


async def register(service: Stack, contract: str, url: str) -> Registered:
    """Register an endpoint for all events of a contract."""
    given = {"secret": GIVEN_SECRETS[contract]} if contract in GIVEN_SECRETS else {}
    endpoint = await service.add_endpoint(url, contract=contract, event_types=["*"], **given)
    return Registered(endpoint["id"], endpoint["secret"])
