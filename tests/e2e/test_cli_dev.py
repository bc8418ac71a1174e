"""`hookwright dev`: real processes, as a newcomer runs them."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from support.commands import Ended, hookwright
from support.running import dev
from support.waiting import assert_eventually

from runtime.dev import EmbeddedServer, free_port

FACADE_BODY = {
    "url": "https://your-app.com/webhooks/reflow",
    "events": ["loan.funded"],
    "secret": "your_webhook_secret",
}


async def shell(line: str) -> dict[str, object]:
    """Run a line as a person pastes it."""
    process = await asyncio.create_subprocess_shell(line, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


def gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    return lambda: not any(process.is_running() for process in processes)


@pytest.mark.timeout(120)
async def test_dev_first_delivery_and_restart(tmp_path: Path) -> None:
    """The curl lines make a delivery each time they are pasted; a restart keeps all, keys too."""
    async with dev(tmp_path) as first:
        tenant, endpoint, event = [await shell(line) for line in first.curls]
        assert tenant["id"] == endpoint["tenant_id"] == "acme"
        await first.command.says(rf"webhook-id: {event['id']}")
        kept = {"tier": "pro", "metadata": {"plan": "gold"}}
        curl = first.curls[0].replace('{"name": "Acme"}', json.dumps(kept))
        assert (await shell(curl))["tier"] == "pro"
        tenant, same, another = [await shell(line) for line in first.curls]
        assert {**tenant, **kept} == tenant
        assert (same["id"], same["secret"]) == (endpoint["id"], endpoint["secret"])
        assert another["id"] != event["id"]
        await first.command.says(rf"webhook-id: {another['id']}")
        link = await first.command.says(rf"{first.api_url}/portal/sign-in\?link=\S+")
        async with httpx.AsyncClient() as http:
            assert "Webhooks of Acme" in (await http.get(link[0])).text
            # A page whose name was made to resolve to this machine asks for its own host.
            rebound = {"host": f"evil.example:{httpx.URL(first.api_url).port}"}
            codec = await http.post(f"{first.api_url}/codec/x/decode", headers=rebound)
            assert codec.status_code == 421
        children = first.children
        assert len(children) == 1
        [tenant_key] = first.tenant_keys
        registered = await first.register("/v1/webhooks", FACADE_BODY, tenant_key)
        assert registered.status_code == 201, registered.text
        assert await first.command.stop(signal.SIGINT) == 0
        assert gone(children)()
    state = tmp_path / ".hookwright"
    assert oct(state.stat().st_mode) == "0o40700"
    assert oct((state / "keys.json").stat().st_mode) == "0o100600"
    async with dev(tmp_path) as second:
        root = "/v1/tenants/acme"
        kept = await second.get(f"{root}/endpoints/{endpoint['id']}")
        assert kept.json()["url"] == endpoint["url"]
        assert second.tenant_keys == {tenant_key}
        delivery = await second.get(f"{root}/deliveries/{endpoint['id']}:{event['id']}")
        assert delivery.json()["state"] == "delivered"
        again = await hookwright("dev", folder=tmp_path)
        assert again == Ended(
            1,
            "error: a `hookwright dev` is using .hookwright;"
            " stop it, or choose another --state-dir and other ports\n",
        )
        children = second.children
        await second.command.stop(signal.SIGKILL)
        await assert_eventually(gone(children))


@pytest.mark.timeout(120)
async def test_dev_publish_and_child_dies(tmp_path: Path) -> None:
    """`publish` finds the key of `dev`; when a part of `dev` dies, it stops the rest and fails."""
    async with dev(tmp_path, "--api-key", "hwk_fixed_0123456789abcdef") as it:
        assert "'Authorization: Bearer hwk_fixed_0123456789abcdef'" in it.curls[0]
        await shell(it.curls[0])
        url = ("--url", it.api_url, "--json")
        done = await hookwright(
            *("publish", "a.b", '{"n": 1}', "--id", "e1", "--tenant", "acme", *url), folder=tmp_path
        )
        assert done.status == 0, done.output
        assert json.loads(done.output)["id"] == "e1"
        refused = await hookwright("publish", "a.b", "--tenant", "nobody", *url, folder=tmp_path)
        assert refused == Ended(5, "error: There is no such tenant. (404 Not Found)\n")
        children = it.children
        [temporal] = children
        temporal.kill()
        assert await it.command.process.wait() == 1
        assert "error: temporal ended with status -9; everything is stopped" in it.command.output()
        assert gone(children)()


async def test_dev_port_in_use(tmp_path: Path, server: EmbeddedServer) -> None:
    """A port in use is one sentence, with the option that helps."""
    free = ["--port", str(free_port()), "--ui-port", str(free_port())]
    it = await hookwright("dev", "--temporal-port", str(server.port), *free, folder=tmp_path)
    assert it.status == 1
    assert it.output == (
        f"error: cannot listen on 127.0.0.1 port {server.port} (address already in use);"
        " choose another with --temporal-port\n"
    )
