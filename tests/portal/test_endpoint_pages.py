"""The pages of one webhook: its state and settings, create, edit, replace the secret, delete."""

import html
import re
from typing import Any

import httpx
import pytest
from support.portal import Person, Portal
from support.receiver import Receiver, answering
from support.stack import unique
from support.waiting import eventually

SECRET = re.compile(r'<pre id="secret"[^>]*>([^<]+)</pre>')
FILLED: dict[str, Any] = {
    "url": "http://127.0.0.1:8080/hooks",
    "description": "For the <b>ledger</b>",
    "active": "yes",
    "event_type": ["loan.funded"],
    "patterns": "payment.*\nloan.closed",
    "channels": "north, south",
    "filter": "data.amount > `10`",
    "payload_template": "{id: id, sum: data.amount}",
    "header_name": ["Authorization", "", "X-Key"],
    "header_value": ["Bearer abc-123", "", "k-456"],
    "retry": "own",
    "schedule": "60, 300 3600",
    "timeout_seconds": "7.5",
}


def endpoint_of(answer: httpx.Response) -> str:
    found = re.search(r"/portal/endpoints/(ep_[0-9a-z_]+)", answer.text)
    assert found, answer.text
    return found[1]


async def read(portal: Portal, endpoint_id: str) -> dict[str, Any]:
    service = portal.service
    return (await service.http.get(f"{service.root}/endpoints/{endpoint_id}")).json()


def version_in(page: str) -> str:
    """Return the version of the webhook for which a form was opened."""
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found, page
    return found[1]


async def new_form(person: Person) -> dict[str, str]:
    """Return the hidden fields of the form for a new webhook."""
    text = (await person.get("/portal/endpoints/new")).text
    found = re.search(r'name="key" value="([^"]+)"', text)
    assert found
    return {"key": found[1]}


async def test_create_with_everything(portal: Portal) -> None:
    """Every field of the form reaches the endpoint, and the secret is shown once."""
    async with portal.visit() as person:
        form = {**FILLED, **await new_form(person)}
        created = await person.send("/portal/endpoints", **form)
        assert created.status_code == 200
        secret = SECRET.search(created.text)
        assert secret
        assert html.unescape(secret[1]).startswith("whsec_")
        endpoint = await read(portal, endpoint_of(created))
        again = await person.send("/portal/endpoints", **form)
        shown = await person.get(f"/portal/endpoints/{endpoint['id']}")
    assert again.status_code == 303
    assert again.headers["location"] == f"/portal/endpoints/{endpoint['id']}"
    expected = {
        "url": FILLED["url"],
        "description": FILLED["description"],
        "event_types": ["loan.funded", "payment.*", "loan.closed"],
        "channels": ["north", "south"],
        "filter": FILLED["filter"],
        "payload_template": FILLED["payload_template"],
        "header_names": ["Authorization", "X-Key"],
        "retry": {"schedule_seconds": [60.0, 300.0, 3600.0]},
        "timeout_seconds": 7.5,
        "status": "active",
    }
    assert {name: endpoint[name] for name in expected} == expected
    assert "For the &lt;b&gt;ledger&lt;/b&gt;" in shown.text
    assert secret[1] not in shown.text
    assert "abc-123" not in shown.text + created.text
    listed = await portal.service.http.get(f"{portal.service.root}/endpoints")
    assert len(listed.json()["data"]) == 1


async def test_create_inactive(portal: Portal, hooks: Receiver) -> None:
    """A webhook that is not active from the start gets nothing until it is activated."""
    async with portal.visit() as person:
        form = {"url": hooks.url, "event_type": "*", **await new_form(person)}
        endpoint_id = endpoint_of(await person.send("/portal/endpoints", **form))
        assert (await read(portal, endpoint_id))["status"] == "paused"
        event = await portal.service.publish()

        async def held() -> int:
            return (await read(portal, endpoint_id))["held"]

        await eventually(held, lambda count: count == 1)
        page = await person.get(f"/portal/endpoints/{endpoint_id}")
        assert "Inactive: events are held until you activate the webhook" in page.text
        assert hooks.ids() == []
        await person.send(f"/portal/endpoints/{endpoint_id}/resume")

        async def ids() -> list[str]:
            return hooks.ids()

        await eventually(ids, lambda got: got == [event["id"]])
        shown = (await person.get(f"/portal/endpoints/{endpoint_id}")).text
        assert "Latest changes" in shown
        assert shown.index("Made active") < shown.index("<strong>Created</strong>", 0)
        assert re.search(r"by portal:[0-9a-f]{8}\b", shown)


