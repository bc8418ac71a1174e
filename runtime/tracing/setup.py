"""Whether traces are sent, where to, and until when.

OpenTelemetry's own variables say so: `OTEL_EXPORTER_OTLP_ENDPOINT` switches traces on. Its SDK
reads the others by itself (docs/observability.md).
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.client import Interceptor

from hookwright.tracing import recorded_by
from runtime.errors import CommandError

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

FLUSH_SECONDS = 5.0
"""At the end the spans that wait are sent for so long. A collector that is down must not keep a
process from stopping."""

_interceptors: list[Interceptor] = []


def trace_interceptors() -> list[Interceptor]:
    """Return what carries traces through Temporal: interceptors for this process's client."""
    return [*_interceptors]


@contextmanager
def traced() -> Iterator[None]:
    """Send traces while the context is open, if the environment says where to.

    Raises:
        CommandError: traces are wanted, and the packages for them are not installed.
    """
    setting = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    if setting is None or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield
        return
    try:
        # Late, because the packages are an extra, and take time and memory.
        from runtime.tracing.otlp import record  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise CommandError(
            f"{setting} is set, but the packages that send traces are not installed; install them"
            " with `pip install 'hookwright[tracing]'`, or unset it"
        ) from None
    recorder = record()
    _interceptors.append(recorder.interceptor)
    try:
        with recorded_by(recorder.tracer):
            yield
    finally:
        _interceptors.remove(recorder.interceptor)
        # In a thread of its own, because the SDK waits for a collector that is down.
        flushing = threading.Thread(target=recorder.shut_down, daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)
