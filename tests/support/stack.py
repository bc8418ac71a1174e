"""The whole product in one test: API, worker and client on one Temporal server."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from api.app import create_app
from api.config import ApiConfig
from api.portal_config import PortalConfig
from api.tokens import Tokens
from hookwright.contracts import Contracts, load_contracts
from hookwright.ids import event_workflow_id
from hookwright.security import DestinationPolicy, parse_networks
from hookwright.temporal import EncryptionCodec
from runtime.keys import digest
from runtime.keys.jwt_keys import secret_key
from runtime.worker import WorkerConfig, worker
from support.waiting import eventually

OPERATOR_KEY = "hwk_test_0123456789abcdef0123456789abcdef"
KEY = bytes(range(32))
KEY_RING = "k1:" + base64.b64encode(KEY).decode()
CODEC = EncryptionCodec({"k1": KEY})
PUBLISH_TRIES = 4
CONTRACTS = load_contracts()
# Filled by tests as they need keys; the API under test reads it at each request.
TENANT_KEYS: dict[str, str] = {}
JWT_SECRET = "jwt-key-for-tests-0123456789abcdef"
TOKENS = Tokens([secret_key(JWT_SECRET)], secret_key(JWT_SECRET))
PORTAL_KEY = b"p" * 32
CODEC_TOKEN = "codec-token-for-tests-0123456789abcdef"
LOOPBACK = DestinationPolicy(
    allow_http=True, allow_networks=parse_networks(["127.0.0.0/8", "::1/128"])
)


def unique(prefix: str) -> str:
    """Return an id that no other test uses."""
    return f"{prefix}_{uuid.uuid4().hex[:12]}"


def api_config(task_queue: str, destinations: DestinationPolicy = LOOPBACK) -> ApiConfig:
    return ApiConfig(
        task_queue=task_queue,
        api_keys={"test": digest(OPERATOR_KEY)},
        tenant_keys=TENANT_KEYS,
        tokens=TOKENS,
        rate_limit_storage="memory://",
        operator_rate_limit=None,
        facades=["all"],
        contracts=CONTRACTS,
        destinations=destinations,
        max_body_bytes=262_144,
        cursor_key=b"c" * 32,
        codec=CODEC,
        codec_token=CODEC_TOKEN,
        ui_origin="http://localhost:8233",
        portal=PortalConfig(key=PORTAL_KEY),
    )


REQUEST_ID = "test"
"""The same for all requests, so that equal answers are equal: each answer repeats it."""


@asynccontextmanager
async def api_client(client: Client, config: ApiConfig) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an operator's HTTP client on the real application."""
    app = create_app(client, config)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport,
            base_url="http://hookwright.test",
            headers={"authorization": f"Bearer {OPERATOR_KEY}", "x-request-id": REQUEST_ID},
            timeout=30,
        ) as http,
    ):
        yield http


@dataclass
class Stack:
    """API and worker on a task queue of their own, with one tenant."""

    client: Client
    http: httpx.AsyncClient
    task_queue: str
    tenant: str

    @property
    def root(self) -> str:
        return f"/v1/tenants/{self.tenant}"

    async def with_new_tenant(self) -> "Stack":
        it = replace(self, tenant=unique("t"))
        async with asyncio.timeout(20):
            answer = await it.http.put(it.root, json={"name": "Test"})
        assert answer.status_code == 201, answer.text
        return it

    async def add_endpoint(self, url: str, **fields: Any) -> dict[str, Any]:
        answer = await self.http.post(f"{self.root}/endpoints", json={"url": url, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def publish(self, **fields: Any) -> dict[str, Any]:
        """Publish; a machine that is too busy to store it in time is asked again, as it says."""
        body = {"id": unique("evt"), "type": "loan.funded", "data": {"n": 1}, **fields}
        for _ in range(PUBLISH_TRIES):
            answer = await self.http.post(f"{self.root}/events", json=body)
            if answer.status_code != 503:
                break
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def out_of_its_task(self, event: str) -> WorkflowHandle[Any, Any]:
        """Wait until the first POST of an event's sole delivery has left its workflow task."""
        delivery = self.client.get_workflow_handle(event_workflow_id(self.tenant, event))
        await eventually(delivery.describe, lambda it: bool(it.raw_description.pending_activities))
        return delivery

    async def delivery(self, endpoint: str, event: str) -> dict[str, Any]:
        answer = await self.http.get(f"{self.root}/deliveries/{endpoint}:{event}")
        return answer.json()


@asynccontextmanager
async def stack(
    client: Client,
    workflow_runner: WorkflowRunner | None = None,
    contracts: Contracts = CONTRACTS,
    **worker_settings: Any,
) -> AsyncIterator[Stack]:
    """Run API and worker while the context lasts. Workflows run in the sandbox."""
    task_queue = unique("queue")
    runner = workflow_runner or SandboxedWorkflowRunner()
    async with (
        worker(client, WorkerConfig(task_queue, LOOPBACK, contracts, **worker_settings), runner),
        api_client(client, replace(api_config(task_queue), contracts=contracts)) as http,
    ):
        yield await Stack(client, http, task_queue, "").with_new_tenant()
