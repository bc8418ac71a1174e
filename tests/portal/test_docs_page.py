"""The API's page `/docs` in a browser: it works with nothing from elsewhere."""

import pytest
from playwright.async_api import ConsoleMessage, Page, Route, expect
from support.portal import Portal

PUBLIC = "http://api.example.com"
"""A name of the API that is not this machine: Swagger UI spares localhost some of its requests."""
PATIENCE_MS = 60_000
"""The script of the page has 1.5 MB, and draws every operation."""


@pytest.mark.timeout(240)
async def test_the_page_asks_nobody_else(portal: Portal, page: Page) -> None:
    """A browser that opens and uses the page asks the API alone, and its policy blocks nothing."""
    asked: list[str] = []
    told: list[str] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        if not route.request.url.startswith(f"{PUBLIC}/"):
            await route.abort()
            return
        url = portal.url + route.request.url.removeprefix(PUBLIC)
        await route.fulfill(response=await route.fetch(url=url))

    def tell(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            told.append(message.text)

    page.on("console", tell)
    page.set_default_timeout(PATIENCE_MS)
    await page.route("**/*", answer)
    await page.goto(f"{PUBLIC}/docs")
    operation = page.locator(".opblock").first
    await expect(operation).to_be_visible(timeout=PATIENCE_MS)
    await operation.locator("button").first.click()
    usable = operation.get_by_role("button", name="Try it out")
    await expect(usable).to_be_visible(timeout=PATIENCE_MS)
    await page.wait_for_load_state("networkidle")
    needed = {"/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json"}
    # Not every browser asks for the icon.
    assert {url.removeprefix(PUBLIC) for url in asked} - {"/docs/favicon.png"} == needed
    assert told == []
