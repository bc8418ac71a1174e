"""Mutual TLS: the client certificate that an endpoint's webhooks show to a receiver that asks.

An endpoint may have a certificate and its private key, given as PEM. The key is a secret: it is
stored encrypted within the endpoint's state, and no answer of the API holds it.
"""

import ssl
import tempfile
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import BaseModel, Field

from hookwright.times import Timestamp

MAX_PEM_CHARACTERS = 8_192
"""The limit for the certificate, and for the key. The endpoint's own size limit is lower and
includes both."""


class ClientIdentity(BaseModel):
    """A certificate with its intermediate certificates, and its private key. Both are PEM."""

    certificate: str
    key: str = Field(repr=False)


class ClientCertificate(BaseModel):
    """What the API shows of a client certificate: how to recognise it, and when to renew it."""

    subject: str
    sha256: str
    expires_at: Timestamp


def check_identity(certificate: str, key: str, now: datetime) -> ClientIdentity:
    """Return the identity of a certificate and a key, without other content of the PEM.

    Raises:
        ValueError: they do not parse, do not belong together, have expired, or TLS cannot use
            them. The text never repeats the key.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
    except ValueError:
        raise ValueError("the certificate is not PEM (-----BEGIN CERTIFICATE-----)") from None
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except TypeError:
        raise ValueError("the key is encrypted with a password; send it without one") from None
    except Exception:  # noqa: BLE001 - cryptography raises several, some with the input in them
        raise ValueError("the key is not a PEM private key") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if chain[0].public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        raise ValueError("the key is not the one of the first certificate")
    if chain[0].not_valid_after_utc <= now:
        raise ValueError("the certificate has expired")
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    identity = ClientIdentity(
        certificate="".join(link.public_bytes(Encoding.PEM).decode() for link in chain),
        key=pem.decode(),
    )
    try:
        load_identity(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), identity)
    except (ssl.SSLError, OSError):
        raise ValueError("TLS cannot use this kind of key or certificate") from None
    return identity


def describe_identity(identity: ClientIdentity) -> ClientCertificate:
    """Return what the API may show of an identity."""
    certificate = x509.load_pem_x509_certificate(identity.certificate.encode())
    return ClientCertificate(
        subject=certificate.subject.rfc4514_string(),
        sha256=certificate.fingerprint(SHA256()).hex(),
        expires_at=certificate.not_valid_after_utc.astimezone(UTC),
    )


def load_identity(context: ssl.SSLContext, identity: ClientIdentity) -> None:
    """Make a TLS context use the identity.

    Python reads client certificates only from files. No other user may read this file, and it is
    deleted when this function returns.

    Raises:
        ssl.SSLError: OpenSSL refuses the certificate or the key.
    """
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # made with mode 0600
        file.write((identity.certificate + identity.key).encode())
        file.flush()
        context.load_cert_chain(file.name)
