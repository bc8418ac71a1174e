"""Previews of filters and payload templates, and the page that sends a test event."""

import html
import json
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect
from support.portal import Portal, serving
from support.receiver import Receiver, Reply
from support.stack import CONTRACTS, Stack, unique

from hookwright.contracts import Contracts
from runtime.dev import free_port

SECRET = "a-secret-of-mine"
DEEP = "[" * 101 + "]" * 101
EXAMPLE = {"amount": 1500, "name": "Zoë"}


async def event_type(portal: Portal, example: Any = EXAMPLE) -> str:
    """Return a new event type of the catalogue, once the portal lists it."""
    name = unique("loan")
    body = {"description": "For a test", "example": example}
    answer = await portal.service.http.put(f"/v1/event-types/{name}", json=body)
    assert answer.status_code == 201
    return name


def body_of(text: str) -> Any:
    """Return the body that a preview shows."""
    found = re.search(r"The body would be[^<]*</p><pre[^>]*>(.*?)</pre>", text, re.DOTALL)
    assert found, text
    return json.loads(html.unescape(found[1]))


@pytest.mark.parametrize("path", ["/portal/preview", "/portal/endpoints"])
async def test_a_preview_shows_filter_and_body(portal: Portal, path: str) -> None:
    """For the script and without it, the example is filtered and rendered as at a delivery."""
    name = await event_type(portal)
    form = {
        "do": "preview",
        "example": name,
        "filter": "data.amount > `1000`",
        "payload_template": "{what: type, who: data.name}",
        "url": "https://typed.example/",
    }
    async with portal.visit() as person:
        shown = await person.send(path, **form)
        assert shown.status_code == 200
        assert "the event would be sent." in shown.text
        assert body_of(shown.text) == {"what": name, "who": "Zoë"}
        other = await person.send(path, **{**form, "filter": "data.amount > `9000`"})
        assert "the event would not be sent." in other.text
        own = await person.send(path, **form, example_data='{"amount": 1, "name": "Al"}')
        assert "the event would not be sent." in own.text
        assert body_of(own.text)["who"] == "Al"
        if path == "/portal/endpoints":
            assert "https://typed.example/" in shown.text
    listed = await portal.service.http.get(f"{portal.service.root}/endpoints")
    assert listed.json()["data"] == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"filter": "data.["}, "Filter: not a JMESPath expression"),
        ({"filter": "`NaN`"}, "Filter: a literal is no JSON"),
        ({"filter": "abs(data.name)"}, "Filter: "),
        ({"payload_template": "x" * 1_025}, "Body: an expression has at most 1024 characters"),
        ({"payload_template": "&data"}, "Body: "),
        ({"payload_template": "length(data.amount)"}, "Body: "),
        ({"example_data": "{"}, "The example data is not JSON."),
        ({"example_data": "1e999"}, "The example data is not JSON."),
        ({"example_data": "[" * 50_000}, "The example data nests more than 100 levels."),
        ({"example_data": DEEP, "filter": "data"}, "The example data nests more than 100 levels."),
        *(
            ({"example_data": '{"a": "\\ud800"}', **fields}, "The example data is not JSON.")
            for fields in ({}, {"filter": "@"}, {"payload_template": "to_string(@)"})
        ),
    ],
)
async def test_a_preview_says_what_is_wrong(
    portal: Portal, fields: dict[str, str], text: str
) -> None:
    """An expression that does not parse, or does not fit, is explained; no page fails."""
    name = await event_type(portal)
    async with portal.visit() as person:
        shown = await person.send("/portal/preview", example=name, **fields)
    assert shown.status_code == 200
    assert text in html.unescape(shown.text)


async def test_a_costly_preview_is_stopped(portal: Portal) -> None:
    """A preview has the limits of a delivery: an expression beyond them ends with a sentence."""
    doubling = "data.[@,@]" + " | [@,@]" * 60
    name = await event_type(portal)
    async with portal.visit() as person:
        for field in ("filter", "payload_template"):
            shown = await person.send("/portal/preview", example=name, **{field: doubling})
            assert shown.status_code == 200
            assert "it costs more than" in shown.text


