"""The API on a namespace that is not set up."""

from datetime import timedelta
from http import HTTPStatus

import httpx
from google.protobuf.duration_pb2 import Duration
from support.stack import CODEC, api_client, api_config, unique
from support.waiting import eventually
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from hookwright.temporal import connect, set_up_namespace


async def test_a_namespace_that_is_not_set_up(client: Client) -> None:
    """A tenant is refused by a 503 that names the command, until that has run."""
    address = client.service_client.config.target_host
    bare = await connect(CODEC, target_host=address, namespace=unique("bare"))
    await bare.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=bare.namespace, workflow_execution_retention_period=Duration(seconds=86400)
        )
    )
    async with api_client(bare, api_config(unique("queue"))) as http:

        async def put() -> httpx.Response:
            return await http.put("/v1/tenants/first", json={"name": "First"})

        # Until the server has noticed the namespace, it answers that there is none.
        refused = await eventually(put, lambda it: "hookwright setup" in it.text, within=60)
        assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "Retry-After" in refused.headers
        await set_up_namespace(bare, timedelta(days=1))
        # The test has no worker, so a namespace that is set up ends in another 503.
        await eventually(put, lambda it: "no worker has answered" in it.text, within=90)
