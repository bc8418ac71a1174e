"""Clients that leave before their body has arrived."""

from typing import Any

import pytest
from support.stack import CODEC, OPERATOR_KEY, api_config

from api.app import create_app
from hookwright.temporal import connect

JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("path", "media_type"), [("/v1/tenants/t/events", JSON), ("/portal/operator/sign-in", FORM)]
)
async def test_a_client_that_leaves(path: str, media_type: bytes) -> None:
    """A body that is cut off is its sender's fault, a 400, and no error of ours."""
    nowhere = await connect(CODEC, target_host="127.0.0.1:1", lazy=True)
    heard = [
        {"type": "http.request", "body": b'{"a', "more_body": True},
        {"type": "http.disconnect"},
    ]
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return heard.pop(0)

    async def send(message: Any) -> None:
        said.append(message)

    headers = {
        b"host": b"test",
        b"authorization": f"Bearer {OPERATOR_KEY}".encode(),
        b"content-type": media_type,
        b"content-length": b"99",
    }
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [*headers.items()],
        "server": ("test", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    await create_app(nowhere, api_config("unused"))(scope, receive, send)
    assert said[0]["status"] == 400
    assert b"did not arrive whole" in said[1]["body"]
