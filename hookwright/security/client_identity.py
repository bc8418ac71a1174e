"""Mutual TLS: who an endpoint's webhooks say they come from, to a receiver that asks.

A certificate and its private key, given as PEM. The key is a secret: it is stored encrypted within
the endpoint's state, and no answer holds it.
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
"""Of each. What is stored is bounded together with the rest of the endpoint, which is less."""


class ClientIdentity(BaseModel):
    """A certificate, with those between it and its authority, and its private key; both PEM."""

    certificate: str
    key: str = Field(repr=False)


class ClientCertificate(BaseModel):
    """What is told of a client certificate: enough to recognise it, and to renew it in time."""

    subject: str
    sha256: str
    expires_at: Timestamp


def check_identity(certificate: str, key: str, now: datetime) -> ClientIdentity:
    """Return the identity that the two make, without what else stood in the PEM.

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
        certificate="".join(it.public_bytes(Encoding.PEM).decode() for it in chain),
        key=pem.decode(),
    )
    try:
        load_identity(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), identity)
    except (ssl.SSLError, OSError):
        raise ValueError("TLS does not take this kind of key or certificate") from None
    return identity


def describe_identity(identity: ClientIdentity) -> ClientCertificate:
    """Return what may be told of it."""
    certificate = x509.load_pem_x509_certificate(identity.certificate.encode())
    return ClientCertificate(
        subject=certificate.subject.rfc4514_string(),
        sha256=certificate.fingerprint(SHA256()).hex(),
        expires_at=certificate.not_valid_after_utc.astimezone(UTC),
    )


def load_identity(context: ssl.SSLContext, identity: ClientIdentity) -> None:
    """Make a TLS context use the identity.

    Python reads certificates of one's own from files only: this one nobody else may read, and it
    is gone when this returns.

    Raises:
        ssl.SSLError: OpenSSL does not take it.
    """
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # made with mode 0600
        file.write((identity.certificate + identity.key).encode())
        file.flush()
        context.load_cert_chain(file.name)
