"""How settings are written: parsed from text, and checked, so that a fault names its remedy."""

import base64
import binascii
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from activities.egress import Proxy
from api.config import IN_MEMORY
from api.http import host_name
from api.portal_config import Logo
from hookwright.contracts import HEADER_SOURCES, check_headers
from hookwright.security import parse_networks
from hookwright.temporal import named_values, read_key_ring
from runtime.keys.jwt_keys import secret_key

TENANT = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
DIGEST = re.compile(r"[0-9A-Fa-f]{64}")


def parse_named_values(text: object) -> object:
    """Parse `name:value,name:value`."""
    return named_values(text) if isinstance(text, str) else text


def parse_key_ring(text: object) -> object:
    """Parse `id:base64,id:base64`."""
    return read_key_ring(text) if isinstance(text, str) else text


def parse_list(text: object) -> object:
    """Parse `a,b,c`."""
    if not isinstance(text, str):
        return text
    return [item.strip() for item in text.split(",") if item.strip()]


def check_digests(keys: dict[str, str]) -> dict[str, str]:
    """Return digests of keys in lower case."""
    for name, digest in keys.items():
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"{name}: give the SHA-256 digest of the key, as 64 hex digits")
    return {name: digest.lower() for name, digest in keys.items()}


def parse_tenant_keys(text: object) -> object:
    """Parse `tenant:sha256hex,...` into a dictionary from digest to tenant.

    The digest is the dictionary's key because a tenant may have several keys.
    """
    if not isinstance(text, str):
        return text
    pairs = [item.strip().partition(":") for item in text.split(",") if item.strip()]
    # The message repeats no part of the text: somebody may have written the key itself in it.
    if not all(TENANT.fullmatch(tenant) and DIGEST.fullmatch(key) for tenant, _, key in pairs):
        raise ValueError(
            "write it as tenant:sha256hex, separated by commas;"
            " sha256hex is the SHA-256 digest of the key, as 64 hex digits"
        )
    keys = {digest.lower(): tenant for tenant, _, digest in pairs}
    if len(keys) < len(pairs):
        raise ValueError("a key is listed twice; each key belongs to one tenant")
    return keys


def check_secrets(texts: list[str]) -> list[str]:
    """Return secrets of tenant tokens, if they are long enough."""
    for text in texts:
        secret_key(text)
    return texts


def check_portal_url(url: str | None) -> str | None:
    """Return the portal's base URL, without a slash at its end."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    # It stands in mails and in the markup of chats, so it has nothing that ends a link there.
    if not fits or re.search(r"[^!-~]|[?#@\\<>\"|]", url):
        raise ValueError("write it as https://host, with a path if the portal is behind one")
    return url.rstrip("/")


LOGO_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
MAX_LOGO_BYTES = 262_144


def read_logo(text: object) -> object:
    """Read a logo from a file, or from a data URI in base64."""
    if not isinstance(text, str) or not text:
        return text or None
    if text.startswith("data:"):
        head, _, data = text.removeprefix("data:").partition(";base64,")
        media_type = head.lower()
        try:
            content = base64.b64decode(data, validate=True)
        except binascii.Error:
            content = b""
    else:
        path = Path(text)
        media_type = LOGO_TYPES.get(path.suffix.lower(), "")
        content = path.read_bytes() if path.is_file() else b""
    if media_type not in LOGO_TYPES.values() or not 0 < len(content) <= MAX_LOGO_BYTES:
        raise ValueError(
            "name a .png, .jpg, .svg or .webp file, or write data:image/png;base64,...;"
            f" at most {MAX_LOGO_BYTES} bytes"
        )
    return Logo(media_type, content)


def check_storage(url: str) -> str:
    """Return where calls are counted: in memory, or in a Redis."""
    if url == IN_MEMORY:
        return url
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError(f"write {IN_MEMORY}, or redis://host:port/0 (rediss: with TLS)")
    return url


def check_networks(networks: list[str]) -> list[str]:
    """Return networks that are written as CIDRs."""
    try:
        parse_networks(networks)
    except ValueError:
        raise ValueError("write networks as 10.1.0.0/16, separated by commas") from None
    return networks


def check_header_sources(headers: dict[str, str]) -> dict[str, str]:
    """Return sources by the names of headers, in lower case, if webhooks may have these."""
    for name, source in headers.items():
        check_headers({name: source}, reserved=())
        if source not in HEADER_SOURCES:
            raise ValueError(f"{name}: no such source; there are: {', '.join(HEADER_SOURCES)}")
    return {name.lower(): source for name, source in headers.items()}


def check_hosts(hosts: list[str]) -> list[str]:
    """Return names of hosts in lower case."""
    if any(host_name(host) != host.lower() for host in hosts):
        raise ValueError(
            "write hosts as webhooks.example.com or [::1], without scheme and port,"
            " separated by commas"
        )
    return [host.lower() for host in hosts]


def check_proxy(url: SecretStr | None) -> SecretStr | None:
    """Return the URL of a proxy that can be used."""
    if url is not None:
        Proxy.parse(url.get_secret_value())
    return url


def none_if_empty(text: object) -> object:
    """Treat an empty text as not set: Docker Compose passes an unset variable as an empty text."""
    return text or None


NamedValues = Annotated[dict[str, str], NoDecode, BeforeValidator(parse_named_values)]
CommaSeparated = Annotated[list[str], NoDecode, BeforeValidator(parse_list)]
FileSetting = Annotated[Path | None, BeforeValidator(none_if_empty)]
