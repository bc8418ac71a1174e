"""What hypothesis draws: JSON as it can be stored, ids, secrets, addresses."""

import base64
import string
from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=64)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
HMAC_KEYS = st.binary(min_size=24, max_size=64)
HMAC_SECRETS = HMAC_KEYS.map(lambda key: "whsec_" + base64.b64encode(key).decode())

FORBIDDEN_RANGES = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
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
"""Written down from the registries a second time, so that a slip in the product's table shows."""

FORBIDDEN_IPV4: st.SearchStrategy[IPv4Address | IPv6Address] = st.sampled_from(
    FORBIDDEN_RANGES
).flatmap(lambda network: st.ip_addresses(network=network))
