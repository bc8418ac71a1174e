"""Checks of the way out: what webhooks may reach, and whether a receiver can be reached."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from activities.egress import Proxy
from hookwright.security import DestinationPolicy
from runtime.doctor.findings import Finding, failed, ok, warning
from runtime.settings import Settings

CONNECT_SECONDS = 5.0


async def examine(settings: Settings, to: str | None) -> list[Finding]:
    """Return what was found. `to` is a URL that webhooks should reach."""
    proxy = settings.proxy
    findings = [_policy(settings)]
    if proxy:
        findings.append(await _proxy(proxy))
    if to:
        findings.append(await _receiver(settings.destinations, to, proxy))
    return findings


def _policy(settings: Settings) -> Finding:
    if settings.egress_allow_http:
        return warning(
            "egress",
            "Webhooks may go out without TLS.",
            "Unset HOOKWRIGHT_EGRESS_ALLOW_HTTP in production.",
        )
    networks = ", ".join(settings.egress_allow_cidrs)
    also = f", and to {networks}" if networks else ""
    return ok("egress", f"Webhooks go over https to public addresses{also}.")


async def _proxy(proxy: Proxy) -> Finding:
    where = f"{proxy.host}:{proxy.port}"
    if fault := await _fault_of_connection(proxy.host, proxy.port):
        remedy = "Start the proxy, or correct HOOKWRIGHT_EGRESS_PROXY."
        return failed("egress proxy", f"{where} {fault}.", remedy)
    return ok("egress proxy", f"{where} accepts connections.")


async def _receiver(policy: DestinationPolicy, url: str, proxy: Proxy | None) -> Finding:
    """Look at one receiver. Nothing is sent to it: `hookwright endpoints test` does that."""
    try:
        parts = urlsplit(policy.check_url(url))
    except ValueError as error:
        return failed("receiver", f"Webhooks may not go there: {error}.", "Correct the URL.")
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if proxy:
        return ok("receiver", f"The proxy resolves {host} and decides whether it may be reached.")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        remedy = "Correct the name, or the resolver of this machine (/etc/resolv.conf)."
        return failed("receiver", f"{host} does not resolve: {error.strerror}.", remedy)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if forbidden := [it for it in addresses if not policy.allows(ipaddress.ip_address(it))]:
        return failed(
            "receiver",
            f"{host} resolves to {', '.join(forbidden)}, where webhooks may not go.",
            "If it is meant so, add its network to HOOKWRIGHT_EGRESS_ALLOW_CIDRS.",
        )
    if fault := await _fault_of_connection(addresses[0], port):
        remedy = "Look at the firewall of this machine, and at the receiver."
        return failed("receiver", f"{host}:{port} {fault}.", remedy)
    return ok("receiver", f"{host}:{port} accepts connections.")


async def _fault_of_connection(host: str, port: int) -> str | None:
    """Return why no connection can be opened, or None."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return f"does not answer within {CONNECT_SECONDS:g} s"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error})"
    writer.close()
    return None
