"""Fixtures of the end-to-end tests."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from support.stack import Stack, api_config, stack
from temporalio.client import Client

from api.app import create_app
from runtime.http import listening_socket, serve


@pytest_asyncio.fixture
async def api_url(service: Stack) -> AsyncIterator[str]:
    """Where the API of this test's stack is served."""
    listener = listening_socket("127.0.0.1", 0)
    app = create_app(service.client, api_config(service.task_queue))
    serving = asyncio.create_task(serve(app, listener))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        serving.cancel()
        await serving


@pytest_asyncio.fixture
async def busy(client: Client) -> AsyncIterator[Stack]:
    """API and worker for this test alone, for it fills what there is."""
    async with stack(client) as it:
        yield it
