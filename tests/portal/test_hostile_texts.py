"""Whatever strangers write is text on every page: names, URLs, data, replies, descriptions."""

import html

import pytest
from playwright.async_api import Page
from support.portal import Portal
from support.receiver import Receiver, Reply
from support.waiting import eventually

SCRIPT = "<script>window.hacked = 1</script>"
PICTURE = "\"'><img src=x onerror=window.hacked=1>"
TEMPLATE = "{{ 7 * 191 }}{% raw %}"
ESCAPES = "\x1b[31m\x1b]0;title\x07\u202e"
HOSTILE = f"{SCRIPT}{PICTURE}{TEMPLATE}</textarea></script><svg onload=window.hacked=1>"


@pytest.mark.timeout(240)
async def test_every_page_shows_hostile_texts_as_text(
    portal: Portal, hooks: Receiver, page: Page
) -> None:
    """No text runs, breaks a page, or is evaluated: not in a browser, and not in the templates."""
    service = portal.service
    assert (await service.http.put(service.root, json={"name": HOSTILE[:200]})).is_success
    hooks.behave = lambda _: Reply(
        500, (("x-hostile", PICTURE), ("location", "javascript:window.hacked=1")), HOSTILE.encode()
    )
    endpoint = await service.add_endpoint(
        f"{hooks.url}/?q=%22%3E{PICTURE.encode().hex()}&x='<svg>",
        description=HOSTILE + ESCAPES,
        filter=f"data.text == '{'<b>' + SCRIPT}' || `true`",
        payload_template=f"{{id: id, text: '{SCRIPT}', data: data}}",
        metadata={"note": HOSTILE[:100]},
        retry={"schedule_seconds": [600]},
    )
    event = await service.publish(data={"text": HOSTILE, PICTURE: ESCAPES})
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]), lambda it: it.get("attempts")
    )
    own = f"/portal/endpoints/{endpoint['id']}"
    paths = (
        "/portal/endpoints",
        *(own + rest for rest in ("", "/edit", "/secret", "/delete", "/test", "/health")),
        f"{own}/recover",
        "/portal/endpoints/new",
        f"/portal/deliveries?event_id={event['id']}",
        f"/portal/deliveries?endpoint_id={PICTURE}",
        f"/portal/deliveries/{endpoint['id']}:{event['id']}",
        f"/portal/event-types?q={SCRIPT}",
        f"/portal/event-types/{SCRIPT}",
        f"/portal/{SCRIPT}",
        f"/portal/sign-in?link={SCRIPT}",
    )
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    await portal.open(page)
    for path in paths:
        await page.goto(portal.url + path)
        assert await page.evaluate("window.hacked") is None, path
        shown = await page.content()
        assert "<script>window" not in shown, path
        assert "<img src" not in shown, path
        assert "<svg onload" not in shown, path
        assert "1337" not in await page.inner_text("body"), path
    assert html.escape(SCRIPT, quote=False) in await listed(page, portal)


@pytest.mark.parametrize(
    "reply", [b'"\\ud800"', b'{"\\udfff": 1}', b"[" * 450 + b"]" * 450, b"NaN", b"1" * 2_000]
)
async def test_every_reply_can_be_shown(portal: Portal, hooks: Receiver, reply: bytes) -> None:
    """A reply that is JSON and no text, or nests deeply, is shown as it came."""
    service = portal.service
    hooks.behave = lambda _: Reply(500, (), reply)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    event = await service.publish()
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]), lambda it: it.get("attempts")
    )
    async with portal.visit() as person:
        log = await person.get(f"/portal/deliveries/{endpoint['id']}:{event['id']}")
        sent = await person.send(f"/portal/endpoints/{endpoint['id']}/test", type="a.b", data="{}")
    for shown in (log, sent):
        assert shown.status_code == 200
        assert reply.decode() in html.unescape(shown.text)
        assert len(shown.content) < 20_000


async def listed(page: Page, portal: Portal) -> str:
    await page.goto(f"{portal.url}/portal/endpoints")
    return await page.content()