@pytest.mark.parametrize(
    ("field", "value", "name", "text"),
    [
        ("url", "ftp://example.com", "url", "URL"),
        ("url", "", "url", "URL"),
        ("filter", "data.[", "filter", "not a JMESPath expression"),
        ("payload_template", "`NaN`", "payload_template", "a literal is no JSON"),
        ("patterns", "loan..*", "event_types", "Event types"),
        ("channels", "no/slash", "channels", "Channels"),
        ("schedule", "60, soon", "retry", "give numbers of seconds"),
        ("schedule", "-1", "retry", "Retries"),
        ("timeout_seconds", "600", "timeout_seconds", "Timeout"),
        ("timeout_seconds", "nan", "timeout_seconds", "Timeout"),
        ("header_name", ["Host", "", "X-Key"], "headers", "Host is not yours to set"),
        ("header_value", ["Bearer", "", ""], "headers", "a header has a name and a value"),
        ("header_name", ["X-Key", "", "x-key"], "headers", "a header is given twice"),
    ],
)
async def test_a_refused_form_comes_back(
    portal: Portal, field: str, value: Any, name: str, text: str
) -> None:
    """What was typed is there again with the faults, but no secret and no header's value."""
    form = {**FILLED, field: value, "secret_from": "person", "secret": "whsec_" + "QUJD" * 11}
    async with portal.visit() as person:
        answer = await person.send("/portal/endpoints", **form)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert text in html.unescape(answer.text)
        assert f'id="{name}-fault"' in answer.text
        assert "For the &lt;b&gt;ledger&lt;/b&gt;" in answer.text
        assert "abc-123" not in answer.text
        assert "QUJDQUJD" not in answer.text
    listed = await portal.service.http.get(f"{portal.service.root}/endpoints")
    assert listed.json()["data"] == []


async def test_no_event_type_is_refused(portal: Portal) -> None:
    """A webhook without any event type would never get anything."""
    async with portal.visit() as person:
        form = {**FILLED, "event_type": [], "patterns": " \n"}
        answer = await person.send("/portal/endpoints", **form)
    assert answer.status_code == 422
    assert "choose at least one event type" in answer.text


async def test_the_form_lists_the_types_of_the_contract(portal: Portal) -> None:
    """The types of the tenant's contract are there with their descriptions, and no others."""
    service = portal.service
    await service.http.put(service.root, json={"name": "T", "contract": "clearway"})
    own, foreign = unique("loan"), "capital_call.created"
    body = {"description": "Made <for> this test", "example": {"n": 1}}
    assert (await service.http.put(f"/v1/event-types/{own}", json=body)).status_code == 201
    async with portal.visit() as person:

        async def types() -> str:
            return (await person.get("/portal/endpoints/new")).text

        text = await eventually(types, lambda text: foreign in text)
        assert "New capital call created" in text
        assert own not in text
        await service.http.put(service.root, json={"name": "T", "contract": None})
        text = await eventually(types, lambda text: own in text)
        assert "Made &lt;for&gt; this test" in text
        assert foreign not in text


async def test_edit(portal: Portal) -> None:
    """The form shows what is set; what is changed there is changed, and header values stay."""
    headers = {"Authorization": "Bearer abc-123", "X-Old": "old", "X-Gone": "gone"}
    endpoint = await portal.service.add_endpoint(
        "http://127.0.0.1:8080/",
        event_types=["*", "endpoint.disabled", "loan.*"],
        headers=headers,
        retry={"strategy": "fixed", "max_retries": 3, "delay_seconds": 5},
        metadata={"team": "blue"},
        filter="data.a",
    )
    path = f"/portal/endpoints/{endpoint['id']}/edit"
    async with portal.visit() as person:
        shown = (await person.get(path)).text
        assert "abc-123" not in shown
        assert "loan.*</textarea>" in shown
        assert re.search(r'value="endpoint.disabled" checked', shown)
        assert "Those that are set now: 3, after 5 s, 5 s, 5 s" in shown
        answer = await person.send(
            path,
            version=str(endpoint["version"]),
            url="http://127.0.0.1:8081/",
            event_type=["loan.funded"],
            retry="keep",
            header_value_1="new",
            header_remove="X-Gone",
            header_name=["X-New"],
            header_value=["fresh"],
        )
        assert answer.status_code == 303, answer.text
    read_again = await read(portal, endpoint["id"])
    assert read_again["url"] == "http://127.0.0.1:8081/"
    assert read_again["event_types"] == ["loan.funded"]
    assert read_again["retry"]["strategy"] == "fixed"
    assert read_again["metadata"] == {"team": "blue"}
    assert read_again["filter"] is None
    assert read_again["header_names"] == ["Authorization", "X-Old", "X-New"]