async def test_hostile_examples_are_text(portal: Portal) -> None:
    """Markup in an example, or made by a template, is shown as text."""
    hostile = "<script>alert(1)</script><img src=x>"
    name = await event_type(portal, {"x": hostile})
    async with portal.visit() as person:
        for fields in ({}, {"filter": "data.x"}, {"payload_template": "data.x"}):
            shown = (await person.send("/portal/preview", example=name, **fields)).text
            assert "<script>alert" not in shown
            assert "<img" not in shown


async def test_the_script_previews_as_one_types(portal: Portal, page: Page) -> None:
    """In a browser, the preview follows what is typed, and types can be searched."""
    name = await event_type(portal)
    await portal.open(page, "/portal/endpoints/new")
    await page.get_by_label("Preview with the example of").select_option(name)
    await page.get_by_label("Payload template").fill("{sum: data.amount}")
    await expect(page.locator("#preview")).to_contain_text('"sum": 1500')
    await page.get_by_label("Filter (optional)").fill("data.amount < `1`")
    await expect(page.locator("#preview")).to_contain_text("the event would not be sent.")
    await page.get_by_label("Search event types").fill(name)
    await expect(page.locator("#types label:visible")).to_have_count(1)
    await page.get_by_label("URL").fill("https://receiver.example/")
    await page.locator(f'input[value="{name}"]').check()
    await page.get_by_label("URL").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("The webhook was created")
    await expect(page.get_by_role("button", name="Copy the secret")).to_be_visible()


async def test_the_test_page_sends_an_example(portal: Portal, hooks: Receiver) -> None:
    """The example is there to be changed; request and reply are shown; it can be activated."""
    hooks.behave = lambda _: Reply(201, (("x-seen", "<b>yes</b>"),), b'{"got": "<i>it</i>"}')
    name = await event_type(portal)
    endpoint = await portal.service.add_endpoint(
        hooks.url, event_types=[name], headers={"Authorization": "Bearer abc-123"}
    )
    await portal.service.http.post(f"{portal.service.root}/endpoints/{endpoint['id']}/pause")
    path = f"/portal/endpoints/{endpoint['id']}/test"
    async with portal.visit() as person:
        asked = (await person.get(path)).text
        assert f'value="{name}"' in asked
        assert '"amount": 1500' in html.unescape(asked)
        sent = await person.send(path, type=name, data='{"amount": 7}')
        text = html.unescape(sent.text)
        assert sent.status_code == 200
        assert "Delivered: your application answered 201" in text
        assert f"POST {hooks.url}" in text
        assert "authorization: [redacted]" in text
        assert "abc-123" not in text
        assert "&lt;b&gt;yes" in sent.text
        assert "&lt;i&gt;it" in sent.text
        assert "Activate the webhook" in text
        await person.send(f"/portal/endpoints/{endpoint['id']}/resume")
        again = await person.send(path, type=name, data="{}")
        assert "Activate the webhook" not in again.text
    assert json.loads(hooks.requests[0].body)["data"] == {"amount": 7}


async def test_a_reply_that_nests_deeply_is_shown(portal: Portal, hooks: Receiver) -> None:
    """A reply that Python's parser refuses is shown as the text that it is."""
    hooks.behave = lambda _: Reply(200, (), b"[" * 1_500)
    endpoint = await portal.service.add_endpoint(hooks.url)
    async with portal.visit() as person:
        path = f"/portal/endpoints/{endpoint['id']}/test"
        shown = await person.send(path, type="loan.funded", data="{}")
    assert shown.status_code == 200
    assert "[" * 1_000 in shown.text


