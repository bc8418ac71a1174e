"""Who gets in, how long, and who does not."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from playwright.async_api import Page
from support.portal import Portal, serving
from support.stack import OPERATOR_KEY, PORTAL_KEY, TOKENS, Stack
from support.waiting import eventually

from api.access import PER_MINUTE, AppState, CallKind
from api.portal import sign_in
from api.portal.grants import Grant, GrantKey, GrantUse, link_grant
from api.portal.session import is_still_granted
from api.portal_config import PortalConfig
from api.tokens import Scope
from hookwright.models import TenantView, Tier


async def test_a_link_opens_the_portal_in_a_browser(portal: Portal, page: Page) -> None:
    """The link shows whose webhooks it opens; its button signs in; the cookie is kept safe."""
    await page.goto(await portal.link())
    assert await page.get_by_role("heading").text_content() == "Webhooks of Test"
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url("**/portal/endpoints")
    [session] = await page.context.cookies()
    assert (session["httpOnly"], session["sameSite"], session["secure"]) == (True, "Lax", False)
    assert 11.9 < (session["expires"] - time.time()) / 3_600 <= 12
    await page.get_by_role("button", name="Sign out").click()
    assert await page.context.cookies() == []


async def test_a_link_works_once(portal: Portal) -> None:
    """Of ten people who use a link at the same time one gets in; looking at it uses nothing."""
    link = await portal.link()
    person = portal.person()
    async with person.http:
        for _ in range(3):
            assert (await person.get(link)).status_code == 200
        answers = await asyncio.gather(*(person.follow(link) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [303] + [403] * 9
        assert (await person.follow(link)).status_code == 403


async def test_a_link_expires(portal: Portal) -> None:
    """A link that was not used in its time opens nothing."""
    link = await portal.link(expires_in_seconds=3)
    person = portal.person()

    async def opened() -> int:
        return (await person.get(link)).status_code

    async with person.http:
        assert await opened() == 200
        await eventually(opened, lambda status: status == 403)
        assert (await person.follow(link)).status_code == 403


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_cookie_is_secure_unless_on_loopback(service: Stack, scheme: str) -> None:
    """On any host but this machine, the cookie is for TLS alone and for this host alone."""
    answer = await service.http.post(f"{service.root}/portal-links")
    link = httpx.URL(answer.json()["url"]).params["link"]
    url = f"{scheme}://hooks.example/portal/sign-in"
    service.http.cookies.clear()
    got = await service.http.post(url, data={"link": link})
    service.http.cookies.clear()
    assert got.headers["set-cookie"].startswith("__Host-hookwright=")
    assert "; Secure" in got.headers["set-cookie"]


async def test_links_go_where_the_operator_says(service: Stack) -> None:
    """With PORTAL_URL, links begin with it, and its host may send forms."""
    config = PortalConfig(key=PORTAL_KEY, url="https://portal.example")
    async with (
        serving(service, portal=config) as portal,
        httpx.AsyncClient(base_url=portal.url, trust_env=False) as http,
    ):
        made = await http.post(
            f"{service.root}/portal-links", headers={"authorization": f"Bearer {OPERATOR_KEY}"}
        )
        assert made.json()["url"].startswith("https://portal.example/portal/sign-in?link=")
        link = httpx.URL(made.json()["url"]).params["link"]
        answer = await http.post(
            "/portal/sign-in", data={"link": link}, headers={"origin": "https://portal.example"}
        )
        assert answer.status_code == 303


async def test_links_are_for_operators(service: Stack) -> None:
    """A tenant's token makes no link, another tenant has none, and bad wishes are named."""
    token = TOKENS.mint(service.tenant, list(Scope), 60, Tier.FREE)
    assert token
    headers = {"authorization": f"Bearer {token.token}"}
    path = f"{service.root}/portal-links"
    assert (await service.http.post(path, headers=headers)).status_code == 403
    assert (await service.http.post("/v1/tenants/nobody/portal-links")).status_code == 404
    for wish in (
        {"expires_in_seconds": 0},
        {"expires_in_seconds": 86_401},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"scope": "endpoints:read"},
    ):
        assert (await service.http.post(path, json=wish)).status_code == 422


