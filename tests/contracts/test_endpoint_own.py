"""What an endpoint adds to its contract: headers, a payload template, a secret."""

import json

import httpx
import pytest
from support.contracts import register, speak
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import assert_eventually, eventually

URL = "https://hooks.example.com/"
HEADERS = {"secret": "your-secure-secret-key-here", "Authorization": "Bearer a b", "X-Env": "prod"}
SOON = {"schedule_seconds": [0.3] * 30}


async def create(service: Stack, **fields: object) -> httpx.Response:
    return await service.http.post(f"{service.root}/endpoints", json={"url": URL, **fields})


def only_fault(answer: httpx.Response) -> dict:
    assert answer.status_code == 422, answer.text
    [fault] = answer.json()["errors"]
    return fault


async def test_headers_arrive_and_are_write_only(service: Stack, hooks: Receiver) -> None:
    """Custom headers are sent with every attempt; the API shows their names and never a value."""
    hooks.behave = answering(500, 200)
    created = await create(service, url=hooks.url, headers=HEADERS, retry=SOON)
    assert created.status_code == 201, created.text
    path = f"{service.root}/endpoints/{created.json()['id']}"
    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 2)
    for request in hooks.requests:
        for name, value in HEADERS.items():
            assert request.headers[name.lower()] == value
    changed = await service.http.patch(path, json={"description": "kept"})
    read, listed = await service.http.get(path), await service.http.get(f"{service.root}/endpoints")
    for answer in (created, changed, read, listed):
        assert not any(value in answer.text for value in HEADERS.values())
    for answer in (created, changed, read):
        assert answer.json()["header_names"] == list(HEADERS)
        assert "headers" not in answer.json()


async def test_headers_are_changed_as_a_whole(service: Stack, hooks: Receiver) -> None:
    """PATCH puts the given headers in place of all; the very next attempt sends those only."""
    created = (await create(service, url=hooks.url, headers=HEADERS)).json()
    path = f"{service.root}/endpoints/{created['id']}"
    changed = await service.http.patch(path, json={"headers": {"X-New": "1"}})
    assert changed.json()["header_names"] == ["X-New"]
    await service.publish()
    await assert_eventually(lambda: hooks.requests)
    sent = hooks.requests[0].headers
    assert sent["x-new"] == "1"
    assert "x-env" not in sent
    cleared = await service.http.patch(path, json={"headers": {}})
    assert cleared.json()["header_names"] == []


FORBIDDEN = [
    "Host", "Content-Length", "content-type", "Content-Encoding", "Transfer-Encoding", "Connection",
    "Cookie", "Accept-Encoding", "User-Agent", "Expect", "TE", "Upgrade", "Proxy-Authorization",
    "webhook-id", "Webhook-Anything", "WEBHOOK-SIGNATURE", "",
    "a b", "a:b", "a\r\nb", "ä",
]  # fmt: skip
OWN = {
    "plain": ["X-Webhook-Id", "x-webhook-timestamp", "X-WEBHOOK-SIGNATURE"],
    "reflow": ["X-ReFlow-Signature"],
    "clearway": ["x-clearway-signature"],
    "dossier": ["X-Webhook-Id", "X-Webhook-Signature"],
    "cr3dentials": ["x-webhook-signature"],
}


async def test_forbidden_headers(service: Stack) -> None:
    """Headers of the connection and of webhooks are a 422, at creation and at change."""
    endpoint = await service.add_endpoint(URL)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    for name in FORBIDDEN:
        headers = {"X-Fine": "1", name: "hidden"}
        for answer in (
            await create(service, headers=headers),
            await service.http.patch(path, json={"headers": headers}),
        ):
            assert only_fault(answer)["loc"] == ["body", "headers"], name
            assert "hidden" not in answer.text
    assert (await service.http.get(path)).json()["header_names"] == []


@pytest.mark.parametrize("contract", OWN)
async def test_a_contracts_own_headers(service: Stack, contract: str) -> None:
    """No endpoint may set the headers that its contract writes; another contract's it may."""
    await speak(service, contract)
    endpoint = await register(service, contract, URL)
    path = f"{service.root}/endpoints/{endpoint.id}"
    for name in OWN[contract]:
        answer = await service.http.patch(path, json={"headers": {name: "x"}})
        assert name in only_fault(answer)["msg"]
    foreign = await service.http.patch(path, json={"headers": {"X-Foreign-Signature": "x"}})
    assert foreign.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "a\r\nX-B: b"}, {"X-A": "a\nb"}, {"X-A": "a\x00"}, {"X-A": ""}, {"X-A": " a"},
        {"X-A": "a "}, {"X-A": "zoë"}, {"X-A": "1", "x-a": "2"},
        {f"X-{n}": "v" for n in range(21)}, {"X-A": "v" * 4096},
    ],
    ids=["crlf", "lf", "nul", "empty", "left", "right", "unicode", "twice", "many", "large"],
)  # fmt: skip
async def test_bad_header_values(service: Stack, headers: dict) -> None:
    """A value that could begin another header, two of one name, or too many, is a 422."""
    assert only_fault(await create(service, headers=headers))["loc"] == ["body", "headers"]


async def test_template_replaces_the_envelope(service: Stack, hooks: Receiver) -> None:
    """A payload template makes the whole body, from id, type, time, data and extra."""
    await speak(service, "clearway")
    template = "{e: id, t: [type, time, unix_time], d: data.who, live: extra.livemode}"
    created = await create(service, url=hooks.url, payload_template=template)
    assert created.json()["payload_template"] == template
    event = await service.publish(type="user.created", data={"who": "zoë"})
    await assert_eventually(lambda: hooks.requests)
    body = json.loads(hooks.requests[0].body)
    assert list(body) == ["e", "t", "d", "live"]
    assert (body["e"], body["d"], body["live"]) == (event["id"], "zoë", True)
    assert body["t"][:2] == ["user.created", event["created_at"][:19] + "Z"]


