"""The one way to connect, and what a namespace needs."""

from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.converter import PayloadCodec
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from hookwright.temporal.codec import data_converter
from hookwright.temporal.search_attributes import SEARCH_ATTRIBUTES


async def connect(codec: PayloadCodec, **overrides: Any) -> Client:  # noqa: ANN401 - the SDK's own
    """Connect as `TEMPORAL_...` and profiles say (`overrides` win), with our data converter."""
    config: dict[str, Any] = {
        "target_host": "localhost:7233",
        **ClientConfig.load_client_connect_config(),
        **overrides,
    }
    return await Client.connect(**config, data_converter=data_converter(codec))


async def set_up_namespace(client: Client, retention: timedelta) -> list[str]:
    """Make the client's namespace fit: it exists, with retention and search attributes.

    Safe to repeat. Returns what was done, in words.
    """
    kept = Duration(seconds=int(retention.total_seconds()))
    done = []
    try:
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(
                namespace=client.namespace, workflow_execution_retention_period=kept
            )
        )
        done.append(f"namespace {client.namespace} registered")
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace,
            config=NamespaceConfig(workflow_execution_retention_ttl=kept),
        )
    )
    done.append(f"retention is {retention.days} days")
    present = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = {
        key.name: IndexedValueType.ValueType(key.indexed_value_type.value)
        for key in SEARCH_ATTRIBUTES
        if key.name not in present.custom_attributes
    }
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
    done.append(f"search attributes added: {', '.join(missing) or 'none was missing'}")
    return done
