"""Fixtures of the tests of contracts."""

from collections.abc import AsyncIterator

import pytest_asyncio
from support.stack import Stack, stack
from support.styles import CONTRACTS
from temporalio.client import Client


@pytest_asyncio.fixture
async def styled(client: Client) -> AsyncIterator[Stack]:
    """API and worker with the contracts of docs/contracts beside those that ship."""
    async with stack(client, contracts=CONTRACTS) as it:
        yield it
