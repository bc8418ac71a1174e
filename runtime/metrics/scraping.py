"""What Prometheus reads: our own metrics and those of Temporal's SDK, in one answer."""

from collections.abc import Coroutine
from dataclasses import dataclass
from socket import socket
from typing import Any

from prometheus_client import disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hookwright.metrics import REGISTRY
from runtime.http import listening_socket, serve
from runtime.metrics.counting import Counting
from runtime.metrics.sdk import SdkMetrics
from runtime.metrics.settings import MetricsAddress

SETTING = "HOOKWRIGHT_METRICS_ADDRESS"


@dataclass(frozen=True)
class Scraping:
    """The metrics that a process serves at an address of their own; or none, without a listener.

    The API's port never has them: what stands before it lets tenants in.
    """

    listener: socket | None = None
    sdk: SdkMetrics | None = None

    @classmethod
    def at(cls, address: MetricsAddress | None) -> "Scraping":
        """Return what serves metrics at this address.

        Raises:
            CommandError: The address cannot be used.
        """
        if address is None:
            return cls()
        # Otherwise there are twice as many series: when each one began. It has no type.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        return cls(listening_socket(*address, SETTING), SdkMetrics.start())

    @property
    def client_options(self) -> dict[str, Any]:
        """Arguments for Temporal's client, so that the SDK counts what it does."""
        return {"runtime": self.sdk.runtime} if self.sdk else {}

    def parts(self, counting: Counting | None = None) -> dict[str, Coroutine[None, None, None]]:
        """Return what is to run: nothing if no metrics are served."""
        if self.listener is None:
            return {}
        serving = {"metrics server": serve(self.app(), self.listener)}
        return serving | ({"count for metrics": counting.run()} if counting else {})

    def app(self) -> Starlette:
        """Return the application that answers Prometheus."""
        return Starlette(routes=[Route("/metrics", self._answer)])

    async def _answer(self, _: Request) -> Response:
        sdk = await self.sdk.text() if self.sdk else b""
        return Response(generate_latest(REGISTRY) + sdk, media_type=CONTENT_TYPE_PLAIN_0_0_4)
