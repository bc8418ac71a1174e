"""What the API is told at start."""

from collections.abc import Mapping
from dataclasses import dataclass

from temporalio.converter import PayloadCodec

from hookwright.destinations import DestinationPolicy


@dataclass(frozen=True)
class ApiConfig:
    """Settings and parts, made at the edge (`runtime`) and handed down.

    `api_keys` maps an operator key's name to its SHA-256 digest in hex. `cursor_key` signs
    cursors. Without `codec_token` there is no codec endpoint.
    """

    task_queue: str
    api_keys: Mapping[str, str]
    destinations: DestinationPolicy
    max_body_bytes: int
    cursor_key: bytes
    codec: PayloadCodec
    codec_token: str | None
    ui_origin: str
