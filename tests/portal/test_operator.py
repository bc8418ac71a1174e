"""What an operator sees and does."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from playwright.async_api import Page
from support.looks import check
from support.portal import Person, Portal
from support.receiver import Receiver, answering
from support.stack import OPERATOR_KEY
from support.waiting import eventually


@asynccontextmanager
async def operator(portal: Portal) -> AsyncIterator[Person]:
    """Yield an operator whose browser runs no script."""
    person = portal.person()
    async with person.http:
        answer = await person.http.post("/portal/operator/sign-in", data={"key": OPERATOR_KEY})
        assert answer.status_code == 303
        yield person


async def test_a_failing_endpoint_is_shown_first(portal: Portal, hooks: Receiver) -> None:
    """A red endpoint of any tenant is on the overview, with the reason, and opens its page."""
    service = portal.service
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    await service.publish()
    async with operator(portal) as person:

        async def overview() -> str:
            return (await person.get("/portal/operator")).text

        shown = await eventually(overview, lambda html: service.tenant in html)
        assert "the last attempt failed" in shown
        assert "ExecutionStatus+%3D+%27Failed%27" in shown
        then = f"/portal/endpoints/{endpoint['id']}"
        acting = await person.send("/portal/operator/act-as", tenant=service.tenant, then=then)
        assert acting.headers["location"] == then
        own = await person.get(then)
        assert "You act as" in own.text
        assert (await person.send(f"{then}/pause")).status_code == 303
        await service.http.patch(service.root, json={"name": "<b>Acme</b>"})
        assert "&lt;b&gt;Acme&lt;/b&gt;" in (await person.get("/portal/endpoints")).text
        assert "by operator:test" in (await person.get(then)).text
        stopped = await person.send("/portal/operator/act-as")
        assert stopped.headers["location"] == "/portal/operator"
        assert (await person.get("/portal/endpoints")).status_code == 404


async def test_changes_of_a_tenant_are_for_operators(portal: Portal) -> None:
    """The list of webhooks tells a tenant's people nothing of who changed the tenant's settings."""
    async with portal.visit() as person:
        assert "Latest changes" not in (await person.get("/portal/endpoints")).text


async def test_a_form_for_one_tenant_does_nothing_to_another(portal: Portal) -> None:
    """A page of one tenant that is still open in another tab changes no other tenant's endpoint."""
    one, other = portal.service, await portal.service.with_new_tenant()
    endpoint = await one.add_endpoint("http://127.0.0.1:8080/")
    wanted = {"url": "http://127.0.0.1:8080/of-one", "event_type": "*", "active": "yes"}
    async with operator(portal) as person:
        await person.send("/portal/operator/act-as", tenant=one.tenant)
        form_of_one = await person.hidden()
        await person.send("/portal/operator/act-as", tenant=other.tenant)
        for form in (form_of_one, {"csrf": form_of_one["csrf"]}):
            for path in ("endpoints", "preview", f"endpoints/{endpoint['id']}/pause"):
                answer = await person.http.post(f"/portal/{path}", data={**form, **wanted})
                assert (answer.status_code, path) == (409, path)
        assert "open the page again" in answer.text
        assert (await other.http.get(f"{other.root}/endpoints")).json()["data"] == []
        # What concerns the session itself works from every tab.
        acting = await person.http.post(
            "/portal/operator/act-as", data={**form_of_one, "tenant": one.tenant}
        )
        assert acting.status_code == 303
        assert (
            await person.http.post("/portal/endpoints", data={**form_of_one, **wanted})
        ).is_success
        assert (await person.http.post("/portal/sign-out", data=form_of_one)).is_success


async def test_acting_leads_only_to_own_pages(portal: Portal) -> None:
    """The page after acting as a tenant is one of the portal, whatever the form says."""
    async with operator(portal) as person:
        for then in ("https://evil.example/", "//evil.example", "/portal/../x", "/portal/\r\nx"):
            answer = await person.send(
                "/portal/operator/act-as", tenant=portal.service.tenant, then=then
            )
            assert answer.headers["location"] == "/portal/endpoints"
        nobody = await person.send("/portal/operator/act-as", tenant="nobody")
        assert nobody.status_code == 404


async def test_a_key_taken_away_ends_the_session(portal: Portal) -> None:
    """A tenant sees no operator's page, and a wrong key opens nothing."""
    async with portal.visit() as person:
        assert (await person.get("/portal/operator")).status_code == 404
        assert (await person.get("/portal/operator/tenants")).status_code == 404
    async with httpx.AsyncClient(base_url=portal.url, trust_env=False) as http:
        wrong = await http.post("/portal/operator/sign-in", data={"key": "hwk_a_b"})
        assert wrong.status_code == 401
        assert "set-cookie" not in wrong.headers


async def test_operators_pages_in_a_browser(portal: Portal, hooks: Receiver, page: Page) -> None:
    """An operator signs in by key, finds a tenant, acts as it under a banner, and stops."""
    service = portal.service
    hooks.behave = answering(500)
    await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    await service.publish()
    await portal.open_as_operator(page)
    row = page.get_by_role("row").filter(has_text=service.tenant)
    await row.wait_for()
    await check(page, "operator")
    await page.get_by_role("link", name="All tenants").click()
    await check(page, "operator-tenants")
    row = page.get_by_role("row").filter(has_text=service.tenant)
    await row.get_by_role("button", name=re.compile("Act as")).click()
    await page.wait_for_url("**/portal/endpoints")
    banner = page.get_by_role("region", name="Acting as a tenant")
    assert service.tenant in (await banner.text_content() or "")
    await check(page, "acting-as")
    await banner.get_by_role("button").click()
    await page.wait_for_url("**/portal/operator")
