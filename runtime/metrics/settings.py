"""Where a process serves its metrics."""

from ipaddress import ip_address
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode

FIRST_PORT_TOO_LARGE = 65_536


class MetricsAddress(NamedTuple):
    """An address of this machine and a port."""

    host: str
    port: int


def parse_address(text: object) -> object:
    """Parse `127.0.0.1:9464` or `[::1]:9464`; an empty text is None."""
    if not isinstance(text, str):
        return text
    if not text.strip():
        return None
    host, _, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (_is_address(host) and port.isdecimal() and 0 < int(port) < FIRST_PORT_TOO_LARGE):
        raise ValueError(
            "write it as address:port, such as 127.0.0.1:9464, 0.0.0.0:9464 or [::1]:9464"
        )
    return MetricsAddress(host, int(port))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class MetricsSettings(BaseSettings):
    """Whether and where Prometheus can read the metrics of a process."""

    metrics_address: Annotated[MetricsAddress | None, NoDecode, BeforeValidator(parse_address)] = (
        Field(
            default=None,
            description="The address and port at which Prometheus reads /metrics: 127.0.0.1:9464."
            " Unset: no metrics are served.",
        )
    )
