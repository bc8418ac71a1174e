"""The network backend by itself: what it dials, and what it never dials."""

import itertools

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.egress_client import answers, counting_turns
from support.strategies import FORBIDDEN_IPV4

from activities.egress.guarded_network import (
    VETTED_IN_A_TURN,
    BlockedDestinationError,
    GuardedNetwork,
)
from activities.egress.resolver import NameResolutionError
from hookwright.security import DestinationPolicy

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:4700:4700::1111"]


class Dialled(httpcore.AsyncNetworkBackend):
    """Notes what is dialled and refuses to connect."""

    def __init__(self) -> None:
        self.hosts = []

    async def connect_tcp(self, host, port, *_, **__):
        self.hosts.append((host, port))
        raise httpcore.ConnectError("refused")


async def dialled(resolve, times=1):
    network = Dialled()
    guarded = GuardedNetwork(DestinationPolicy(), resolve, network)
    for _ in range(times):
        with pytest.raises((httpcore.ConnectError, BlockedDestinationError)):
            await guarded.connect("t1", "hooks.example.com", 443)
    return network.hosts


async def test_addresses_and_never_names_are_dialled():
    """What is dialled is the vetted address itself, each once, and the families in turn."""
    hosts = await dialled(answers(*PUBLIC, *PUBLIC))
    first, second, other_family = PUBLIC
    assert hosts == [(address, 443) for address in (first, other_family, second)]


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([f"93.1.{n >> 8}.{n & 255}" for n in range(4_000)], ["93.1.0.0", "93.1.0.1", "93.1.0.2"]),
        ([f"2606:4700::{n:x}" for n in range(1, 4_001)], [f"2606:4700::{n}" for n in (1, 2, 3)]),
        (
            [f"93.1.{n >> 8}.{n & 255}" for n in range(4_000)] + ["2606:4700::1"],
            ["93.1.0.0", "2606:4700::1", "93.1.0.1"],
        ),
    ],
)
async def test_a_name_with_thousands_of_addresses(addresses, expected):
    """At most three addresses are dialled, of both families if there are two."""
    assert await dialled(answers(*addresses)) == [(address, 443) for address in expected]


@pytest.mark.parametrize("place", [0, 3, 63, 64, 2_000, 4_000])
async def test_all_of_thousands_are_vetted(place):
    """A forbidden address that would not be dialled is found as well, wherever it stands."""
    addresses = [f"93.1.{n >> 8}.{n & 255}" for n in range(4_000)]
    assert await dialled(answers(*addresses[:place], "10.0.0.1", *addresses[place:])) == []


async def test_others_run_while_thousands_are_vetted():
    """The event loop has a turn after each 64 addresses."""
    addresses = [f"93.1.{n >> 8}.{n & 255}" for n in range(4_000)]
    async with counting_turns() as turns:
        await dialled(answers(*addresses))
    assert turns.count >= 4_000 // VETTED_IN_A_TURN


async def test_a_flipping_resolver():
    """Over 1,000 tries a name that flips between public and loopback is dialled as public only."""
    flips = itertools.cycle([*PUBLIC, "127.0.0.1", "::1"])

    async def resolve(_, __):
        return [next(flips)]

    hosts = await dialled(resolve, times=1_000)
    assert len(hosts) == 600
    assert {host for host, _ in hosts} == set(PUBLIC)


@given(forbidden=FORBIDDEN_IPV4, beside=st.permutations(PUBLIC), place=st.integers(0, 3))
async def test_a_forbidden_answer_anywhere(forbidden, beside, place):
    """Wherever a forbidden address stands among public ones, nothing is dialled."""
    addresses = [*beside[:place], str(forbidden), *beside[place:]]
    assert await dialled(answers(*addresses)) == []


async def test_no_answer():
    """A name without an address is a resolution error."""
    with pytest.raises(NameResolutionError):
        await GuardedNetwork(DestinationPolicy(), answers()).connect("t1", "a.example", 443)
