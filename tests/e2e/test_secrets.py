"""An endpoint's secret is shown by create and rotate, its headers never; neither is written."""

import base64
import io
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import trustme
from support.facades import key_of
from support.processes import worker_process
from support.receiver import Receiver, Reply
from support.stack import (
    CODEC,
    CODEC_TOKEN,
    JWT_SECRET,
    OPERATOR_KEY,
    Stack,
    api_client,
    api_config,
    unique,
)
from support.waiting import eventually

from hookwright.contracts.headers import REDACTED
from hookwright.temporal import connect, set_up_namespace
from runtime.dev import EmbeddedServer, free_port

HEADER = "custom-header-value-0123456789"
CHANGED_HEADER = "changed-header-value-0123456789"
LEAF = trustme.CA().issue_cert("client.example.com")
CLIENT = {
    "client_certificate": LEAF.cert_chain_pems[0].bytes().decode(),
    "client_key": LEAF.private_key_pem.bytes().decode(),
}
WORDS = "what the receiver said, 0123456789"


async def test_secret_is_written_nowhere(
    tmp_path: Path, hooks: Receiver, capfd: pytest.CaptureFixture[str], log_output: io.StringIO
) -> None:
    """Logs, database and all other answers of a run hold no secret, URL, header, text or data."""
    answers: list[httpx.Response] = []
    replies = [Reply(500, body=WORDS.encode()), Reply(200)]
    hooks.behave = lambda _: replies.pop(0) if len(replies) > 1 else replies[0]
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    log = (tmp_path / "worker.log").open("w")
    with log:
        async with server.running(), worker_process(server.address, task_queue, log):
            client = await connect(CODEC, target_host=server.address)
            await set_up_namespace(client, timedelta(days=1))
            async with api_client(client, api_config(task_queue)) as http:
                http.event_hooks["response"].append(lambda it: keep(it, answers))
                service = await Stack(client, http, task_queue, "").with_new_tenant()
                secrets = await live_through(service, hooks)
    shown = [it for it in answers if any(secret in it.text for secret in secrets)]
    assert [(it.request.method, it.url.path.split("/")[-1]) for it in shown] == [
        ("POST", "endpoints"),
        ("POST", "rotate"),
        ("POST", "endpoints"),
    ]
    assert not [it for it in answers if "PRIVATE KEY" in it.text]
    assert not [it for it in answers if HEADER in it.text or CHANGED_HEADER in it.text]
    assert {it.headers["x-token"] for it in hooks.requests} == {HEADER}
    signatures = [it.headers["webhook-signature"].split(",")[1] for it in hooks.requests]
    assert not [it for it in answers if any(each in it.text for each in signatures)]
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    written += "".join([*capfd.readouterr(), log_output.getvalue()]).encode()
    assert len(written) > 100_000
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    hidden = [secret.encode() for secret in secrets] + keys
    hidden += [hooks.url.encode(), b"4111-1111", OPERATOR_KEY.encode(), CODEC_TOKEN.encode()]
    hidden += [HEADER.encode(), CHANGED_HEADER.encode(), WORDS.encode(), JWT_SECRET.encode()]
    hidden += [CLIENT["client_key"].splitlines()[1].encode()]
    hidden += [it.request.headers["authorization"].split(" ")[1].encode() for it in answers]
    tokens = [it.json()["token"] for it in answers if it.url.path.endswith("/tokens")]
    hidden += [token.rpartition(".")[2].encode() for token in tokens]
    assert len(tokens) == 1
    hidden += [signature.encode() for signature in signatures]
    for each in hidden:
        assert each not in written, each


async def keep(answer: httpx.Response, answers: list[httpx.Response]) -> None:
    await answer.aread()
    answers.append(answer)


async def live_through(service: Stack, hooks: Receiver) -> list[str]:
    """Create, deliver, rotate, change, list, fail; return the secrets that were shown."""
    endpoint = await service.add_endpoint(
        hooks.url, retry={"schedule_seconds": [0.1]}, headers={"X-Token": HEADER}, **CLIENT
    )
    path = f"{service.root}/endpoints/{endpoint['id']}"
    event = await service.publish(data={"card": "4111-1111"})
    delivered = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it.get("state") == "delivered",
    )
    shown = [attempt["request_headers"] for attempt in delivered["attempts"]]
    assert {(it["x-token"], it["webhook-signature"]) for it in shown} == {(REDACTED, REDACTED)}
    assert {it["webhook-id"] for it in shown} == {event["id"]}
    assert all("4111-1111" in attempt["request_body"] for attempt in delivered["attempts"])
    assert (await service.http.post(f"{path}/test")).json()["request_headers"].keys() == {*shown[0]}
    minted = {"scopes": ["endpoints:read"], "expires_in_seconds": 60}
    token = (await service.http.post(f"{service.root}/tokens", json=minted)).json()["token"]
    for sent in (token, f"{token}x"):
        await service.http.get(path, headers={"authorization": f"Bearer {sent}"})
    rotated = (await service.http.post(f"{path}/secret/rotate", json={})).json()
    await service.http.patch(path, json={"headers": {"X-Token": CHANGED_HEADER}})
    for read in ("", "/endpoints", f"/endpoints/{endpoint['id']}", "/deliveries", "/events"):
        assert (await service.http.get(service.root + read)).status_code == 200
    forged = {"headers": {"X-Token": CHANGED_HEADER, "Host": HEADER}}
    assert (await service.http.patch(path, json=forged)).status_code == 422
    bad = {"url": hooks.url, "secret": rotated["secret"][:-4], "colour": rotated["secret"]}
    assert (await service.http.post(f"{service.root}/endpoints", json=bad)).status_code == 422
    tenants_own = key_of(service.tenant)
    assert (await service.http.get(service.root, headers=tenants_own)).status_code == 200
    unfit = await service.add_endpoint(hooks.url, payload_template="{n: abs(data.card)}")
    event = await service.publish(data={"card": "4111-1111"}, endpoint_id=unfit["id"])
    failed = await eventually(
        lambda: service.delivery(unfit["id"], event["id"]), lambda it: it.get("attempts")
    )
    assert "4111-1111" in failed["attempts"][0]["error"]
    return [endpoint["secret"], rotated["secret"], unfit["secret"]]