async def test_an_edit_of_nothing_changes_nothing(portal: Portal) -> None:
    """A form that is saved as it came makes no new version."""
    endpoint = await portal.service.add_endpoint("http://127.0.0.1:8080/", headers={"X-A": "1"})
    path = f"/portal/endpoints/{endpoint['id']}/edit"
    async with portal.visit() as person:
        form = {"version": str(endpoint["version"]), "url": endpoint["url"], "event_type": "*"}
        sent = await person.send(path, **form, retry="default")
        assert sent.status_code == 303
    assert (await read(portal, endpoint["id"]))["version"] == endpoint["version"]


async def test_kept_headers_are_sent(portal: Portal, hooks: Receiver) -> None:
    """A header whose value was left empty in the form keeps it; a new value replaces it."""
    headers = {"Authorization": "Bearer abc-123", "X-Old": "old"}
    endpoint = await portal.service.add_endpoint(hooks.url, headers=headers)
    path = f"/portal/endpoints/{endpoint['id']}/edit"
    async with portal.visit() as person:
        form = {"version": str(endpoint["version"]), "url": hooks.url, "event_type": "*"}
        assert (await person.send(path, **form, header_value_1="new")).status_code == 303
    await portal.service.http.post(f"{portal.service.root}/endpoints/{endpoint['id']}/test")
    sent = hooks.requests[0].headers
    assert (sent["authorization"], sent["x-old"]) == ("Bearer abc-123", "new")


@pytest.mark.parametrize(
    "change", [{"url": "http://127.0.0.1:8082/"}, {"headers": {"X-B": "2", "X-C": "3"}}]
)
async def test_a_form_undoes_no_change_made_meanwhile(
    portal: Portal, change: dict[str, Any]
) -> None:
    """What the API changed while the form was open stays, unless a person saves a second time.

    The values of headers have their place as name: without the first header, one would get the
    value of another.
    """
    endpoint = await portal.service.add_endpoint(
        "http://127.0.0.1:8080/", headers={"X-A": "1", "X-B": "2"}
    )
    path = f"/portal/endpoints/{endpoint['id']}"
    async with portal.visit() as person:
        form = {"url": endpoint["url"], "event_type": "*", "header_value_1": "new value of X-B"}
        form["version"] = version_in((await person.get(f"{path}/edit")).text)
        api = f"{portal.service.root}/endpoints/{endpoint['id']}"
        assert (await portal.service.http.patch(api, json=change)).status_code == 200
        changed = await read(portal, endpoint["id"])
        looked = await person.send(f"{path}/edit", **form, do="preview")
        assert version_in(looked.text) == form["version"]
        for stale in (form, {**form, "version": ""}):
            refused = await person.send(f"{path}/edit", **stale)
            assert refused.status_code == 409
            assert "has changed since this form was opened" in refused.text
            assert await read(portal, endpoint["id"]) == changed
        again = {**form, "description": "mine", "version": version_in(refused.text)}
        assert (await person.send(f"{path}/edit", **again)).status_code == 303
    assert (await read(portal, endpoint["id"]))["description"] == "mine"


async def test_replace_the_secret(portal: Portal) -> None:
    """The new secret is shown once, a reload makes no further one, and the old one overlaps."""
    endpoint = await portal.service.add_endpoint("http://127.0.0.1:8080/")
    path = f"/portal/endpoints/{endpoint['id']}/secret"
    async with portal.visit() as person:
        shown = (await person.get(path)).text
        assert "each webhook carries two signatures" in shown
        form = {"version": version_in(shown), "grace_hours": "2", "sign_with": "new"}
        rotated = await person.send(path, **form)
        assert rotated.status_code == 200
        secret = SECRET.search(rotated.text)
        assert secret
        assert secret[1] != endpoint["secret"]
        again = await person.send(path, **form)
        assert again.status_code == 409
        assert SECRET.search(again.text) is None
        assert "The webhook has changed" in again.text
    assert len((await read(portal, endpoint["id"]))["secrets"]) == 2


