"""What the documents print for a shell runs as printed, against an API that serves HTTP."""

import asyncio
import re
import shutil
import sys
from pathlib import Path

import pytest
from support.commands import BARE
from support.receiver import Receiver, Reply
from support.stack import KEY_RING, OPERATOR_KEY, Stack
from support.waiting import assert_eventually, eventually
from temporalio.client import Client

from runtime.dev import EmbeddedServer

REPOSITORY = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"^([A-Z]+)=", re.MULTILINE)
# Stands before the printed lines: each curl tells its status, on a line of its own.
TELLING = """
set -euo pipefail
curl() { command curl --noproxy '*' -w '%{stderr}%{http_code}\\n' "$@"; }
"""

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "jq"))), reason="needs bash, curl and jq"
)


def printed(page: str) -> tuple[set[str], str]:
    """Return the variables that a page's first block with `API=` sets, and the blocks after it."""
    blocks = BLOCK.findall((REPOSITORY / page).read_text())
    first = next(number for number, block in enumerate(blocks) if block.startswith("API="))
    lines = [block for block in blocks[first + 1 :] if "curl" in block]
    return set(VARIABLE.findall(blocks[first])), "\n".join(lines)


async def run(page: str, **variables: str) -> list[int]:
    """Run a page's blocks in one shell, and return the status that each curl got."""
    named, lines = printed(page)
    assert named == variables.keys()
    script = TELLING + "\n".join(f"{name}={value!r}" for name, value in variables.items())
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{script}\n{lines}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, told = await process.communicate()
    assert process.returncode == 0, output + told
    statuses = [int(line) for line in told.decode().split()]
    assert len(statuses) == len(re.findall(r"\bcurl -", lines)), told
    return statuses


async def complaints(program: str, **environment: str) -> str:
    """Run a program to its end, and return what it wrote to standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        env=BARE | environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    return told.decode()


async def test_publishing(service: Stack, api_url: str, hooks: Receiver) -> None:
    """The README and docs/publishing.md publish an event, and it arrives."""
    await service.add_endpoint(hooks.url)
    for page in ("README.md", "docs/publishing.md"):
        assert await run(page, API=api_url, KEY=OPERATOR_KEY, TENANT=service.tenant) == [202]
    await assert_eventually(lambda: {*hooks.ids()} == {"inv_41", "inv_43"})


async def test_publishing_from_python(server: EmbeddedServer, client: Client) -> None:
    """The README and docs/publishing.md publish from Python; the latter expects a repeat."""
    set_here = {"TEMPORAL_ADDRESS": server.address, "HOOKWRIGHT_ENCRYPTION_KEYS": KEY_RING}
    event = client.get_workflow_handle("event:acme:inv_42")
    try:
        for page, repeat_fails in (("README.md", True), ("docs/publishing.md", False)):
            [program] = re.findall(
                r"^```python\n(import asyncio.*?)^```$",
                (REPOSITORY / page).read_text(),
                re.MULTILINE | re.DOTALL,
            )
            assert "Error" not in await complaints(program, **set_here)
            assert (await event.describe()).workflow_type == "Event"
            told = await complaints(program, **set_here)
            assert ("WorkflowAlreadyStartedError" in told) == repeat_fails
    finally:
        await event.terminate()  # nobody works on its queue here


async def test_recovering(service: Stack, api_url: str, hooks: Receiver) -> None:
    """docs/recovering.md: one pending delivery is retried and cancelled, the failed are recovered.

    They are enough to be under way while the recovery is paused, resumed and cancelled.
    """
    hooks.behave = lambda _: Reply(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    for _ in range(30):
        await service.publish()

    async def listed(state: str) -> int:
        query = {"state": state, "limit": 100}
        answer = await service.http.get(f"{service.root}/deliveries", params=query)
        return len(answer.json().get("data", []))

    await eventually(lambda: listed("exhausted"), lambda number: number == 30, within=30)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    waiting = {"retry": {"schedule_seconds": [600]}}
    assert (await service.http.patch(path, json=waiting)).status_code == 200
    await service.publish()
    await eventually(lambda: listed("pending"), lambda number: number == 1)
    statuses = await run("docs/recovering.md", API=api_url, KEY=OPERATOR_KEY, TENANT=service.tenant)
    assert statuses == [200, 200, 200, 202, 202, 202, 200, 200, 200, 200, 200]


async def test_tokens(service: Stack, api_url: str) -> None:
    """docs/tokens.md makes a token, and revokes all without another change to the tenant."""
    settings = {"name": "Kept", "tier": "pro", "metadata": {"plan": "x"}, "hold_for_seconds": 60}
    assert (await service.http.put(service.root, json=settings)).status_code == 200
    statuses = await run("docs/tokens.md", API=api_url, KEY=OPERATOR_KEY, TENANT=service.tenant)
    assert statuses == [201, 200]
    tenant = (await service.http.get(service.root)).json()
    assert {name: tenant[name] for name in settings} == settings
    assert tenant["tokens_not_before"]


async def test_notifications(service: Stack, api_url: str) -> None:
    """docs/notifications.md names who is told, without another change to the tenant."""
    settings = {"name": "Kept", "tier": "pro", "metadata": {"plan": "x"}}
    assert (await service.http.put(service.root, json=settings)).status_code == 200
    page = "docs/notifications.md"
    statuses = await run(page, API=api_url, KEY=OPERATOR_KEY, TENANT=service.tenant)
    assert statuses == [200]
    tenant = (await service.http.get(service.root)).json()
    assert {name: tenant[name] for name in settings} == settings
    assert tenant["notify"] == {"emails": ["ops@example.com"], "slack_host": "hooks.slack.com"}


async def test_contracts(api_url: str, hooks: Receiver) -> None:
    """docs/contracts.md chooses a contract for a tenant and an endpoint, and rotates a secret."""
    statuses = await run(
        "docs/contracts.md", API=api_url, KEY=OPERATOR_KEY, CONTRACT="clearway", RECEIVER=hooks.url
    )
    assert statuses == [201, 201, 200, 200]
