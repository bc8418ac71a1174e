"""Client certificates: what may be given, and what a receiver that asks is shown."""

import ssl
import tempfile
from datetime import UTC, datetime

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from support.certificates import issued, pem
from support.egress_client import BODY, HEADERS, egress
from support.hostile import ok, says, serving

from hookwright.outcomes import Outcome
from hookwright.security import ClientIdentity, check_identity, describe_identity

HOST = "hooks.example.com"
NOW = datetime.now(UTC)
AUTHORITY = trustme.CA()
LEAF = AUTHORITY.issue_cert("client.example.com", common_name="acme")
OTHER = AUTHORITY.issue_cert("other.example.com")


def chain_of(leaf: trustme.LeafCert) -> str:
    return "".join(it.bytes().decode() for it in leaf.cert_chain_pems)


def key_of(leaf: trustme.LeafCert) -> str:
    return leaf.private_key_pem.bytes().decode()


def encrypted() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    ).decode()


def identity(leaf: trustme.LeafCert = LEAF) -> ClientIdentity:
    return check_identity(chain_of(leaf), key_of(leaf), NOW)


def test_what_is_told_of_it():
    """Subject, fingerprint and expiry are shown; the key is not even in the object's own text."""
    description = describe_identity(identity())
    assert "CN=acme" in description.subject
    assert len(description.sha256) == 64
    assert description.expires_at > NOW
    assert "PRIVATE" not in repr(identity())


def test_only_pem_is_kept():
    """Text around the certificate and the key is not stored."""
    around = check_identity(f"mine\n{chain_of(LEAF)}\nend", f"note\n{key_of(LEAF)}", NOW)
    assert around == identity()


@pytest.mark.parametrize(
    ("certificate", "key", "fault"),
    [
        ("", key_of(LEAF), "certificate is not PEM"),
        ("Tr0ub4dor", key_of(LEAF), "certificate is not PEM"),
        (key_of(LEAF), key_of(LEAF), "certificate is not PEM"),
        (chain_of(LEAF)[:300], key_of(LEAF), "certificate is not PEM"),
        (chain_of(LEAF), "", "key is not a PEM private key"),
        (chain_of(LEAF), "Tr0ub4dor\ud800", "key is not a PEM private key"),
        (chain_of(LEAF), chain_of(LEAF), "key is not a PEM private key"),
        (chain_of(LEAF), encrypted(), "encrypted with a password"),
        (chain_of(LEAF), key_of(OTHER), "not the one of the first certificate"),
        (pem(AUTHORITY) + chain_of(LEAF), key_of(LEAF), "not the one of the first certificate"),
    ],
)
def test_what_is_refused(certificate, key, fault):
    """What does not parse, or does not belong together, is refused in words that repeat nothing."""
    with pytest.raises(ValueError, match=fault) as refusal:
        check_identity(certificate, key, NOW)
    assert "Tr0ub4dor" not in str(refusal.value)


def test_expired():
    """A certificate that has expired is refused."""
    with pytest.raises(ValueError, match="has expired"):
        check_identity(chain_of(LEAF), key_of(LEAF), NOW.replace(year=9999))


def test_no_file_is_left(tmp_path, monkeypatch):
    """The file that TLS reads the key from is gone at once."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert identity()
    assert list(tmp_path.iterdir()) == []


def asking(authority: trustme.CA) -> ssl.SSLContext:
    """Return a server's TLS context that asks for a certificate of this authority."""
    context = issued(AUTHORITY, HOST)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize("who", [LEAF, OTHER])
async def test_a_receiver_that_asks(who):
    """The receiver sees the endpoint's own certificate at every webhook."""
    seen = []

    async def script(reader, writer):
        seen.append(writer.get_extra_info("ssl_object").getpeercert()["serialNumber"])
        await says(ok())(reader, writer)

    async with (
        serving(script, asking(AUTHORITY)) as server,
        egress(authorities=pem(AUTHORITY)) as client,
    ):
        for each in (LEAF, OTHER, who):
            answer = await client.post(
                server.named(HOST, "https"), HEADERS, BODY, 5, identity(each)
            )
            assert answer.outcome is Outcome.DELIVERED
        assert len(client.transport.idle) == 0
    assert len(set(seen)) == 2
    assert server.connections == 3


@pytest.mark.parametrize("given", [None, identity()])
@pytest.mark.parametrize(
    ("version", "outcomes"),
    [
        (ssl.TLSVersion.TLSv1_2, {Outcome.TLS_ERROR}),
        # From 1.3 on the refusal comes after the handshake, and a reset may overtake it.
        (ssl.TLSVersion.TLSv1_3, {Outcome.TLS_ERROR, Outcome.CONNECTION_ERROR}),
    ],
)
async def test_a_receiver_that_does_not_accept(given, version, outcomes):
    """Without a certificate, or with one of another authority, nothing is delivered."""
    tls = asking(trustme.CA())
    tls.maximum_version = version
    async with (
        serving(says(ok()), tls) as server,
        egress(authorities=pem(AUTHORITY)) as client,
    ):
        answer = await client.post(server.named(HOST, "https"), HEADERS, BODY, 5, given)
    assert answer.outcome in outcomes
    assert server.requests == []
