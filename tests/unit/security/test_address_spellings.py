"""Every way to write a forbidden IPv4 address, as a URL and as an answer of the DNS."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.nat64 import local_nat64
from support.strategies import FORBIDDEN_IPV4, FORBIDDEN_RANGES

from hookwright.security import DestinationPolicy, parse_networks

PUBLIC = DestinationPolicy()
ANYTHING_GOES_BUT_ADDRESSES = DestinationPolicy(allow_http=True)
DIGITS = {ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)}
RADICES = (str, hex, lambda part: f"0{part:o}", lambda part: f"{part:03d}")


def ipv4_spellings(address: IPv4Address) -> Iterator[str]:
    """Write it as `inet_aton` reads it: decimal, octal, hex; four, three, two parts or one."""
    a, b, c, d = address.packed
    whole = int(address)
    for parts in ([a, b, c, d], [a, b, (c << 8) + d], [a, whole & 0xFFFFFF], [whole]):
        yield ".".join(map(str, parts))
        yield ".".join(f"0{part:o}" for part in parts)
        yield ".".join(f"0o{part:o}" for part in parts)
        yield ".".join(map(hex, parts))
        yield ".".join(hex(part).upper() for part in parts)
    yield f"{a:03d}.{b:03d}.{c:03d}.{d:03d}"
    yield f"{address}."
    yield f"{address}".translate(DIGITS)
    yield f"{address}".replace(".", "。")
    yield f"{address}".replace(".", "%2e")
    yield f"[{address}]"


def ipv6_spellings(address: IPv4Address) -> Iterator[IPv6Address]:
    """Carry it in IPv6 as translators and tunnels do."""
    low = int(address)
    yield IPv6Address(low)  # IPv4-compatible
    yield IPv6Address((0xFFFF << 32) + low)  # IPv4-mapped
    yield IPv6Address((0xFFFF << 48) + low)  # IPv4-translated, RFC 2765
    yield IPv6Address((0x0064FF9B << 96) + low)  # NAT64
    yield IPv6Address((0x0064FF9B0001 << 80) + low)  # NAT64 in the local prefix
    yield IPv6Address((0x2002 << 112) + (low << 80) + 1)  # 6to4
    yield IPv6Address((0x20010000 << 96) + (low << 64))  # Teredo, as its server
    yield IPv6Address((0x20010000 << 96) + (0x08080808 << 64) + (low ^ 0xFFFFFFFF))  # its client
    for prefix in (0, 0xFE80 << 112, 0xFD00 << 112):  # ISATAP
        yield IPv6Address(prefix + (0x5EFE << 32) + low)
        yield IPv6Address(prefix + (0x02005EFE << 32) + low)


def assert_refused(url: str) -> None:
    for policy in (PUBLIC, ANYTHING_GOES_BUT_ADDRESSES):
        with pytest.raises(ValueError, match=r"^the "):
            policy.check_url(url)


@given(address=FORBIDDEN_IPV4)
def test_every_spelling_of_a_forbidden_address(address):
    """No spelling of a forbidden IPv4 address passes as a URL's host."""
    for host in ipv4_spellings(address):
        assert_refused(f"https://{host}/")
        assert_refused(f"https://{host}:8443/in")


@given(address=FORBIDDEN_IPV4, radices=st.lists(st.sampled_from(RADICES), min_size=4, max_size=4))
def test_mixed_radices(address, radices):
    """Mixing decimal, octal and hex in one address does not pass either."""
    parts = zip(radices, address.packed, strict=True)
    host = ".".join(write(part) for write, part in parts)
    assert_refused(f"https://{host}/")


@given(address=FORBIDDEN_IPV4)
def test_every_way_to_carry_it_in_ipv6(address):
    """No IPv6 address that carries a forbidden IPv4 address passes, as a URL or as an answer."""
    for carrier in ipv6_spellings(address):
        assert not PUBLIC.allows(carrier)
        assert_refused(f"https://[{carrier}]/")
        assert_refused(f"https://[{carrier.exploded}]/")


@given(address=st.ip_addresses(v=4))
@settings(max_examples=200)
def test_an_address_by_itself(address):
    """An IPv4 address may be dialled exactly if it is in none of the forbidden ranges."""
    forbidden = any(address in IPv4Network(network) for network in FORBIDDEN_RANGES)
    assert PUBLIC.allows(address) is not forbidden


@pytest.mark.parametrize("network", [IPv4Network(it) for it in FORBIDDEN_RANGES], ids=str)
def test_both_ends_of_a_range(network):
    """The first and the last address of a forbidden range are in it."""
    assert not PUBLIC.allows(network[0])
    assert not PUBLIC.allows(network[-1])


@given(address=st.ip_addresses(v=6))
def test_ipv6_outside_global_unicast(address):
    """An IPv6 address outside 2000::/3 and NAT64, or with a zone, may never be dialled."""
    inside = int(address) >> 125 == 0b001
    is_nat64 = int(address) >> 32 == 0x0064FF9B << 64
    assert inside or is_nat64 or not PUBLIC.allows(address)
    assert not PUBLIC.allows(ip_address(f"{address}%eth0"))


@given(address=st.ip_addresses(v=4))
@settings(max_examples=200)
def test_nat64(address):
    """A NAT64 address may be dialled exactly if the IPv4 address inside may; with a zone, never."""
    carrier = IPv6Address((0x0064FF9B << 96) + int(address))
    assert PUBLIC.allows(carrier) is PUBLIC.allows(address)
    assert not PUBLIC.allows(ip_address(f"{carrier}%eth0"))


@given(address=st.ip_addresses(v=4))
def test_the_local_prefix_of_nat64(address):
    """Nobody can tell which IPv4 address is inside, so it is closed with a public one as well."""
    for carrier in local_nat64(address):
        assert not PUBLIC.allows(carrier)


@given(address=FORBIDDEN_IPV4)
def test_what_is_open_here_is_not_open_behind_a_gateway(address):
    """An open IPv4 network does not open the gateway's machine at the same address."""
    opened = DestinationPolicy(allow_networks=parse_networks(["0.0.0.0/0"]))
    assert opened.allows(address)
    assert not opened.allows(IPv6Address((0x0064FF9B << 96) + int(address)))
