"""The whole OpenAPI under schemathesis, with all checks, against API and worker as processes.

`make test` has a bounded number of examples; `make fuzz` has more, and the coverage phase.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from support.commands import BARE, HOOKWRIGHT, run_command
from support.stack import CODEC, KEY_RING, OPERATOR_KEY
from support.waiting import eventually

from hookwright.temporal import connect, set_up_namespace
from runtime.dev import EmbeddedServer, free_port, managed_process
from runtime.keys import digest

TENANT, TENANT_KEY = "acme", "sk_live_0123456789abcdef"
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
BOUNDS = (
    ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "200"]
    if LONG
    else ["--phases", "fuzzing,stateful", "--max-examples", "3", "--generation-deterministic"]
)

CONFIG = """
[checks.positive_data_acceptance]
# What a schema cannot say: that a cursor was made by this API, a URL is public, a text is JMESPath.
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]

[checks.negative_data_rejection]
# A text that is too long may be so long that it is refused with the head that it stands in.
expected-statuses = ["400", "401", "403", "404", "405", "409", "415", "422", "431"]

[[operations]]
# An event may be called `batch`, so GET is allowed there; OpenAPI has it under another path.
include-path = "/v1/tenants/{tenant_id}/events/batch"
phases.coverage.unexpected-methods = ["TRACE"]
"""
OWN_TENANT = f"""
[parameters]
tenant_id = "{TENANT}"
"""


@dataclass(frozen=True)
class Running:
    """The API while it runs."""

    url: str


@pytest_asyncio.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """API and worker as processes, on a Temporal server of their own, and nothing in it."""
    folder, port = tmp_path_factory.mktemp("openapi"), free_port()
    server = EmbeddedServer(folder, free_port())
    environment = {
        **BARE,
        "TEMPORAL_ADDRESS": server.address,
        "HOOKWRIGHT_ENCRYPTION_KEYS": KEY_RING,
        "HOOKWRIGHT_API_KEYS": f"ops:{digest(OPERATOR_KEY)}",
        "HOOKWRIGHT_TENANT_KEYS": f"{TENANT}:{digest(TENANT_KEY)}",
        "HOOKWRIGHT_JWT_KEY": KEY_RING.partition(":")[2],
        "HOOKWRIGHT_FACADES": "all",
    }
    async with AsyncExitStack() as stack:
        log = stack.enter_context((folder / "log").open("w"))
        await stack.enter_async_context(server.running(log))
        client = await connect(CODEC, target_host=server.address)
        await set_up_namespace(client, timedelta(days=1))
        for arguments in (["api", "--port", str(port)], ["worker"]):
            command = [*HOOKWRIGHT, *arguments]
            await stack.enter_async_context(
                managed_process(arguments[0], command, environment, log)
            )
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        )
        await eventually(lambda: ready(http))
        yield Running(str(http.base_url))


async def put_tenant(url: str) -> None:
    """Give the tenant so many requests a minute that few answers are 429.

    It may have been deleted a moment ago; then it is a while until it can be made anew.
    """
    operator = {"authorization": f"Bearer {OPERATOR_KEY}"}
    async with httpx.AsyncClient(base_url=url, headers=operator, trust_env=False) as http:

        async def put() -> bool:
            path = f"/v1/tenants/{TENANT}"
            return (await http.put(path, json={"tier": "enterprise"})).is_success

        await eventually(put, within=60)


async def ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).is_success
    except httpx.TransportError:
        return False


@pytest.mark.timeout(3_600 if LONG else 120)
@pytest.mark.parametrize(
    ("key", "config"), [(OPERATOR_KEY, CONFIG), (TENANT_KEY, CONFIG + OWN_TENANT)]
)
async def test_every_operation(api: Running, tmp_path: Path, key: str, config: str) -> None:
    """Whatever is sent to any operation, the answer is one that OpenAPI describes, and no 5xx."""
    await put_tenant(api.url)
    (tmp_path / "schemathesis.toml").write_text(config)
    ended = await run_command(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{api.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {key}", "--checks", "all", "--no-color"),
        *("--warnings", "off", "--continue-on-failure", "--suppress-health-check", "all"),
        *BOUNDS,
        folder=tmp_path,
    )
    assert ended.status == 0, ended.output
