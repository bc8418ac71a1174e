"""A corpus of URLs with verdicts: each is posted to, with the answers of the DNS that it names.

In `destinations.tsv`: URL, verdict, reason, and `dns=` with the answers.
"""

import asyncio
import re
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import httpcore
import pytest
from support.egress_client import TIMEOUT, egress, post

from activities.egress.resolver import NameResolutionError, Resolver
from hookwright.outcomes import Outcome
from hookwright.security import MAX_URL_LENGTH, DestinationPolicy

LINES = Path(__file__).with_name("destinations.tsv").read_text().splitlines()
ROWS = [line.split("\t") for line in LINES if not line.startswith("#")]
ESCAPES = {r"\u202e": "\u202e", r"\u00ad": "\u00ad", r"\t": "\t", r"\r": "\r", r"\n": "\n"}
NEVER_SENT = {Outcome.BLOCKED_DESTINATION, Outcome.DNS_ERROR, Outcome.TIMEOUT}


def expanded(url: str) -> str:
    """Return the URL that a row stands for."""
    for escape, letter in {**ESCAPES, r"\x00": "\0"}.items():
        url = url.replace(escape, letter)
    return url[:-3].ljust(MAX_URL_LENGTH + 1, "a") if url.endswith("...") else url


def resolver(dns: str) -> Resolver:
    """Return what answers every name as the row says."""

    async def resolve(host: str, _: str) -> list[str]:
        with suppress(ValueError):
            return [str(ip_address(host))]
        if dns.endswith("TIMEOUT"):
            await asyncio.Event().wait()
        addresses = re.findall(r"\bA{1,4} (\S+?)(?:;|$)", dns)
        if not addresses:
            raise NameResolutionError("the host name does not resolve")
        return addresses

    return resolve


def test_the_corpus_is_read():
    """All rows are there, and have one of the two verdicts."""
    assert len(ROWS) > 100
    assert {row[1] for row in ROWS} == {"allow", "block"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[1]} {row[2]}")
async def test_every_verdict(row):
    """What is to be blocked is never dialled; what is allowed is, at an address of the row's."""
    url, verdict, _, dns = [*row, ""][:4]
    dialled = []

    async def connect(host, port, *_, **__):
        dialled.append((host, port))
        raise httpcore.ConnectError("refused")

    async with egress(DestinationPolicy(), resolver(dns)) as client:
        client.transport._network.network.connect_tcp = connect
        answer = await post(client, expanded(url), TIMEOUT)
    assert (answer.outcome in NEVER_SENT) is (verdict == "block")
    assert bool(dialled) is (verdict == "allow")
    assert all(host in dns or host in url for host, _ in dialled)
