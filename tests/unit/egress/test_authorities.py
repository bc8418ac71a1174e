"""Authorities of the operator's own: trusted beside the system's, and only if they can be read."""

import pytest
import trustme
from support.certificates import issued, pem
from support.egress_client import egress, post
from support.hostile import ok, says, serving

from activities.egress import tls_context
from hookwright.outcomes import Outcome
from runtime.errors import CommandError
from runtime.settings import Settings

HOST = "hooks.example.com"


@pytest.mark.parametrize(
    ("host", "options", "trusted", "outcome"),
    [
        (HOST, {}, True, Outcome.DELIVERED),
        (HOST, {}, False, Outcome.TLS_ERROR),
        ("other.example.com", {}, True, Outcome.TLS_ERROR),
        ("*.com", {}, True, Outcome.TLS_ERROR),
    ],
)
async def test_certificates_of_an_authority(host, options, trusted, outcome):
    """A certificate of a given authority is trusted for its name; without it, it is not."""
    authority = trustme.CA()
    given = {"authorities": pem(authority)} if trusted else {}
    tls = issued(authority, host, **options)
    async with serving(says(ok()), tls) as server, egress(**given) as client:
        answer = await post(client, server.named(HOST, "https"))
    assert answer.outcome is outcome
    assert bool(server.requests) is (outcome is Outcome.DELIVERED)


def test_a_bundle_is_added(tmp_path, monkeypatch):
    """The system's authorities stay beside the bundle's."""
    system = tmp_path / "system.pem"
    system.write_text(pem(trustme.CA()))
    monkeypatch.setenv("SSL_CERT_FILE", str(system))
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("# Ünsere\n" + pem(trustme.CA()) + pem(trustme.CA()))
    authorities = Settings(egress_ca_bundle=bundle).egress_authorities
    assert tls_context(authorities).cert_store_stats()["x509_ca"] == 3


def broken(certificate: str) -> str:
    """Return a certificate with its middle cut out."""
    lines = certificate.splitlines()
    return "\n".join([*lines[:3], *lines[5:]])


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"nonsense",
        broken(pem(trustme.CA())).encode(),
        (pem(trustme.CA()) + broken(pem(trustme.CA()))).encode(),
        trustme.CA().private_key_pem.bytes(),
        b"\xff\x00",
    ],
)
def test_bundles_that_cannot_be_read(tmp_path, content):
    """A missing or broken file is an error at start, with its name and the reason."""
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(CommandError, match=r"^HOOKWRIGHT_EGRESS_CA_BUNDLE: .*bundle\.pem is not"):
        _ = Settings(egress_ca_bundle=bundle).egress_authorities


def test_a_folder_is_no_bundle(tmp_path):
    """A folder in place of the file is an error at start as well."""
    with pytest.raises(CommandError, match="Is a directory"):
        _ = Settings(egress_ca_bundle=tmp_path).egress_authorities
