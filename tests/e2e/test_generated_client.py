"""A client that a generator makes from the OpenAPI document, used against the API.

The generator has an environment of its own: it would choose the versions that the product runs on.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from support.commands import run_command
from support.paths import REPOSITORY
from support.receiver import Receiver
from support.stack import Stack

LOCK = REPOSITORY / "tests/generators/openapi-python-client.lock"
PACKAGE = "hookwright_client_for_tests"
UV = [sys.executable, "-m", "uv"]


async def run(*command: str | Path, folder: Path) -> None:
    """Run a command that must succeed."""
    ended = await run_command(*command, folder=folder)
    assert ended.status == 0, ended.output


@pytest.fixture
def importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make packages in the folder importable, and forget them afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


async def generate(http: httpx.AsyncClient, folder: Path) -> None:
    """Generate the client. A warning, such as a schema that is left out, fails."""
    document = folder / "openapi.json"
    document.write_text((await http.get("/openapi.json")).text)
    config = folder / "config.json"
    config.write_text(json.dumps({"post_hooks": []}))
    await run(*UV, "venv", "--quiet", folder / "env", folder=folder)
    python = folder / "env/bin/python"
    install = ("pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", LOCK)
    await run(*UV, *install, folder=folder)
    await run(
        folder / "env/bin/openapi-python-client",
        *("generate", "--path", document, "--output-path", folder / PACKAGE),
        *("--config", config, "--meta", "none", "--fail-on-warning"),
        folder=folder,
    )


def part(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{name}")


@pytest.mark.timeout(180)
async def test_a_generated_client_works(service: Stack, hooks: Receiver, importing: Path) -> None:
    """It registers, changes one field and no other, publishes, repeats, and reads errors."""
    await generate(service.http, importing)
    client = part("client").AuthenticatedClient(base_url="http://hookwright.test", token="unused")
    client.set_async_httpx_client(service.http)
    models, tenant = part("models"), service.tenant

    create = part("api.endpoints.create_endpoint").asyncio
    endpoint = await create(
        tenant,
        client=client,
        body=models.EndpointCreateRequest(url=f"{hooks.url}/", event_types=["orders/*"]),
    )
    change = part("api.endpoints.change_endpoint").asyncio
    changed = await change(
        tenant,
        endpoint.id,
        client=client,
        body=models.EndpointChangeRequest(description="Accounting"),
    )
    assert (changed.description, changed.event_types) == ("Accounting", ["orders/*"])

    publish = part("api.events.publish_event").asyncio
    body = models.EventPublishRequest(id="evt_1", type_="orders/create", data={"n": 1})
    first = await publish(tenant, client=client, body=body)
    again = await publish(tenant, client=client, body=body)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert first.created_at == again.created_at

    batch = part("api.events.publish_batch").asyncio
    results = await batch(
        tenant,
        client=client,
        body=models.BatchPublishRequest(events=[{"type": "a", "data": 1}, 7]),
    )
    assert [each.status for each in results.results] == [202, 422]

    problem = await part("api.events.get_event").asyncio(tenant, "none", client=client)
    assert isinstance(problem, models.ProblemBody)
    assert problem.status == 404
