"""TLS: the certificate must be of the name in the URL, and of an authority that is trusted."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from support.certificates import expired_issuer, issued, pem, self_signed
from support.egress_client import TIMEOUT, egress, post
from support.hostile import mute, ok, says, serving, stay_silent

from activities.egress.certificate_dates import EXPIRED
from activities.egress.error_texts import sentence_of
from hookwright.outcomes import Outcome

HOST = "hooks.example.com"


@pytest.fixture
def trusted(monkeypatch):
    """Trust the certificate in a file, as an operator does."""

    def trust(path):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))

    return trust


async def test_a_trusted_certificate_of_that_name(tmp_path, trusted):
    """The name in the URL, and not the address that is dialled, is asked for and checked."""
    context, path = self_signed(tmp_path, HOST)
    asked = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    trusted(path)
    async with serving(says(ok()), context) as server, egress() as client:
        answer = await post(client, server.named(HOST, "https"))
    assert answer.outcome is Outcome.DELIVERED
    assert asked == [HOST]


@pytest.mark.parametrize("host", [HOST, "127.0.0.1"])
async def test_self_signed(tmp_path, host):
    """A certificate that nobody vouches for is a TLS error, and the request is not sent."""
    context, _ = self_signed(tmp_path, host)
    async with serving(says(ok()), context) as server, egress() as client:
        answer = await post(client, server.named(host, "https"))
    assert answer.outcome is Outcome.TLS_ERROR
    assert "self-signed" in answer.error
    assert server.requests == []


async def test_another_name(tmp_path, trusted):
    """A trusted certificate of another name is a TLS error."""
    context, path = self_signed(tmp_path, "other.example.com")
    trusted(path)
    async with serving(says(ok()), context) as server, egress() as client:
        answer = await post(client, server.named(HOST, "https"))
    assert answer.outcome is Outcome.TLS_ERROR
    assert server.requests == []


async def test_the_address_instead_of_the_name(tmp_path, trusted):
    """A trusted certificate of the address that is dialled does not stand in for the name."""
    context, path = self_signed(tmp_path, "127.0.0.1")
    trusted(path)
    async with serving(says(ok()), context) as server, egress() as client:
        answer = await post(client, server.named(HOST, "https"))
    assert answer.outcome is Outcome.TLS_ERROR


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("begins", "ends", "sentence"),
    [
        (-40, -30, "the certificate expired on {ends}"),
        (30, 40, "the certificate is not valid before {begins}"),
    ],
)
async def test_the_dates_of_a_certificate(begins, ends, sentence, version):
    """A certificate out of its time is a TLS error that tells the date, and nothing is sent."""
    authority, now = trustme.CA(), datetime.now(UTC)
    first, last = now + timedelta(days=begins), now + timedelta(days=ends)
    context = issued(authority, HOST, not_before=first, not_after=last)
    context.minimum_version = context.maximum_version = version
    async with (
        serving(says(ok()), context) as server,
        egress(authorities=pem(authority)) as client,
    ):
        answer = await post(client, server.named(HOST, "https"))
    assert answer.outcome is Outcome.TLS_ERROR
    assert answer.error == sentence.format(begins=first.date(), ends=last.date())
    assert server.requests == []


async def test_the_date_of_an_issuers_certificate():
    """A chain whose intermediate certificate expired tells that certificate's date."""
    root, expired_at = trustme.CA(), datetime.now(UTC) - timedelta(days=3)
    context = issued(expired_issuer(root, expired_at), HOST)
    async with serving(says(ok()), context) as server, egress(authorities=pem(root)) as client:
        answer = await post(client, server.named(HOST, "https"))
    assert answer.outcome is Outcome.TLS_ERROR
    day = expired_at.date()
    assert answer.error == f"an issuer's certificate in the chain expired on {day}"


async def test_expired_authority(tmp_path, trusted):
    """An expired certificate that is its own authority tells the date as well."""
    context, path = self_signed(tmp_path, HOST, days=-1)
    trusted(path)
    async with serving(says(ok()), context) as server, egress() as client:
        answer = await post(client, server.named(HOST, "https"))
    day = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.date()
    assert answer.error == f"the certificate expired on {day}"


def test_certificates_that_cannot_be_read():
    """Without the peer's certificates the error keeps its sentence without a date."""
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code = EXPIRED
    assert sentence_of(error, 5.0) == "the certificate has expired"


async def test_plain_http_where_tls_is_expected():
    """A server that speaks no TLS is a TLS error."""
    async with mute(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server, egress() as client:
        answer = await post(client, f"https://{HOST}:{server.port}/")
    assert answer.outcome is Outcome.TLS_ERROR


async def test_a_handshake_that_never_ends():
    """A server that never shakes hands is a timeout, and does not keep the connection open."""
    async with mute() as server, egress() as client:
        answer = await post(client, f"https://{HOST}:{server.port}/", TIMEOUT)
        assert answer.outcome is Outcome.TIMEOUT
        async with asyncio.timeout(5):
            await server.left.wait()


async def test_a_body_over_tls_that_never_ends(tmp_path, trusted):
    """The timeout holds over TLS as well."""
    context, path = self_signed(tmp_path, HOST)
    trusted(path)
    script = says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", stay_silent)
    async with serving(script, context) as server, egress() as client:
        answer = await post(client, server.named(HOST, "https"), TIMEOUT)
    assert answer.outcome is Outcome.TIMEOUT
