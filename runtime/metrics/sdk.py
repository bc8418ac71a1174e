"""The metrics of Temporal's SDK. Its core counts and writes them by itself, in Rust."""

import asyncio
import socket
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

import structlog
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

LOOPBACK = "127.0.0.1"
TRIES = 5
TIMEOUT_SECONDS = 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SdkMetrics:
    """A runtime for Temporal's client, and where it serves its metrics: on this machine only."""

    runtime: Runtime
    port: int

    @classmethod
    def start(cls) -> "SdkMetrics":
        """Make the runtime, with a port of its own.

        Raises:
            ValueError: no port could be used.
        """
        for _ in range(TRIES):
            port = _free_port()
            prometheus = PrometheusConfig(
                f"{LOOPBACK}:{port}",
                counters_total_suffix=True,
                unit_suffix=True,
                durations_as_seconds=True,
            )
            telemetry = TelemetryConfig(metrics=prometheus, attach_service_name=False)
            try:
                return cls(Runtime(telemetry=telemetry), port)
            except ValueError as error:  # another process was faster
                taken = error
        raise taken

    async def text(self) -> bytes:
        """Return the metrics in Prometheus's format; nothing if they cannot be read."""
        try:
            return await asyncio.to_thread(self._read)
        except (OSError, HTTPException) as error:
            log.warning("metrics.sdk_unreadable", error=str(error) or type(error).__name__)
            return b""

    def _read(self) -> bytes:
        with closing(HTTPConnection(LOOPBACK, self.port, timeout=TIMEOUT_SECONDS)) as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read()


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
