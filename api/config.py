"""The configuration of the API, which is fixed at its start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.portal_config import PortalConfig
from api.tokens import Tokens
from hookwright.contracts import Contracts
from hookwright.security import DestinationPolicy
from hookwright.temporal import EncryptionCodec

IN_MEMORY = "memory://"
"""Where calls are counted: in each API process by itself. Otherwise it is the URL of a Redis."""


@dataclass(frozen=True)
class ApiConfig:
    """Settings and parts, made at the edge (`runtime`) and handed down.

    `api_keys` maps an operator key's name to its SHA-256 digest in hex, `tenant_keys` the digest of
    a tenant's key to the tenant. `operator_rate_limit` is in requests a minute, None for no limit.
    `facades` names those that are served. `cursor_key` signs cursors. Without `codec_token` there
    is no codec endpoint. With `docs` there are `/docs` and `/openapi.json`.
    Without `allowed_hosts` requests for any host are answered.
    """

    task_queue: str
    api_keys: Mapping[str, str]
    tenant_keys: Mapping[str, str]
    tokens: Tokens
    rate_limit_storage: str
    operator_rate_limit: int | None
    facades: Sequence[str]
    contracts: Contracts
    destinations: DestinationPolicy
    max_body_bytes: int
    cursor_key: bytes
    codec: EncryptionCodec
    codec_token: str | None
    ui_origin: str
    portal: PortalConfig
    docs: bool = True
    allowed_hosts: Sequence[str] = ()
    body_seconds: float = 10.0
    """How long a request's body may take to arrive."""
