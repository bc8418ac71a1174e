"""Egress: the only code that opens connections to tenants' URLs."""

from activities.egress.http_client import MAX_ERROR_BYTES, Answer, Egress, clip, tls_context
from activities.egress.proxied_network import Proxy

__all__ = ["MAX_ERROR_BYTES", "Answer", "Egress", "Proxy", "clip", "tls_context"]
