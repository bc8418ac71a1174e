"""A site is everything that runs during a measurement: a Temporal server and all processes."""

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

from bench.receiver import Receiver, running_receiver
from bench.waiting import until
from hookwright.temporal import EncryptionCodec, connect, set_up_namespace
from runtime.dev import EmbeddedServer, ManagedProcess, free_port, managed_process

ROOT = Path(__file__).parent.parent
RETENTION = timedelta(days=1)
REQUEST_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Site:
    """One server with the API, the worker and the bare worker. This process is the driver."""

    client: Client
    plain_client: Client
    http: httpx.AsyncClient
    receiver: Receiver
    database: Path
    server_version: str
    processes: Mapping[str, psutil.Process]

    async def add_tenant(self, tenant: str, endpoints: int) -> None:
        """Create a tenant whose endpoints all lead to the receiver and get every event."""
        await self._create("PUT", f"/v1/tenants/{tenant}", {"name": tenant})
        for _ in range(endpoints):
            body = {"url": self.receiver.url}
            await self._create("POST", f"/v1/tenants/{tenant}/endpoints", body)

    async def _create(self, method: str, path: str, body: Mapping[str, str]) -> None:
        answer = await self.http.request(method, path, json=body)
        answer.raise_for_status()


@dataclass(frozen=True)
class Keys:
    """The secrets of one site, which exist only as long as the site."""

    operator: str
    payload: bytes

    @classmethod
    def generate(cls) -> "Keys":
        """Return new keys."""
        return cls(f"hwk_bench_{secrets.token_urlsafe(32)}", secrets.token_bytes(32))

    def environment(self, address: str, tree: Path) -> dict[str, str]:
        """Return the environment of the API and the worker, whose code is in the folder `tree`."""
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
async def running_site(
    server: EmbeddedServer, tree: Path = ROOT, worker_options: Sequence[str] = ()
) -> AsyncIterator[Site]:
    """Run a site while the context is open. Every process is ready when the context is entered."""
    keys = Keys.generate()
    environment = keys.environment(server.address, tree)
    port = free_port()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(running_receiver())
        server_log = stack.enter_context((server.state_dir / "server.log").open("w"))
        running = {"server": await stack.enter_async_context(server.running(server_log))}
        client = await connect(EncryptionCodec({"k1": keys.payload}), target_host=server.address)
        await set_up_namespace(client, RETENTION)
        for name, module, *arguments in (
            ("bare worker", "bench.bare_worker", server.address),
            ("worker", "bench.hookwright_worker", *worker_options),
            ("API", "bench.hookwright_api", str(port)),
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
        await until(lambda: _api_answers(http, running["API"]))
        yield Site(
            client=client,
            plain_client=await Client.connect(server.address),
            http=http,
            receiver=receiver,
            database=server.state_dir / "temporal.db",
            server_version=await _server_version(client),
            processes={
                "driver": psutil.Process(),
                **{name: psutil.Process(part.process.pid) for name, part in running.items()},
            },
        )


async def _api_answers(http: httpx.AsyncClient, api: ManagedProcess) -> bool:
    """Return whether the API answers. Any tenant that does not exist gives a 404."""
    api.check_alive()
    try:
        return (await http.get("/v1/tenants/no-such-tenant")).status_code == httpx.codes.NOT_FOUND
    except httpx.TransportError:
        return False


async def _server_version(client: Client) -> str:
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return system.server_version
