"""Where a webhook may go: which URLs may be registered, and which addresses may be dialled.

A URL is checked when it is registered, so that a mistake is reported at once. The address is
checked again at each connection, because the name may resolve to another address by then. The
ranges are from the IANA special-purpose registries, plus cloud metadata addresses outside them.
`ipaddress.is_global` is not enough: it is true for 224.0.0.1, 64:ff9b::7f00:1 and 168.63.129.16.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import SplitResult, urlsplit

import idna

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_LENGTH = 2048

FORBIDDEN_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # includes Alibaba's metadata address, 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform address
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
PUBLIC_IPV6 = IPv6Network("2000::/3")
FORBIDDEN_IPV6 = tuple(
    IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
NAT64 = IPv6Network("64:ff9b::/96")
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
INTERNAL_SUFFIXES = (".localhost", ".local", ".internal", ".svc", ".cluster.local")
METADATA_NAMES = ("metadata.google.internal", "metadata.goog", "instance-data.ec2.internal")
FORBIDDEN_PORTS = frozenset(
    {2049, 2375, 2376, 3306, 5432, 6379, 6443, 7233, 8500, 9200, 10250, 11211, 27017}
)
FIRST_OPEN_PORT = 1024

ENCODED = {ord(character): f"%{ord(character):02X}" for character in '"<>`'}
"""Characters that no URL may have (RFC 3986), as browsers encode them (WHATWG URL)."""

HOST = re.compile(r"[\w.:-]{1,253}")
"""What may be shown of a host, whatever the text is that it was found in."""

LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
"""A label of an ASCII name. The DNS, browsers and container networks have underscores, too."""

MAX_NAME_LENGTH = 253

# Scripts that may be mixed in one label. Any other mixture may imitate another name (UTS 39).
COMPATIBLE_SCRIPTS = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"},
    {"LATIN", "CJK", "HANGUL"},
    {"LATIN", "CJK", "BOPOMOFO"},
)


@dataclass(frozen=True)
class DestinationPolicy:
    """What the operator allows beyond public https: plain http, and private networks.

    `deny_networks` are closed whatever else is allowed: the operator's own public addresses, say.
    """

    allow_http: bool = False
    allow_networks: tuple[Network, ...] = ()
    deny_networks: tuple[Network, ...] = ()

    def allows(self, address: Address) -> bool:
        """Return whether an address may be dialled."""
        if self._denies(address):
            return False
        if any(address in network for network in self.allow_networks):
            return True
        if isinstance(address, IPv6Address) and address.scope_id is None and address in NAT64:
            # The gateway dials the IPv4 address inside. What `allow_networks` opens is near this
            # machine, and the gateway may have another machine at that address.
            address = IPv4Address(address.packed[12:])
        if isinstance(address, IPv4Address):
            return not any(address in network for network in FORBIDDEN_IPV4)
        if address.scope_id is not None or address not in PUBLIC_IPV6:
            return False
        return not any(address in network for network in FORBIDDEN_IPV6)

    def _denies(self, address: Address) -> bool:
        return any(
            spelling in network
            for network in self.deny_networks
            for spelling in (address, *_carried(address))
        )

    def check_url(self, url: str) -> str:
        """Return the URL if webhooks may go there, with its host in lower case and as A-labels.

        Names are not resolved here.

        Raises:
            ValueError: webhooks may not go there. The text names the fault and the remedy.
        """
        parts = _split(url)
        if parts.scheme != "https" and not (self.allow_http and parts.scheme == "http"):
            raise ValueError("the URL must begin with https://")
        _check_port(parts)
        host = self._check_host(parts)
        port = "" if parts.port is None else f":{parts.port}"
        # The rest stays to the letter: urlsplit would drop an empty query.
        rest = url.partition("://")[2][len(parts.netloc) :]
        return f"{parts.scheme}://{host}{port}{rest.translate(ENCODED)}"

    def _check_host(self, parts: SplitResult) -> str:
        host = (parts.hostname or "").lower()
        if parts.netloc.startswith("["):
            if not re.fullmatch(r"\[[^]]*\](:.*)?", parts.netloc):  # some Python versions accept it
                raise ValueError("the host is neither a name nor a plainly written address")
            return f"[{self._check_literal(host, IPv6Address)}]"
        if _ends_in_a_number(host):
            return self._check_literal(host, IPv4Address)
        name = _a_labels(host)
        if _ends_in_a_number(name):  # IDNA also reads other characters as full stops
            raise ValueError("the host is neither a name nor a plainly written address")
        return self._check_name(name)

    def _check_literal(self, host: str, kind: type[IPv4Address] | type[IPv6Address]) -> str:
        try:
            address = kind(host)
        except ValueError:
            raise ValueError("the host is neither a name nor a plainly written address") from None
        if not self.allows(address):
            raise ValueError("the host is an address that webhooks may not be sent to")
        return host

    def _check_name(self, host: str) -> str:
        if host in METADATA_NAMES:
            raise ValueError("the host is a cloud's metadata service")
        # An operator who allows private networks also uses internal names. The address is still
        # checked at each connection.
        internal = "." not in host or host.endswith(INTERNAL_SUFFIXES)
        if internal and not self.allow_networks:
            raise ValueError("the host is an internal name; use one that the public DNS knows")
        return host


def _carried(address: Address) -> list[IPv4Address]:
    """Return each IPv4 address that an IPv6 address may stand for.

    The local prefix of NAT64 does not tell where the IPv4 address is in it: that depends on the
    length of the gateway's own prefix (RFC 6052, 2.2). Octet 8 is no part of the address.
    """
    if isinstance(address, IPv4Address):
        return []
    octets = address.packed
    found = [octets[12:]] if address in NAT64 else []
    if address in NAT64_LOCAL:
        without_u = octets[:8] + octets[9:]
        found = [without_u[start : start + 4] for start in (6, 7, 8)] + [octets[12:]]
    others = [it for it in (address.ipv4_mapped, address.sixtofour) if it is not None]
    return [*map(IPv4Address, found), *others]


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of CIDR texts such as `10.1.0.0/16`.

    Raises:
        ValueError: one of them is not a network.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"the URL has more than {MAX_URL_LENGTH} characters")
    if re.search(r"[\x00-\x20\x7f\\]", url) or not url.isprintable():
        raise ValueError("the URL holds a space, a backslash or a control character; encode it")
    if not re.match(r"(?i)[a-z][a-z0-9+.-]*://[^/]", url):
        raise ValueError("the URL must be absolute: https://host/path")
    if "#" in url:
        raise ValueError("the URL holds a fragment (#); remove it")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("the host is neither a name nor a plainly written address") from None
    if "@" in parts.netloc:
        raise ValueError("the URL holds a user or password; send credentials in a header instead")
    if not (parts.path + parts.query).isascii():
        raise ValueError("the path and query must be ASCII; percent-encode the rest")
    return parts


def _check_port(parts: SplitResult) -> None:
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is not a number from 1 to 65535") from None
    if parts.netloc.endswith(":"):
        raise ValueError("the port is missing after the colon")
    if port is None or port in (80, 443):
        return
    if port < FIRST_OPEN_PORT or port in FORBIDDEN_PORTS:
        raise ValueError(f"port {port} is not open to webhooks; use 443, 80 or one from 1024 up")


def _ends_in_a_number(host: str) -> bool:
    return host.rsplit(".", 1)[-1].startswith(tuple("0123456789"))


def _a_labels(host: str) -> str:
    try:
        encoded = host if host.isascii() else idna.encode(host, std3_rules=True).decode()
        labels = [idna.decode(it) if it.startswith("xn--") else it for it in encoded.split(".")]
    except (idna.IDNAError, UnicodeError):
        raise ValueError("the host is not a name that IDNA 2008 and the DNS allow") from None
    if encoded.endswith(".") or any(map(_mixes_scripts, labels)):
        raise ValueError("the host ends in a full stop or mixes scripts in one label")
    if len(encoded) > MAX_NAME_LENGTH or not all(map(LABEL.fullmatch, encoded.split("."))):
        raise ValueError("the host is not a name that IDNA 2008 and the DNS allow")
    return encoded


def _mixes_scripts(label: str) -> bool:
    scripts = {unicodedata.name(letter, "?").split(" ")[0] for letter in label if letter.isalpha()}
    return len(scripts) > 1 and not any(scripts <= group for group in COMPATIBLE_SCRIPTS)


def host_of(url: str) -> str:
    """Return a URL's host and nothing else, because the rest may hold a secret.

    It is empty if the text has no host: whoever has access to Temporal can store any text.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host if HOST.fullmatch(host) else ""
