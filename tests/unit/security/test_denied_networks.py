"""Networks that the operator closes stay closed, whatever is allowed and however it is written."""

from ipaddress import IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.nat64 import local_nat64

from hookwright.security import DestinationPolicy, parse_networks

DENIED_IPV4, DENIED_IPV6 = ip_network("93.184.216.0/24"), ip_network("2606:2800:220:1::/64")
DENIED = parse_networks([str(DENIED_IPV4), str(DENIED_IPV6)])
CLOSED = DestinationPolicy(deny_networks=DENIED)
EVERYTHING_ELSE = DestinationPolicy(
    allow_http=True, allow_networks=parse_networks(["0.0.0.0/0", "::/0"]), deny_networks=DENIED
)
BOTH = pytest.mark.parametrize("policy", [CLOSED, EVERYTHING_ELSE], ids=["public", "all allowed"])


@BOTH
@given(address=st.ip_addresses(network=DENIED_IPV4) | st.ip_addresses(network=DENIED_IPV6))
def test_a_denied_address(policy, address):
    """It may not be dialled, and a URL with it is refused, though it is public and allowed."""
    assert not policy.allows(address)
    host = f"[{address}]" if address.version == 6 else f"{address}"
    with pytest.raises(ValueError, match="an address that webhooks may not be sent to"):
        policy.check_url(f"https://{host}/")


@BOTH
@given(address=st.ip_addresses(network=DENIED_IPV4))
def test_a_denied_address_inside_another(policy, address):
    """No IPv6 address that carries it passes, if everything else is allowed either."""
    low = int(address)
    carriers = [
        IPv6Address((0x0064FF9B << 96) + low),  # NAT64
        IPv6Address((0xFFFF << 32) + low),  # IPv4-mapped
        IPv6Address((0x2002 << 112) + (low << 80) + 1),  # 6to4
        *local_nat64(address),
    ]
    for carrier in carriers:
        assert not policy.allows(carrier)
        with pytest.raises(ValueError, match=r"^the host "):
            policy.check_url(f"https://[{carrier}]/")


@given(address=st.ip_addresses())
def test_nothing_else_is_denied(address):
    """Denying a network closes nothing outside it."""
    denied = any(address in network for network in DENIED)
    carries = int(address) >> 96 == 0 or address in ip_network("2002::/16")
    if not denied and not (address.version == 6 and carries):
        assert CLOSED.allows(address) is DestinationPolicy().allows(address)


@pytest.mark.parametrize("text", ["93.184.215.255", "93.184.217.0", "2606:2800:220:2::"])
def test_the_neighbours(text):
    """The addresses just outside stay open."""
    assert CLOSED.allows(ip_address(text))
    assert EVERYTHING_ELSE.allows(ip_address(text))
