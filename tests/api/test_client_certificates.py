"""Client certificates over REST: given once, shown in part, used by the very next attempt."""

import ssl

import pytest
import trustme
from support.certificates import issued, pem
from support.hostile import ok, says, serving
from support.stack import Stack
from support.waiting import eventually

AUTHORITY = trustme.CA()


def given(name: str = "acme") -> dict[str, str]:
    """Return a new certificate and its key, as a request has them."""
    leaf = AUTHORITY.issue_cert("client.example.com", common_name=name)
    chain = "".join(it.bytes().decode() for it in leaf.cert_chain_pems)
    return {"client_certificate": chain, "client_key": leaf.private_key_pem.bytes().decode()}


NONE = {"client_certificate": None, "client_key": None}
URL = "https://hooks.example.com/in"


async def test_given_changed_and_taken_away(service: Stack) -> None:
    """Answers show subject, fingerprint and expiry; what is left out stays, and null removes."""
    pair = given()
    created = await service.add_endpoint(URL, **pair)
    path = f"{service.root}/endpoints/{created['id']}"
    shown = created["client_certificate"]
    assert set(shown) == {"subject", "sha256", "expires_at"}
    assert "CN=acme" in shown["subject"]
    answers = [
        await service.http.get(path),
        await service.http.patch(path, json={"description": "another"}),
        await service.http.patch(path, json=given("other")),
        await service.http.patch(path, json=NONE),
    ]
    certificates = [it.json()["client_certificate"] for it in answers]
    assert certificates[:2] == [shown, shown]
    assert "CN=other" in certificates[2]["subject"]
    assert certificates[3] is None
    assert not any("BEGIN" in it.text for it in answers)


@pytest.mark.parametrize(
    ("fields", "field", "fault"),
    [
        ({"client_certificate": "x", "client_key": "y"}, "client_certificate", "is not PEM"),
        ({**given(), "client_key": given()["client_key"]}, "client_certificate", "not the one of"),
        ({"client_key": given()["client_key"]}, "client_certificate", "give both"),
        ({"client_certificate": given()["client_certificate"]}, "client_key", "give both"),
        ({**NONE, "client_key": "x" * 8_193}, "client_key", "at most 8192"),
        ({"description": "é" * 500, "metadata": {"a": "b" * 4000}, **given(),
          "headers": {"X-A": "v" * 4000}, "payload_template": f"'{'x' * 1000}'",
          "filter": f"'{'x' * 1000}'"}, "client_certificate", "at most 12288 bytes"),
    ],
)  # fmt: skip
async def test_what_is_refused(service: Stack, fields, field, fault) -> None:
    """What will not do is refused, at creation and at a change, with the field and the reason."""
    created = await service.add_endpoint(URL)
    path = f"{service.root}/endpoints"
    for answer in (
        await service.http.post(path, json={"url": URL, **fields}),
        await service.http.patch(f"{path}/{created['id']}", json=fields),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["loc"] == ["body", field]
        assert fault in answer.json()["detail"]
        assert "PRIVATE" not in answer.text


async def test_a_repeat_under_a_key(service: Stack) -> None:
    """The same creation again is the same endpoint; with another certificate it is a conflict."""
    path, key = f"{service.root}/endpoints", {"idempotency-key": "k"}
    pair = given()
    answers = [
        await service.http.post(path, json={"url": URL, **more}, headers=key)
        for more in (pair, pair, given())
    ]
    assert [it.status_code for it in answers] == [201, 201, 409]
    assert answers[0].json()["id"] == answers[1].json()["id"]


async def test_a_receiver_that_asks(
    service: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A delivery shows the endpoint's certificate to its receiver, which else is a TLS error."""
    tls = issued(AUTHORITY, "127.0.0.1")
    tls.verify_mode = ssl.CERT_OPTIONAL
    AUTHORITY.configure_trust(tls)
    names = []

    async def script(reader, writer):
        certificate = writer.get_extra_info("ssl_object").getpeercert()
        names.append(dict(pair[0] for pair in certificate["subject"])["commonName"])
        await says(ok())(reader, writer)

    bundle = tmp_path_factory.mktemp("trust") / "authorities.pem"
    bundle.write_text(pem(AUTHORITY))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))  # read as each client's context is made
    async with serving(script, tls) as server:
        url = f"https://127.0.0.1:{server.port}/in"
        endpoint = await service.add_endpoint(url, **given())
        event = await service.publish()
        await eventually(
            lambda: service.delivery(endpoint["id"], event["id"]),
            lambda it: it.get("state") == "delivered",
        )
    assert names == ["acme"]
