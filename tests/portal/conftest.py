"""The portal on a real HTTP server, and a real browser."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright
from support.portal import Portal, serving
from support.stack import Stack

CHROMIUM = shutil.which("chromium")


@pytest_asyncio.fixture(scope="session")
async def portal_server(shared_stack: Stack) -> AsyncIterator[Portal]:
    """One server for all tests of the portal that need no settings of their own."""
    async with serving(shared_stack) as it:
        yield it


@pytest.fixture
def portal(portal_server: Portal, service: Stack) -> Portal:
    """The portal, for a tenant of this test's own."""
    return replace(portal_server, service=service)


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no `chromium`; the Debian package of this name brings it")
    async with async_playwright() as playwright:
        it = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield it
        await it.close()


@pytest_asyncio.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page in a browser context of its own. An error in a script fails the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    it = await context.new_page()
    errors: list[str] = []
    it.on("pageerror", lambda error: errors.append(str(error)))
    yield it
    await context.close()
    assert errors == []