async def test_no_link_while_a_revocation_lies_ahead(portal: Portal) -> None:
    """A link that would not work is refused with the reason."""
    service = portal.service
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    settings = {"tokens_not_before": ahead}
    assert (await service.http.patch(service.root, json=settings)).status_code == 200
    answer = await service.http.post(f"{service.root}/portal-links")
    assert answer.status_code == 409
    assert "tokens_not_before" in answer.json()["detail"]


def test_a_link_works_though_this_clock_is_behind() -> None:
    """A link is not older than its tenant, whose time is that of Temporal's clock."""
    created = datetime.now(UTC) + timedelta(seconds=40)
    tenant = TenantView(
        id="t", name="", contract=None, metadata={}, created_at=created, updated_at=created
    )
    assert is_still_granted(link_grant(tenant, list(Scope), 60), tenant)


async def test_no_session_no_page(portal: Portal) -> None:
    """Without a session, and with every kind of false one, there is a page that says so."""
    tenant = portal.service.tenant
    real = Grant.new(60, tenant=tenant, scopes=list(Scope))
    own = GrantKey(PORTAL_KEY)
    claims = {**real.model_dump(exclude_none=True), "aud": GrantUse.SESSION.value}
    token = TOKENS.mint(tenant, list(Scope), 60, Tier.FREE)
    assert token
    false = {
        "none": "",
        "nonsense": "a.b.c",
        "an API token": token.token,
        "a link": own.write(real, GrantUse.LINK),
        "another key": GrantKey(b"q" * 32).write(real, GrantUse.SESSION),
        "no signature": jwt.encode(claims, None, "none"),
        "expired": own.write(real.model_copy(update={"exp": 1}), GrantUse.SESSION),
        "another tenant": own.write(real.model_copy(update={"tenant": "nobody"}), GrantUse.SESSION),
        "a key taken away": own.write(
            Grant.new(60, operator="test", key="0" * 16), GrantUse.SESSION
        ),
        "an unknown operator": own.write(Grant.new(60, operator="x", key=""), GrantUse.SESSION),
    }
    async with portal.person().http as http:
        for what, value in false.items():
            answer = await http.get("/portal/endpoints", headers={"cookie": f"hookwright={value}"})
            assert (what, answer.status_code) == (what, 401)
            assert "You are signed out" in answer.text
        good = own.write(real, GrantUse.SESSION)
        headers = {"cookie": f"hookwright={good}"}
        assert (await http.get("/portal/endpoints", headers=headers)).status_code == 200


async def test_a_revocation_ends_sessions_and_links(portal: Portal) -> None:
    """What ends a tenant's tokens ends its sessions and its links, too."""
    service = portal.service
    link = await portal.link()
    async with portal.visit() as person:
        assert (await person.get("/portal/endpoints")).status_code == 200
        view = (await service.http.get(service.root)).json()
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
        settings = {"name": view["name"], "tokens_not_before": soon}
        assert (await service.http.put(service.root, json=settings)).status_code == 200

        async def seen() -> int:
            return (await person.get("/portal/endpoints")).status_code

        await eventually(seen, lambda status: status == 401)
        assert (await person.follow(link)).status_code == 403


