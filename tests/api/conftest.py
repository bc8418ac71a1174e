"""The API without Temporal."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from support.stack import CODEC, Stack, api_client, api_config

from hookwright.temporal import connect
from runtime.dev import free_port


@pytest_asyncio.fixture
async def offline() -> AsyncIterator[httpx.AsyncClient]:
    """An operator's client of an API whose Temporal is not there."""
    client = await connect(CODEC, target_host=f"127.0.0.1:{free_port()}", lazy=True)
    async with api_client(client, api_config("queue")) as http:
        yield http


@pytest_asyncio.fixture
async def large_tenant(service: Stack) -> None:
    """The test's tenant may call often: a test that waits asks ten times a second."""
    answer = await service.http.patch(service.root, json={"tier": "enterprise"})
    assert answer.status_code == 200, answer.text