@pytest.mark.parametrize(
    "template",
    ["{n: length(data.n)}", "&data", "{n: [&data]}", "{n: to_number('nan')}"],
    ids=["wrong type", "no value", "no value within", "not a number"],
)
@pytest.mark.parametrize("contract", ["standard", "plain"])
async def test_template_that_does_not_fit(
    service: Stack, hooks: Receiver, contract: str, template: str
) -> None:
    """A misfit is recorded, nothing is sent, and once the template is mended a retry delivers."""
    secret = {"secret": "whsec_..."} if contract == "plain" else {}
    fields = {"url": hooks.url, "contract": contract, "retry": SOON, **secret}
    created = await create(service, payload_template=template, **fields)
    assert created.status_code == 201, created.text
    endpoint = created.json()
    event = await service.publish(data={"n": 7})
    failing = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]), lambda it: bool(it.get("attempts"))
    )
    first = failing["attempts"][0]
    assert (first["outcome"], first["status_code"]) == ("template_error", None)
    assert first["error"].startswith("payload template: ")
    assert failing["state"] == "pending"
    assert hooks.requests == []
    path = f"{service.root}/endpoints/{endpoint['id']}"
    mended = await service.http.patch(path, json={"payload_template": "{n: to_string(data.n)}"})
    assert mended.status_code == 200, mended.text
    delivery = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it["state"] == "delivered",
    )
    assert {each["outcome"] for each in delivery["attempts"][:-1]} == {"template_error"}
    assert [request.body for request in hooks.requests] == [b'{"n":"7"}']


async def test_template_that_never_fits_runs_out(service: Stack, hooks: Receiver) -> None:
    """A misfit counts as the endpoint's failure: on its own table the delivery ends exhausted."""
    retry = {"schedule_seconds": [0.1, 0.1]}
    created = await create(
        service, url=hooks.url, payload_template="{n: length(data.n)}", retry=retry
    )
    event = await service.publish(data={"n": 7})
    delivery = await eventually(
        lambda: service.delivery(created.json()["id"], event["id"]),
        lambda it: it.get("state") == "exhausted",
    )
    assert [each["outcome"] for each in delivery["attempts"]] == ["template_error"] * 3


async def test_bad_template(service: Stack) -> None:
    """A template that is no JMESPath, too long or too deep is a 422 at creation and change."""
    endpoint = await service.add_endpoint(URL)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    for template in ("{a: }", "a" * 1025, "[" * 1000):
        for answer in (
            await create(service, payload_template=template),
            await service.http.patch(path, json={"payload_template": template}),
        ):
            assert "payload_template" in only_fault(answer)["loc"]
    cleared = await service.http.patch(path, json={"payload_template": None})
    assert cleared.json()["payload_template"] is None


async def test_contract_stays(service: Stack) -> None:
    """An endpoint's contract is fixed at its registration; naming the same again is no change."""
    endpoint = await service.add_endpoint(URL)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    for other in ("reflow", "clearway", "nonesuch", None):
        answer = await service.http.patch(path, json={"contract": other})
        assert only_fault(answer)["loc"] == ["body", "contract"]
    assert (await service.http.patch(path, json={"contract": "standard"})).status_code == 200
    await speak(service, "dossier")
    assert (await service.http.get(path)).json()["contract"] == "standard"


SECRETS = [
    ("reflow", None, "requires a given secret"), ("plain", None, "requires a given secret"),
    ("clearway", "your_webhook_secret", "send none"), ("dossier", "whsec_abc12345678", "send none"),
    ("reflow", "x" * 15, "16 to 256"), ("plain", "1234567", "8 to 256"),
    ("cr3dentials", "é" * 20, "ASCII"), ("reflow", "your\nwebhook\nsecret", "ASCII"),
    ("standard", "your_webhook_secret", "whsec_"), ("cr3dentials", "", "16 to 256"),
]  # fmt: skip


@pytest.mark.parametrize(("contract", "secret", "says"), SECRETS)
async def test_refused_secrets(
    service: Stack, contract: str, secret: str | None, says: str
) -> None:
    """Who makes the secret, and how long it is, is the contract's to say; it is never repeated."""
    given = {} if secret is None else {"secret": secret}
    answer = await create(service, contract=contract, **given)
    fault = only_fault(answer)
    assert fault["loc"] == ["body", "secret"]
    assert says in fault["msg"]
    assert not secret or secret not in answer.text


@pytest.mark.parametrize(
    ("contract", "secret"),
    [
        ("plain", "whsec_..."), ("plain", "x" * 256), ("reflow", "your_webhook_secret"),
        ("cr3dentials", "sixteen letters!"), ("plain", "whsk_no-key-at-all"),
    ],
)  # fmt: skip
async def test_accepted_secrets(service: Stack, contract: str, secret: str) -> None:
    """A secret as the documents print it is taken as it stands, and answered once."""
    created = await create(service, contract=contract, secret=secret)
    assert (created.status_code, created.json()["secret"]) == (201, secret)
    assert created.json()["public_key"] is None
    read = await service.http.get(f"{service.root}/endpoints/{created.json()['id']}")
    assert secret not in read.text


@pytest.mark.parametrize("contract", ["clearway", "dossier", "cr3dentials", "standard"])
async def test_made_secrets(service: Stack, contract: str) -> None:
    """Where the contract makes the secret, each is a fresh whsec_ of 32 random bytes."""
    made = {(await create(service, contract=contract)).json()["secret"] for _ in range(2)}
    assert len(made) == 2
    assert all(each.startswith("whsec_") and len(each) == 50 for each in made)
