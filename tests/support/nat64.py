"""IPv4 addresses inside IPv6 addresses, as NAT64 gateways write them (RFC 6052)."""

from ipaddress import IPv4Address, IPv6Address

LOCAL_PREFIX = bytes.fromhex("0064ff9b0001")


def local_nat64(address: IPv4Address) -> list[IPv6Address]:
    """Return an address under the local prefix, for gateways with a /48, /56, /64 and /96."""
    inside = address.packed
    spellings = [
        LOCAL_PREFIX + inside[:2] + b"\0" + inside[2:],
        LOCAL_PREFIX + b"\xab" + inside[:1] + b"\0" + inside[1:],
        LOCAL_PREFIX + b"\xab\xcd" + b"\0" + inside,
        LOCAL_PREFIX + b"\xab\xcd" + b"\0\0\0\0" + inside,
    ]
    return [IPv6Address(octets.ljust(16, b"\0")) for octets in spellings]
