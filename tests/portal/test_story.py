"""The story that a published document tells of its portal, in a real browser from link to end."""

import json

import pytest
from playwright.async_api import Page, expect
from support.mail import mail_box
from support.portal import serving
from support.receiver import Receiver, Reply
from support.stack import PORTAL_KEY, Stack, stack
from support.waiting import assert_eventually
from temporalio.client import Client

from api.portal_config import PortalConfig

ERA = 60_000.0
"""Milliseconds that a browser waits for what the product does on a busy machine."""


@pytest.mark.timeout(300)
async def test_cr3dentials_from_link_to_deletion(
    client: Client, hooks: Receiver, page: Page
) -> None:
    """Create inactive, activate, test, fail until switched off, mail, mend, drain, delete."""
    page.set_default_timeout(ERA)
    expect.set_options(timeout=ERA)
    async with (
        mail_box() as box,
        stack(client, mail_server=box.server(), portal_url="https://portal.example") as service,
        serving(service, portal=PortalConfig(PORTAL_KEY, url="https://portal.example")) as portal,
    ):
        person = "owner@example.com"
        settings = {"contract": "cr3dentials", "notify": {"emails": [person]}}
        assert (await service.http.put(service.root, json=settings)).status_code == 200
        await portal.open(page)
        await create_inactive(page, f"{hooks.url}/old")
        await activate_and_test(page, hooks)
        await see_a_delivery_in_the_logs(page, service)
        hooks.behave = lambda request: Reply(500 if "old" in request.path else 200)
        await service.publish(id="lost", type="verification.completed")
        await assert_eventually(
            lambda: any("switched off" in mail.message["Subject"] for mail in box.to(person)),
            within=60,
        )
        await page.get_by_role("link", name="Webhooks").first.click()
        await expect(page.get_by_text("Disabled", exact=True)).to_be_visible()
        held = [f"held_{number}" for number in range(3)]
        hooks.requests = []
        for event in held:
            data = {"verificationId": event}
            await service.publish(id=event, type="verification.completed", data=data)
        await mend_and_activate(page, f"{hooks.url}/new")
        await assert_eventually(lambda: arrived(hooks) == held, within=60)
        await delete(page)


def arrived(hooks: Receiver) -> list[str]:
    """Return which held events came to the new URL, in their order."""
    ids = [json.loads(it.body)["data"].get("verificationId") for it in hooks.requests]
    return [each for each in ids if each]


async def create_inactive(page: Page, url: str) -> None:
    await page.get_by_role("link", name="Create webhook").click()
    await page.get_by_label("URL", exact=True).fill(url)
    await page.get_by_label("Active from the start").uncheck()
    await page.get_by_label("Name of header 1").fill("secret")
    await page.get_by_label("Value of header 1").fill("your-secure-key")
    await page.get_by_label("Delays of your own").check()
    await page.get_by_label("Delays in seconds").fill("0.2, 0.2")
    await page.get_by_role("button", name="Create webhook").click()
    await expect(page.get_by_role("heading", name="The webhook was created")).to_be_visible()


async def activate_and_test(page: Page, hooks: Receiver) -> None:
    await page.get_by_role("link", name="Webhooks").first.click()
    await expect(page.get_by_text("Inactive", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Activate").click()
    await expect(page.get_by_text("Active", exact=True)).to_be_visible()
    await page.get_by_role("link", name=hooks.url).click()
    await page.get_by_role("link", name="Send test event").click()
    await page.get_by_role("button", name="Send test event").click()
    await expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    [request] = hooks.requests
    assert request.headers["secret"] == "your-secure-key"


async def see_a_delivery_in_the_logs(page: Page, service: Stack) -> None:
    await service.publish(id="first", type="verification.completed")
    await page.get_by_role("link", name="Logs").first.click()
    await expect(page.get_by_role("row").filter(has_text="Delivered").first).to_be_visible()


async def mend_and_activate(page: Page, url: str) -> None:
    await page.get_by_role("link", name="/old").click()
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("URL", exact=True).fill(url)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name=url)).to_be_visible()
    button = page.get_by_role("button", name="Activate")
    # The change of the URL probes at once, so the webhook may be active again by itself.
    await expect(button.or_(page.get_by_role("button", name="Deactivate"))).to_be_visible()
    if await button.is_visible():
        await button.click()


async def delete(page: Page) -> None:
    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
