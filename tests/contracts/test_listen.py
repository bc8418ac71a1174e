"""`hookwright listen` verifies what is really delivered, under every contract."""

import httpx
import pytest
from support.contracts import register, speak
from support.listening import Served, listening
from support.stack import Stack
from support.styles import CONTRACTS, EVENTS
from support.waiting import eventually

from runtime.dev import Listener, SignatureCheck

REASONS = {
    "body": "does not match this secret and body",
    "missing": "is missing or empty",
    "garbled": "signature",
}


def event_of(contract: str) -> dict:
    types = [*CONTRACTS[contract].event_types, "invoice.paid"]
    return EVENTS.get(contract, {"type": types[0], "data": {"n": 1}})


async def send_again(served: Served, headers: dict[str, str], body: bytes) -> httpx.Response:
    """Send what was delivered once more; its length may be another one."""
    given = {name: value for name, value in headers.items() if name != "content-length"}
    async with httpx.AsyncClient() as http:
        return await http.post(served.url, headers=given, content=body)


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_each_contract(
    styled: Stack, contract: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A delivered webhook verifies; an altered or unsigned one is refused with a reason."""
    await speak(styled, contract)
    async with listening() as served:
        endpoint = await register(styled, contract, served.url)
        check = SignatureCheck.with_secrets(CONTRACTS[contract], [endpoint.secret], None)
        served.listener = Listener(check)
        event = event_of(contract)
        answer = await styled.http.post(f"{styled.root}/events", json=event)
        assert answer.status_code == 202, answer.text
        delivery_id = f"{endpoint.id}:{answer.json()['id']}"

        async def is_delivered() -> bool:
            path = f"{styled.root}/deliveries/{delivery_id}"
            return (await styled.http.get(path)).json().get("state") == "delivered"

        await eventually(is_delivered)
        output = capsys.readouterr().out
        [request] = served.requests
        assert f"signature verified by contract {contract}\n" in output
        assert "\nPOST /hooks\n" in output
        for name, value in request.headers.items():
            assert f"\n{name}: {value}\n" in output

        signature = CONTRACTS[contract].signature.header.lower()
        unsigned = {name: each for name, each in request.headers.items() if name != signature}
        garbled = request.headers | {signature: "garbled"}
        for kind, headers, body in (
            ("body", request.headers, request.body + b" "),
            ("missing", unsigned, request.body),
            ("garbled", garbled, request.body),
        ):
            refused = await send_again(served, headers, body)
            assert refused.status_code == 401
            output = capsys.readouterr().out
            assert f"signature refused by contract {contract}: {refused.text}\n" in output
            assert REASONS[kind] in refused.text