async def test_a_revocation_while_a_link_is_used_ends_its_session(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that is made after a revocation, from a link made before it, opens nothing."""
    service, use = portal.service, sign_in._use

    async def use_slowly(state: AppState, link: Grant) -> bool:
        assert (await service.http.post(f"{service.root}/tokens/revoke")).is_success
        return await use(state, link)

    monkeypatch.setattr(sign_in, "_use", use_slowly)
    async with portal.visit() as person:

        async def seen() -> int:
            return (await person.get("/portal/endpoints")).status_code

        # Each process relies on what it read of a tenant for five seconds.
        await eventually(seen, lambda status: status == 401)


async def test_a_new_tenant_of_the_same_name_has_no_old_sessions(portal: Portal) -> None:
    """A session of a deleted tenant does not open the tenant that takes its id."""
    service = portal.service
    async with portal.visit() as person:
        assert (await service.http.delete(service.root)).status_code == 204

        async def created() -> int:
            return (await service.http.put(service.root, json={"name": "New"})).status_code

        await eventually(created, lambda status: status == 201)

        async def seen() -> int:
            return (await person.get("/portal/endpoints")).status_code

        await eventually(seen, lambda status: status == 401)


async def test_scopes_hold(portal: Portal) -> None:
    """A session sees and does what its link allows, and pages offer nothing else."""
    endpoint = await portal.service.add_endpoint("http://127.0.0.1:8080/")
    path = f"/portal/endpoints/{endpoint['id']}"
    async with portal.visit(scopes=["endpoints:read"]) as reader:
        shown = await reader.get("/portal/endpoints")
        assert shown.status_code == 200
        assert "Create webhook" not in shown.text
        assert "Deactivate" not in shown.text
        for act in ("pause", "resume"):
            assert (await reader.send(f"{path}/{act}")).status_code == 403
    async with portal.visit(scopes=["events:write"]) as publisher:
        assert (await publisher.get("/portal/endpoints")).status_code == 403
        assert (await publisher.get(path)).status_code == 403


async def test_forms_come_from_the_portal_alone(portal: Portal) -> None:
    """A form without its session's token, or from another site, changes nothing."""
    endpoint = await portal.service.add_endpoint("http://127.0.0.1:8080/")
    path = f"/portal/endpoints/{endpoint['id']}/pause"
    async with portal.visit() as person, portal.visit() as other:
        token = {"csrf": await person.csrf()}
        for fields, headers in (
            ({"other": "1"}, {}),
            ({"csrf": "0" * 64}, {}),
            ({"csrf": await other.csrf()}, {}),
            ({"csrf": "é"}, {}),
            (token, {"origin": "https://evil.example"}),
            (token, {"origin": "null"}),
            (token, {"origin": "null", "host": ""}),
            (token, {"origin": "http://[::1"}),
            (token, {"referer": "http://["}),
            (token, {"referer": "https://evil.example/page"}),
            (token, {"sec-fetch-site": "cross-site"}),
            (token, {"sec-fetch-site": "same-site"}),
        ):
            answer = await person.http.post(path, data=fields, headers=headers)
            assert (answer.status_code, fields, headers) == (403, fields, headers)
        as_json = await person.http.post(path, json=token)
        assert as_json.status_code == 415
        read = await portal.service.http.get(f"{portal.service.root}/endpoints/{endpoint['id']}")
        assert read.json()["status"] == "active"
        headers = {"origin": portal.url}
        assert (await person.http.post(path, data=token, headers=headers)).status_code == 303


async def test_another_tenants_pages_are_not_there(portal: Portal) -> None:
    """An endpoint of another tenant is the same 404 as one that does not exist."""
    other = await portal.service.with_new_tenant()
    foreign = await other.add_endpoint("http://127.0.0.1:8080/")
    async with portal.visit() as person:
        for endpoint_id in (foreign["id"], "ep_nobody"):
            path = f"/portal/endpoints/{endpoint_id}"
            assert (await person.get(path)).status_code == 404
            assert (await person.send(f"{path}/pause")).status_code == 404
        assert (await person.get("/portal/operator/sign-in")).status_code == 200
        assert (
            await person.send("/portal/operator/act-as", tenant=other.tenant)
        ).status_code == 404


async def test_an_operator_acts_as_a_tenant(portal: Portal, page: Page) -> None:
    """An operator signs in by key, acts as a tenant under a banner, and stops."""
    await page.goto(f"{portal.url}/portal/operator/sign-in")
    await page.get_by_label("Operator key").fill("hwk_wrong_key")
    await page.get_by_role("button", name="Sign in").click()
    assert await page.get_by_role("alert").text_content() == "This is not an operator's key."


async def test_pages_forbid_everything_foreign(portal: Portal) -> None:
    """Every page's policy allows files of this host only, no inline script, and no frames."""
    async with portal.visit() as person:
        for path in ("/portal/endpoints", "/portal/nothing", "/portal/sign-in?link=x"):
            answer = await person.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["cache-control"] == "no-store"
            assert "text/html" in answer.headers["content-type"]
            assert "<script>" not in answer.text
            assert " style=" not in answer.text
            assert " onclick=" not in answer.text


async def test_the_portal_has_a_limit_of_its_own(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages are counted, and apart from the API's calls."""
    monkeypatch.setitem(PER_MINUTE[CallKind.PORTAL], Tier.FREE, 2)
    async with portal.visit() as person:
        answers = [await person.get("/portal/endpoints") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "At most 2 pages a minute" in answers[-1].text
    assert "retry-after" in answers[-1].headers
