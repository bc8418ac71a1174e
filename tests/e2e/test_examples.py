"""The example receivers: run as they are, they accept what is signed and refuse the rest."""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from support.node import NODE, install_packages
from support.paths import REPOSITORY
from support.waiting import eventually
from support.webhooks import signed_headers

from hookwright.contracts import load_contracts
from hookwright.webhook import generate_secret
from runtime.dev import free_port, managed_process

EXAMPLES = REPOSITORY / "docs/examples"
CONTRACTS = load_contracts()
SECRET = generate_secret()
# One byte of it is not ASCII, and spaces are kept: it must be verified as it is.
BODY = '{"type": "loan.funded", "id": "evt_1", "data": {"name": "Zoë"}}'.encode()
UVICORN = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "receiver_fastapi:app"]
FLASK = [sys.executable, "-m", "flask", "--app", str(EXAMPLES / "receiver_flask.py"), "run"]


@asynccontextmanager
async def running(command: Sequence[str], port: int) -> AsyncIterator[httpx.AsyncClient]:
    """Run a receiver while the context lasts, and yield a client of it."""
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    url = f"http://127.0.0.1:{port}"
    async with (
        managed_process("receiver", command, environment) as process,
        httpx.AsyncClient(base_url=url) as http,
    ):

        async def answers() -> bool:
            process.check_alive()
            try:
                return await http.get("/") is not None
            except httpx.TransportError:
                return False

        await eventually(answers, within=30)
        yield http


async def check(http: httpx.AsyncClient, contract: str) -> None:
    """Send what is genuine, twice, then what is not."""
    chosen = CONTRACTS[contract]
    genuine = signed_headers(chosen, [generate_secret(), SECRET], BODY)
    strange = signed_headers(chosen, [generate_secret()], BODY)
    old = signed_headers(chosen, [SECRET], BODY, now=1)
    changed = BODY.replace(b"funded", b"fundex")
    sent = [(BODY, genuine), (BODY, genuine), (BODY, strange), (changed, genuine)]
    sent += [(BODY + b" ", genuine), (b"", genuine), (BODY, old), (BODY, {})]
    answers = [
        await http.post("/hooks", content=body, headers={"content-type": "application/json", **it})
        for body, it in sent
    ]
    assert [answer.status_code for answer in answers] == [204, 204, *[401] * 6]
    assert all(SECRET not in answer.text for answer in answers)


async def test_fastapi() -> None:
    """The receiver in FastAPI takes genuine webhooks of `standard`, and no others."""
    port = free_port()
    async with running([*UVICORN, "--port", str(port)], port) as http:
        await check(http, "standard")


async def test_flask() -> None:
    """The receiver in Flask takes genuine webhooks of `clearway`, and no others."""
    port = free_port()
    async with running([*FLASK, "--port", str(port)], port) as http:
        await check(http, "clearway")


@pytest.mark.timeout(180)
async def test_express(tmp_path: Path) -> None:
    """The receiver in Express takes genuine webhooks of `standard`, and no others."""
    for name in ("receiver_express.js", "package.json", "package-lock.json"):
        shutil.copy(EXAMPLES / name, tmp_path)
    await install_packages(tmp_path)
    async with running([str(NODE), str(tmp_path / "receiver_express.js")], free_port()) as http:
        await check(http, "standard")


def test_lock_names_no_host() -> None:
    """The lock of the Express example leaves the registry to whoever installs, hashes fixed."""
    lock = (EXAMPLES / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity": "sha512-' in lock
