"""The one way out to tenants' URLs."""

from activities.egress.error_texts import MAX_ERROR_BYTES, clip
from activities.egress.http_client import Answer, Egress, tls_context
from activities.egress.proxied_network import Proxy

__all__ = ["MAX_ERROR_BYTES", "Answer", "Egress", "Proxy", "clip", "tls_context"]
