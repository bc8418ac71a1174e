"""The webhook: its envelope, its bytes and its signature."""

from hookwright.webhook.ecmascript import unsafe_integers
from hookwright.webhook.envelope import contract_document, encode_body, event_document, render
from hookwright.webhook.signing import (
    PUBLIC_KEY_PREFIX,
    check_secret,
    generate_secret,
    public_key,
    secret_for,
    sign,
    standard_content,
    verifying_key,
)

__all__ = [
    "PUBLIC_KEY_PREFIX",
    "check_secret",
    "contract_document",
    "encode_body",
    "event_document",
    "generate_secret",
    "public_key",
    "render",
    "secret_for",
    "sign",
    "standard_content",
    "unsafe_integers",
    "verifying_key",
]
