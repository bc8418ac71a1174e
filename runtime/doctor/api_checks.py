"""Checks of the API as a caller sees it: is it there, is it ready, and does the key open it?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from runtime.doctor.findings import Finding, clocks, failed, ok, skipped, warning
from runtime.errors import CommandError
from runtime.remote import ApiClient, find_connection, path_of

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def examine(options: Mapping[str, Any]) -> list[Finding]:
    """Return what was found."""
    try:
        connection = find_connection(**options)
    except CommandError as error:
        return [failed("API", str(error), "Give --url and --key, or set them in the environment.")]
    with ApiClient(connection) as api:
        try:
            api.get("/healthz")
        except CommandError as error:
            return [
                failed("API", str(error), "Start it with `hookwright serve`, or correct --url.")
            ]
        findings = [_transport(connection.url)]
        if api.clock_of_api:
            ahead = (api.clock_of_api - datetime.now(UTC)).total_seconds()
            findings.append(clocks("clock of the API", "the API", ahead))
        return [*findings, _ready(api), _key(api)]


def _transport(url: str) -> Finding:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return warning(
            "API",
            f"{url} answers, without TLS: the key travels in clear.",
            "Put a proxy with TLS before it, and call it by https://.",
        )
    return ok("API", f"{url} answers.")


def _ready(api: ApiClient) -> Finding:
    try:
        api.get("/readyz")
    except CommandError as error:
        remedy = "Look at Temporal and the workers: the API accepts events only with Temporal."
        return failed("API ready", str(error), remedy)
    return ok("API ready", "It reaches Temporal, and a worker runs.")


def _key(api: ApiClient) -> Finding:
    try:
        caller = api.get(path_of("whoami"))
    except CommandError as error:
        return failed("API key", str(error), "Set HOOKWRIGHT_KEY to a key that it knows.")
    if caller["kind"] == "operator":
        return ok("API key", f"It is the operator key {caller['name']}.")
    return skipped("API key", f"It is good for the tenant {caller['tenant_id']} only.")
