"""The command line: real processes, as an operator runs them."""

import signal
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook
from support.commands import hookwright
from support.running import running
from support.stack import unique

from hookwright.webhook import generate_secret
from runtime.dev import EmbeddedServer, free_port
from runtime.keys import new_encryption_key

SECRET = generate_secret()


@pytest.mark.parametrize("service", ["api", "worker", "serve"])
async def test_no_encryption_key(service: str, tmp_path: Path) -> None:
    """Without an encryption key nothing starts, and the error says how to make one."""
    it = await hookwright(service, folder=tmp_path)
    assert it.status == 1
    assert it.output.startswith("error: HOOKWRIGHT_ENCRYPTION_KEYS is not set; make one with:")
    assert it.output.count("\n") == 1


@pytest.mark.parametrize("service", ["worker", "serve"])
async def test_invalid_settings_are_named(service: str, tmp_path: Path) -> None:
    """An invalid setting is named with its fault, and its value is not repeated."""
    wrong = {"HOOKWRIGHT_ENCRYPTION_KEYS": "k1:c2VjcmV0", "HOOKWRIGHT_API_KEYS": "hwk_a_secret"}
    it = await hookwright(service, folder=tmp_path, **wrong)
    assert it.status == 1
    assert "HOOKWRIGHT_ENCRYPTION_KEYS: key k1: not 32 bytes in base64" in it.output
    assert "HOOKWRIGHT_API_KEYS: write it as name:value" in it.output
    assert "c2VjcmV0" not in it.output
    assert "hwk_a" not in it.output


@pytest.mark.parametrize("service", ["api", "serve"])
async def test_unknown_facade(service: str, tmp_path: Path) -> None:
    """An unknown facade stops the API at start, and the error names the known ones."""
    it = await hookwright(
        *(service, "--port", str(free_port())),
        folder=tmp_path,
        HOOKWRIGHT_ENCRYPTION_KEYS=new_encryption_key(),
        HOOKWRIGHT_FACADES="reflow,nonesuch",
    )
    assert it.status == 1
    assert it.output.splitlines()[-1] == (
        "error: HOOKWRIGHT_FACADES: no such facade: nonesuch;"
        " there are: all, clearway, cr3dentials, dossier, plain, reflow"
    )


async def test_setup_twice(tmp_path: Path, server: EmbeddedServer) -> None:
    """`setup` makes a namespace fit, and says so again when it is repeated."""
    where = {"TEMPORAL_ADDRESS": server.address, "TEMPORAL_NAMESPACE": unique("namespace")}
    first = await hookwright("setup", folder=tmp_path, **where)
    assert first.status == 0, first.output
    assert f"namespace {where['TEMPORAL_NAMESPACE']} registered" in first.output
    assert "search attributes added: TenantId, EndpointId, EventId, EventType" in first.output
    second = await hookwright("setup", folder=tmp_path, **where)
    assert second.status == 0, second.output
    assert "registered" not in second.output
    assert "none was missing" in second.output


async def test_worker_without_setup(tmp_path: Path, server: EmbeddedServer) -> None:
    """A worker on a namespace that is not there says what to run, with no traceback."""
    it = await hookwright(
        "worker",
        folder=tmp_path,
        TEMPORAL_ADDRESS=server.address,
        TEMPORAL_NAMESPACE=unique("namespace"),
        HOOKWRIGHT_ENCRYPTION_KEYS=new_encryption_key(),
    )
    assert it.status == 1
    assert "did you run `hookwright setup`?" in it.output
    assert "Traceback" not in it.output


async def test_setup_without_temporal(tmp_path: Path) -> None:
    """Without a Temporal server `setup` gives up after the time it was given."""
    nowhere = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    it = await hookwright("setup", "--wait", "0", folder=tmp_path, **nowhere)
    assert it.status == 1
    assert "error: Temporal did not answer within 0 s" in it.output


async def test_listen_verifies(tmp_path: Path) -> None:
    """`listen` accepts a stranger's good signature, and refuses an altered body and an old time."""
    port = free_port()
    body = '{"type":"invoice.paid"}'
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("evt_1", now, body)
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": f"v1,bm90IHRoaXMgb25l {signature}",
    }
    old = headers | {"webhook-timestamp": str(int(now.timestamp()) - 301)}
    async with (
        running("listen", "--port", str(port), "--secret", SECRET, folder=tmp_path) as it,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        await it.says("Listening on")
        answers = [
            await http.post("/hooks", content=content, headers=given)
            for content, given in ((body, headers), (body + " ", headers), (body, old), (body, {}))
        ]
        assert [answer.status_code for answer in answers] == [200, 401, 401, 401]
        await it.says("signature verified")
        await it.says("does not match this secret and body")
        assert SECRET not in it.output()
        assert await it.stop(signal.SIGTERM) == 0


async def test_publish_prints_the_problem(tmp_path: Path) -> None:
    """`publish` says the reason, which its exit status tells: not JSON, no key, nobody there."""
    nobody = f"http://127.0.0.1:{free_port()}"
    to_acme = ("--tenant", "acme", "--url", nobody)
    key = ("--key", "hwk_a_b")
    for arguments, status, reason in (
        (("invoice.paid", "{", *to_acme, *key), 1, "error: The data is not JSON"),
        (("invoice.paid", *to_acme), 4, "error: No key is known"),
        (("invoice.paid", *to_acme, *key), 3, f"error: {nobody} cannot be reached"),
    ):
        it = await hookwright("publish", *arguments, folder=tmp_path)
        assert it.status == status
        assert it.output.startswith(reason)