async def test_the_old_secret_can_sign_alone(portal: Portal) -> None:
    """Where a header has room for one signature, a person chooses which secret signs."""
    secret = "a-first-secret-of-mine"
    endpoint = await portal.service.add_endpoint(
        "http://127.0.0.1:8080/", contract="plain", secret=secret
    )
    path = f"/portal/endpoints/{endpoint['id']}/secret"
    async with portal.visit() as person:
        shown = (await person.get(path)).text
        assert "The header has room for one signature." in shown
        form = {
            "version": str(endpoint["version"]),
            "grace_hours": "1",
            "sign_with": "previous",
            "secret_from": "person",
        }
        refused = await person.send(path, **form, secret="short")
        assert refused.status_code == 422
        assert 'id="secret-fault"' in refused.text
        assert re.search(r'value="previous" checked', refused.text)
        rotated = await person.send(path, **form, secret="a-second-secret-of-mine")
        assert SECRET.findall(rotated.text) == ["a-second-secret-of-mine"]
    current, previous = (await read(portal, endpoint["id"]))["secrets"]
    assert current["signs_from"] == previous["expires_at"]


@pytest.mark.parametrize("hours", ["-1", "169", "nan", "1e999", "soon"])
async def test_bad_hours_of_overlap(portal: Portal, hours: str) -> None:
    """An overlap that is no number of hours, or too long, is refused beside its field."""
    endpoint = await portal.service.add_endpoint("http://127.0.0.1:8080/")
    path = f"/portal/endpoints/{endpoint['id']}/secret"
    async with portal.visit() as person:
        form = {"version": str(endpoint["version"]), "grace_hours": hours}
        answer = await person.send(path, **form)
    assert answer.status_code == 422
    assert 'id="grace_period_seconds-fault"' in answer.text


async def test_delete_asks_first(portal: Portal) -> None:
    """Deletion has a page that asks, and then the webhook is gone."""
    endpoint = await portal.service.add_endpoint("http://127.0.0.1:8080/")
    path = f"/portal/endpoints/{endpoint['id']}"
    async with portal.visit() as person:
        asked = await person.get(f"{path}/delete")
        assert "Delete this webhook?" in asked.text
        assert (await person.get(path)).status_code == 200
        gone = await person.send(f"{path}/delete")
        assert gone.headers["location"] == "/portal/endpoints"
        assert (await person.get(path)).status_code == 404


async def test_readers_change_nothing(portal: Portal) -> None:
    """A session that may only read sees no buttons, and every form is refused."""
    endpoint = await portal.service.add_endpoint("http://127.0.0.1:8080/")
    path = f"/portal/endpoints/{endpoint['id']}"
    async with portal.visit(scopes=["endpoints:read"]) as reader:
        shown = (await reader.get(path)).text
        for label in ("Edit</a>", "Send test event", "Replace secret", "Delete", "Deactivate"):
            assert label not in shown
        for page in ("edit", "secret", "delete", "test"):
            assert (await reader.get(f"{path}/{page}")).status_code == 403
            assert (await reader.send(f"{path}/{page}")).status_code == 403
        assert (await reader.get("/portal/endpoints/new")).status_code == 403
        assert (await reader.send("/portal/endpoints")).status_code == 403
        assert (await reader.send("/portal/preview")).status_code == 403


async def test_the_state_is_told_in_words(portal: Portal, hooks: Receiver) -> None:
    """Why a webhook fails, how often and since when, and why it is disabled, stand on its page."""
    hooks.behave = answering(500, 410)
    service = portal.service
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600]})
    path = f"/portal/endpoints/{endpoint['id']}"
    async with portal.visit() as person:
        await service.publish()

        async def failed() -> int:
            return (await read(portal, endpoint["id"]))["consecutive_failures"]

        await eventually(failed, lambda count: count == 1)
        text = (await person.get(path)).text
        assert "The last attempt failed on <time" in text
        assert "the receiver answered 500" in text
        await service.publish()

        async def status() -> str:
            return (await read(portal, endpoint["id"]))["status"]

        await eventually(status, lambda it: it == "disabled")
        text = (await person.get(path)).text
        assert "Disabled: your server answered 410 Gone" in text
        assert "The last 2 attempts failed, the first on <time" in text
        assert ">Activate<" in text


async def test_hostile_settings_are_text(portal: Portal) -> None:
    """Markup in any setting is shown as text."""
    hostile = "<script>alert(1)</script>"
    endpoint = await portal.service.add_endpoint(
        "http://127.0.0.1:8080/?q=<img>",
        description=hostile,
        metadata={"x": hostile},
        filter=f"'{hostile}'",
        payload_template=f"'{hostile}'",
    )
    async with portal.visit() as person:
        for page in ("", "/edit", "/delete", "/secret"):
            text = (await person.get(f"/portal/endpoints/{endpoint['id']}{page}")).text
            assert "<script>alert" not in text
            assert "<img>" not in text
