"""The pages of one webhook in a real browser, on every screen, in light and in dark."""

import pytest
from playwright.async_api import Page
from support.looks import check
from support.portal import Portal
from support.receiver import Receiver


@pytest.mark.timeout(240)
async def test_forms_and_results(portal: Portal, hooks: Receiver, page: Page) -> None:
    """Each form is looked at empty, refused and filled, and so are the secret and a test."""
    endpoint = await portal.service.add_endpoint(
        hooks.url, headers={"Authorization": "Bearer abc"}, filter="data.amount > `1`"
    )
    path = f"{portal.url}/portal/endpoints/{endpoint['id']}"
    await portal.open(page, "/portal/endpoints/new")
    await check(page, "webhook-new")
    await page.get_by_label("URL").fill("ftp://example.com")
    await page.get_by_label("Filter (optional)").fill("data.[")
    await page.get_by_role("button", name="Create webhook").click()
    await page.get_by_role("alert").wait_for()
    await check(page, "webhook-refused")
    await page.get_by_label("URL").fill("https://receiver.example/")
    await page.get_by_label("Filter (optional)").fill("")
    await page.get_by_role("button", name="Create webhook").click()
    await page.get_by_role("heading", name="The webhook was created").wait_for()
    await check(page, "webhook-created")
    for name in ("edit", "secret", "delete", "test"):
        await page.goto(f"{path}/{name}")
        await check(page, f"webhook-{name}")
    await page.get_by_role("button", name="Send test event").click()
    await page.get_by_role("heading", name="Outcome").wait_for()
    await check(page, "webhook-test-result")
