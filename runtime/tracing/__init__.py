"""Traces: OpenTelemetry is set up here, and nowhere else is it imported."""

from runtime.tracing.setup import trace_interceptors, traced

__all__ = ["trace_interceptors", "traced"]
