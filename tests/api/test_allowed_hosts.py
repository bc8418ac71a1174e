"""An API that knows its hosts answers no other, so that no browser's page reaches it by a name."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from support.stack import CODEC_TOKEN, Stack, api_client, api_config

from api.http.errors import EVERY_ANSWER
from runtime.dev.run import LOCAL_HOSTS

OWN = [
    *("localhost", "localhost:8000", "LocalHost:1", "127.0.0.1", "127.0.0.1:65535", "[::1]"),
    *("[::1]:8000", "localhost:"),
]
OTHERS = [
    *("evil.example", "evil.example:8000", "localhost.evil.example", "evil.example.localhost"),
    *("evil-localhost", "127.0.0.1.evil.example", "localhost@evil.example", "localhost/", ""),
    *("localhost:8000:8000", "localhost:a", "localhost, evil.example", "0.0.0.0", "[::]", "::1"),
    *("localhost.", " localhost evil", "[::1].evil.example", "[::1", "127.0.0.2", "2130706433"),
]
PATHS = [
    ("GET", "/v1/tenants"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/portal/operator/sign-in"),
    ("POST", f"/codec/{CODEC_TOKEN}/decode"),
    ("OPTIONS", f"/codec/{CODEC_TOKEN}/decode"),
    ("GET", "/nowhere"),
]


@pytest.fixture
async def http(service: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an API that answers the hosts of `hookwright dev`."""
    config = replace(api_config(service.task_queue), allowed_hosts=LOCAL_HOSTS)
    async with api_client(service.client, config) as client:
        yield client


@pytest.mark.parametrize("host", OWN)
async def test_its_own_hosts(http: httpx.AsyncClient, host: str) -> None:
    """A host is its own in any case and with any port."""
    answer = await http.get("/v1/tenants", headers={"host": host})
    assert answer.status_code == 200


@pytest.mark.parametrize("host", OTHERS)
async def test_another_host(http: httpx.AsyncClient, host: str) -> None:
    """Any other host is a 421 on every path: the codec endpoint, the portal and the API."""
    for method, path in PATHS:
        answer = await http.request(method, path, headers={"host": host})
        assert answer.status_code == 421, path
        assert answer.json()["type"].endswith("#unknown-host")
        assert "HOOKWRIGHT_ALLOWED_HOSTS" in answer.json()["detail"]
        assert host not in LOCAL_HOSTS
        for name, value in EVERY_ANSWER.items():
            assert answer.headers.get_list(name) == [value]


async def test_two_hosts(http: httpx.AsyncClient) -> None:
    """A request with two hosts is for neither."""
    answer = await http.get("/v1/tenants", headers=[("host", "localhost"), ("host", "a.example")])
    assert answer.status_code == 421


async def test_probes(http: httpx.AsyncClient) -> None:
    """Probes are answered whatever address they use."""
    for path in ("/healthz", "/readyz"):
        assert (await http.get(path, headers={"host": "10.1.2.3:8000"})).status_code == 200


async def test_any_host_by_default(service: Stack) -> None:
    """Without the setting every host is answered."""
    answer = await service.http.get("/v1/tenants", headers={"host": "webhooks.example.com"})
    assert answer.status_code == 200
