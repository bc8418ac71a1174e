"""Everything that runs while we measure: one Temporal server, and each part in its own process."""

import base64
import hashlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client

from bench.receiver import Receiver, receiving
from bench.waiting import until
from hookwright.temporal import EncryptionCodec, connect, set_up_namespace
from runtime.dev import EmbeddedServer, ManagedProcess, free_port, managed_process

ROOT = Path(__file__).parent.parent
RETENTION = timedelta(days=1)
REQUEST_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Site:
    """One server with API, worker and the newcomer's worker, and this process, the driver."""

    client: Client
    plain_client: Client
    http: httpx.AsyncClient
    receiver: Receiver
    database: Path
    server_version: str
    processes: Mapping[str, psutil.Process]

    async def add_tenant(self, tenant: str, endpoints: int) -> None:
        """Create a tenant whose endpoints, all of them at the receiver, want every event."""
        await self._created("PUT", f"/v1/tenants/{tenant}", {"name": tenant})
        for _ in range(endpoints):
            body = {"url": self.receiver.url}
            await self._created("POST", f"/v1/tenants/{tenant}/endpoints", body)

    async def _created(self, method: str, path: str, body: Mapping[str, str]) -> None:
        answer = await self.http.request(method, path, json=body)
        answer.raise_for_status()


@dataclass(frozen=True)
class Keys:
    """Secrets of one site, made for it and gone with it."""

    operator: str
    payload: bytes

    @classmethod
    def fresh(cls) -> "Keys":
        """Make them."""
        return cls(f"hwk_bench_{secrets.token_urlsafe(32)}", secrets.token_bytes(32))

    def environment(self, address: str, tree: Path) -> dict[str, str]:
        """Return what configures API and worker, whose code lies in `tree`."""
        return {
            **os.environ,
            "PYTHONPATH": str(tree),
            "TEMPORAL_ADDRESS": address,
            "HOOKWRIGHT_API_KEYS": f"bench:{hashlib.sha256(self.operator.encode()).hexdigest()}",
            "HOOKWRIGHT_ENCRYPTION_KEYS": f"k1:{base64.b64encode(self.payload).decode()}",
            "HOOKWRIGHT_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
            "HOOKWRIGHT_EGRESS_ALLOW_HTTP": "true",
        }


@asynccontextmanager
async def site(
    server: EmbeddedServer, tree: Path = ROOT, worker_options: Sequence[str] = ()
) -> AsyncIterator[Site]:
    """Run it all while the context lasts. Every process is ready when the context is entered."""
    keys = Keys.fresh()
    environment = keys.environment(server.address, tree)
    port = free_port()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving())
        server_log = stack.enter_context((server.state_dir / "server.log").open("w"))
        running = {"server": await stack.enter_async_context(server.running(server_log))}
        client = await connect(EncryptionCodec({"k1": keys.payload}), target_host=server.address)
        await set_up_namespace(client, RETENTION)
        for name, module, *arguments in (
            ("bare worker", "bench.bare_worker", server.address),
            ("worker", "bench.our_worker", *worker_options),
            ("API", "bench.our_api", str(port)),
        ):
            command = [sys.executable, "-P", "-m", module, *arguments]
            log = stack.enter_context((server.state_dir / f"{module}.log").open("w"))
            running[name] = await stack.enter_async_context(
                managed_process(name, command, environment, log)
            )
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"authorization": f"Bearer {keys.operator}"},
                timeout=REQUEST_TIMEOUT_SECONDS,
                trust_env=False,
            )
        )
        await until(lambda: _answers(http, running["API"]))
        yield Site(
            client=client,
            plain_client=await Client.connect(server.address),
            http=http,
            receiver=receiver,
            database=server.state_dir / "temporal.db",
            server_version=await _server_version(client),
            processes={
                "driver": psutil.Process(),
                **{name: psutil.Process(each.process.pid) for name, each in running.items()},
            },
        )


async def _answers(http: httpx.AsyncClient, api: ManagedProcess) -> bool:
    api.check_alive()
    try:
        return (await http.get("/v1/tenants/nobody")).status_code == httpx.codes.NOT_FOUND
    except httpx.TransportError:
        return False


async def _server_version(client: Client) -> str:
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return system.server_version
