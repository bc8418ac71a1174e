"""Connecting to Temporal, and what a namespace needs."""

import os
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
from temporalio.service import GrpcCompression, KeepAliveConfig, RPCError, RPCStatusCode

from hookwright.temporal.codec import EncryptionCodec, data_converter
from hookwright.temporal.key_ring import read_key_ring
from hookwright.temporal.search_attributes import SEARCH_ATTRIBUTES

ENCRYPTION_KEYS = "HOOKWRIGHT_ENCRYPTION_KEYS"


KEEP_ALIVE = KeepAliveConfig(interval_millis=12_000, timeout_millis=8_000)
"""A connection that leads nowhere is given up after 20 s; by the SDK's own settings after 45 s. A
Temporal server closes connections that ask more often than every 10 s."""


async def connect(
    codec: PayloadCodec | None = None,
    **overrides: Any,  # noqa: ANN401 - the SDK's own
) -> Client:
    """Connect to Temporal with Hookwright's data converter, which encrypts what is stored.

    The server is the one that `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE` and the other variables and
    profiles of Temporal's environment configuration name (localhost:7233 by default); `overrides`
    are arguments of `Client.connect`, and win. Without a `codec` the keys are those of
    `HOOKWRIGHT_ENCRYPTION_KEYS`, which must be the API's.

    Raises:
        ValueError: `HOOKWRIGHT_ENCRYPTION_KEYS` is not set, or not well-formed.
        RuntimeError: Temporal cannot be reached.
    """
    codec = codec or _codec_of_environment()
    config: dict[str, Any] = {
        "target_host": "localhost:7233",
        "grpc_compression": GrpcCompression.NONE,  # ciphertext does not become smaller
        "keep_alive_config": KEEP_ALIVE,
        **ClientConfig.load_client_connect_config(),
        **overrides,
    }
    return await Client.connect(**config, data_converter=data_converter(codec))


def _codec_of_environment() -> EncryptionCodec:
    try:
        key_ring = read_key_ring(os.environ.get(ENCRYPTION_KEYS, ""))
    except ValueError as error:
        raise ValueError(f"{ENCRYPTION_KEYS}: {error}") from None
    if not key_ring:
        raise ValueError(f"{ENCRYPTION_KEYS} is not set; it must be the same as the API's")
    return EncryptionCodec(key_ring)


async def set_up_namespace(client: Client, retention: timedelta) -> list[str]:
    """Create the client's namespace if need be, and set its retention and search attributes.

    Safe to repeat. Returns what was done, in sentences.
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
