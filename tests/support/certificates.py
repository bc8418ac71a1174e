"""Certificates made on the spot."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def self_signed(folder: Path, host: str, days: int = 1) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context and the certificate's file, to be trusted or not.

    With negative days it has expired.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    public = key.public_key()
    unused = "content_commitment key_encipherment data_encipherment key_agreement crl_sign"
    usage = dict.fromkeys([*unused.split(), "encipher_only", "decipher_only"], False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context, path


def issued(authority: trustme.CA, *hosts: str, **options: Any) -> ssl.SSLContext:
    """Return a server's TLS context with a certificate of this authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*hosts, **options).configure_cert(context)
    return context


def expired_issuer(root: trustme.CA, expired_at: datetime) -> trustme.CA:
    """Return an issuer below the root whose own certificate has expired."""
    issuer = root.create_child_ca()
    old = x509.load_pem_x509_certificate(issuer.cert_pem.bytes())
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(old.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(expired_at - timedelta(days=10))
        .not_valid_after(expired_at)
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    root_key = load_pem_private_key(root.private_key_pem.bytes(), password=None)
    assert isinstance(root_key, ec.EllipticCurvePrivateKey)
    expired = builder.sign(root_key, SHA256()).public_bytes(Encoding.PEM)
    remade = trustme.CA.from_pem(expired, issuer.private_key_pem.bytes())
    remade.parent_cert = root  # so that certificates come with their chain
    return remade


def pem(authority: trustme.CA) -> str:
    """Return an authority's own certificate, to be trusted."""
    return authority.cert_pem.bytes().decode()
