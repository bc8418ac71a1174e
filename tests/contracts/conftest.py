"""Fixtures of the tests of contracts."""

from collections.abc import AsyncIterator

import pytest_asyncio
from support.stack import Stack, stack
from support.styles import CONTRACTS
from temporalio.client import Client


@pytest_asyncio.fixture(scope="session")
async def styled_stack(client: Client) -> AsyncIterator[Stack]:
    """API and worker with the contracts of docs/contracts beside those that ship."""
    async with stack(client, contracts=CONTRACTS) as it:
        yield it


@pytest_asyncio.fixture
async def styled(styled_stack: Stack) -> Stack:
    """The same, with a tenant of this test's own."""
    return await styled_stack.with_new_tenant()
