"""Every page in a real browser: for everybody to use, on every screen, in light and in dark.

The pictures stay in `.screenshots/`, for a person to look at.
"""

import pytest
from playwright.async_api import Browser, Page
from support.looks import check
from support.portal import Portal
from support.receiver import Receiver, answering
from support.waiting import eventually


@pytest.mark.timeout(240)
async def test_pages_of_a_tenant(portal: Portal, hooks: Receiver, page: Page) -> None:
    """Each page of a tenant, empty and full, with what goes well and what fails."""
    service = portal.service
    await portal.open(page)
    await check(page, "endpoints-empty")
    hooks.behave = lambda request: answering(500 if b"bad" in request.body else 200)(request)
    endpoint = await service.add_endpoint(
        hooks.url,
        description="Production, Frankfurt: invoices and payments",
        retry={"schedule_seconds": [600]},
    )
    long = "https://webhooks.example.com/a/very/long/path/" + "segment-" * 12
    await service.add_endpoint(long, event_types=["invoice.*"])
    good = await service.publish()
    bad = await service.publish(data={"bad": True})
    for event, state in ((good, "delivered"), (bad, "pending")):
        await eventually(
            lambda event=event: service.delivery(endpoint["id"], event["id"]),
            lambda it, state=state: it.get("state") == state and it["attempts"],
        )
    paths = {
        "endpoints": "/portal/endpoints",
        "endpoint": f"/portal/endpoints/{endpoint['id']}",
        "not-found": "/portal/nothing",
    }
    for name, path in paths.items():
        await page.goto(portal.url + path)
        await check(page, name)


async def test_pages_before_signing_in(portal: Portal, page: Page) -> None:
    """The pages that are seen without a session."""
    await page.goto(await portal.link())
    await check(page, "sign-in")
    await page.goto(f"{portal.url}/portal/sign-in?link=false")
    await check(page, "link-refused")
    await page.goto(f"{portal.url}/portal/endpoints")
    await check(page, "signed-out")
    await page.goto(f"{portal.url}/portal/operator/sign-in")
    await check(page, "operator-sign-in")


async def test_without_script(portal: Portal, browser: Browser) -> None:
    """A browser that runs no script can sign in, switch a webhook off, and sign out."""
    endpoint = await portal.service.add_endpoint("http://127.0.0.1:8080/")
    context = await browser.new_context(java_script_enabled=False)
    try:
        page = await portal.open(await context.new_page())
        await page.get_by_role("button", name="Deactivate").click()
        await page.wait_for_url("**/portal/endpoints")
        assert await page.get_by_role("button", name="Activate", exact=True).is_visible()
        path = f"{portal.service.root}/endpoints/{endpoint['id']}"
        assert (await portal.service.http.get(path)).json()["status"] == "paused"
        await page.get_by_role("button", name="Sign out").click()
        assert await page.get_by_role("heading").text_content() == "You are signed out"
    finally:
        await context.close()