async def test_a_test_that_fails_says_why(portal: Portal, hooks: Receiver) -> None:
    """A status that is no success, and a server that is away, are told in words."""
    hooks.behave = lambda _: Reply(500, (), b"broken")
    endpoint = await portal.service.add_endpoint(hooks.url)
    away = await portal.service.add_endpoint(f"http://127.0.0.1:{free_port()}/")
    fields = {"type": "loan.funded", "data": "{}"}
    async with portal.visit() as person:
        refused = await person.send(f"/portal/endpoints/{endpoint['id']}/test", **fields)
        assert "Not delivered: your application answered 500" in refused.text
        assert "broken" in refused.text
        unreached = await person.send(f"/portal/endpoints/{away['id']}/test", **fields)
        assert "Not delivered:" in unreached.text
        assert "There was no reply." in unreached.text


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"type": "loan.funded", "data": "{"}, "data"),
        ({"type": "loan.funded", "data": "1e999"}, "data"),
        ({"type": "no spaces", "data": "{}"}, "type"),
        ({"type": "loan.funded", "data": ""}, "data"),
        ({"type": "loan.funded", "data": "[" * 50_000}, "data"),
        ({"type": "loan.funded", "data": DEEP}, "data"),
        ({"type": "loan.funded", "data": '{"a": "\\ud800"}'}, "data"),
        ({"type": "loan.funded", "data": '{"\\udfff": 1}'}, "data"),
    ],
)
async def test_a_test_event_that_is_none(portal: Portal, fields: dict[str, str], name: str) -> None:
    """Data that is not JSON, and a type that is none, come back with the fault at the field."""
    endpoint = await portal.service.add_endpoint("http://127.0.0.1:8080/")
    async with portal.visit() as person:
        answer = await person.send(f"/portal/endpoints/{endpoint['id']}/test", **fields)
    assert answer.status_code == 422
    assert f'id="{name}-fault"' in answer.text


async def test_the_page_has_code_for_the_contract(portal: Portal) -> None:
    """A webhook's page has the code of its contract in five languages, and no secret."""
    service = portal.service
    plain = await service.add_endpoint(
        "http://127.0.0.1:8080/", contract="plain", secret="s3cret-of-9"
    )
    own = await service.add_endpoint("http://127.0.0.1:8080/")
    key = "whsk_" + "A" * 43 + "="
    signed = await service.add_endpoint("http://127.0.0.1:8080/", secret=key)
    async with portal.visit() as person:
        texts = {}
        for endpoint in (plain, own, signed):
            shown = (await person.get(f"/portal/endpoints/{endpoint['id']}")).text
            assert shown.count('<pre id="verify-') == 5
            assert endpoint["secret"] not in html.unescape(shown)
            texts[endpoint["id"]] = html.unescape(shown)
    assert '"sha256="' in texts[plain["id"]]
    assert "webhook-signature" in texts[own["id"]]
    assert "WEBHOOK_SECRET" in texts[own["id"]]
    assert "WEBHOOK_PUBLIC_KEY" in texts[signed["id"]]


async def test_a_contract_that_is_gone_is_said(service: Stack) -> None:
    """If an operator took a contract away, the pages of its webhooks say so and do not fail."""
    endpoint = await service.add_endpoint("http://127.0.0.1:8080/", contract="plain", secret=SECRET)
    left = Contracts({name: each for name, each in CONTRACTS.items() if name != "plain"})
    async with serving(service, contracts=left) as portal, portal.visit() as person:
        path = f"/portal/endpoints/{endpoint['id']}"
        assert (await person.get(path)).status_code == 200
        for page in ("edit", "secret", "test"):
            answer = await person.get(f"{path}/{page}")
            assert answer.status_code == 422
            assert "no such contract" in answer.text.lower()


async def test_the_preview_button_keeps_what_was_typed(portal: Portal, page: Page) -> None:
    """With script, the button shows the preview where the person is, and secrets stay typed."""
    await portal.open(page, "/portal/endpoints/new")
    await page.get_by_label("Value of header 1").fill("Bearer abc")
    await page.get_by_label("Payload template (optional)").fill("{only: type}")
    await page.get_by_role("button", name="Preview").click()
    preview = page.locator("#preview")
    await expect(preview).to_contain_text('"only"')
    await expect(preview).to_be_in_viewport()
    assert await page.get_by_label("Value of header 1").input_value() == "Bearer abc"
    assert page.url.endswith("/portal/endpoints/new")
