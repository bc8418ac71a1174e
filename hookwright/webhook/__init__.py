"""The webhook: its envelope, its bytes and its signature."""

from hookwright.webhook.ecmascript import unsafe_integers
from hookwright.webhook.envelope import contract_document, encode_body, event_document, render
from hookwright.webhook.headers import Posting, contract_headers, operator_headers
from hookwright.webhook.hops import MAX_HOPS, hops_of, user_agent
from hookwright.webhook.signing import (
    PUBLIC_KEY_PREFIX,
    check_secret,
    generate_secret,
    new_secret,
    next_secret,
    public_key,
    secret_for,
    sign,
    standard_content,
    verifying_key,
)
from hookwright.webhook.template_signature import (
    Signable,
    read_template,
    template_digest,
    template_key,
)

__all__ = [
    "MAX_HOPS",
    "PUBLIC_KEY_PREFIX",
    "Posting",
    "Signable",
    "check_secret",
    "contract_document",
    "contract_headers",
    "encode_body",
    "event_document",
    "generate_secret",
    "hops_of",
    "new_secret",
    "next_secret",
    "operator_headers",
    "public_key",
    "read_template",
    "render",
    "secret_for",
    "sign",
    "standard_content",
    "template_digest",
    "template_key",
    "unsafe_integers",
    "user_agent",
    "verifying_key",
]
