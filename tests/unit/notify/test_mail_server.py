"""Handing in mails at a real mail server: TLS, logins, and what is tried again."""

from email.message import EmailMessage

import pytest
import trustme
from support.certificates import issued, pem
from support.mail import PASSWORD, SENDER, USERNAME, MailBox, mail_box
from support.tcp_server import tcp_server
from temporalio.exceptions import ApplicationError

from activities.egress import tls_context
from activities.notify import MailServer

TO = "ops@example.com"
LOGIN = {"username": USERNAME, "password": PASSWORD}
NO_AUTHORITY = tls_context()


def mail() -> EmailMessage:
    it = EmailMessage()
    it["From"], it["To"], it["Subject"] = SENDER, TO, "Webhook endpoint switched off"
    it.set_content("Reason: one\n.\nQUIT\n")
    return it


async def refusal(server: MailServer, context=NO_AUTHORITY) -> ApplicationError:
    """Return the error of a mail that is not taken."""
    with pytest.raises(ApplicationError) as caught:
        await server.send(mail(), TO, context)
    return caught.value


async def test_a_mail_arrives():
    """Sender, recipient and every line arrive as they were, a single full stop too."""
    async with mail_box() as box:
        await box.server().send(mail(), TO, NO_AUTHORITY)
    [got] = box.mails
    assert (got.sender, got.recipients) == ("webhooks@example.com", [TO])
    assert got.message.get_content().splitlines() == ["Reason: one", ".", "QUIT"]
    assert not got.encrypted


@pytest.mark.parametrize("mode", ["starttls", "tls"])
@pytest.mark.parametrize("login", [True, False])
async def test_with_tls(mode, login):
    """Mails and logins are encrypted, from the beginning or after STARTTLS."""
    authority = trustme.CA()
    context = issued(authority, "127.0.0.1")
    async with mail_box(**{mode: context}, login=login) as box:
        server = box.server(tls=mode, **(LOGIN if login else {}))
        await server.send(mail(), TO, tls_context(pem(authority)))
    [got] = box.mails
    assert (got.encrypted, got.authenticated) == (True, login)


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_a_certificate_of_a_stranger(mode):
    """A server whose certificate nobody vouches for gets neither a mail nor a password."""
    async with mail_box(**{mode: issued(trustme.CA(), "127.0.0.1")}, login=True) as box:
        error = await refusal(box.server(tls=mode, **LOGIN))
    assert (box.mails, box.tries, error.non_retryable) == ([], 0, False)


async def test_no_way_back_to_clear_text():
    """With `starttls` a server that offers none gets neither a mail nor a password."""
    async with mail_box() as box:
        error = await refusal(box.server(tls="starttls", **LOGIN))
    assert (box.mails, box.tries, error.non_retryable) == ([], 0, False)
    assert "STARTTLS" in error.message


async def test_a_wrong_password_is_not_shown():
    """A refused login is tried again, because the operator can mend it; no error shows it."""
    async with mail_box(login=True) as box:
        error = await refusal(box.server(username=USERNAME, password="wrong-" + PASSWORD))
        assert PASSWORD not in str(error)
        assert not error.non_retryable
        await box.server(**LOGIN).send(mail(), TO, NO_AUTHORITY)
    assert [got.authenticated for got in box.mails] == [True]


@pytest.mark.parametrize("answer", ["450 Try later", "421 Closing", "452 Full", "530 Log in first"])
async def test_what_is_tried_again(answer):
    """A 4xx says that the same mail may be taken later; a missing login is not the mail's fault."""
    async with mail_box() as box:
        box.to_recipients[TO] = [answer]
        error = await refusal(box.server())
    assert not error.non_retryable
    assert answer[:3] in error.message


@pytest.mark.parametrize("answer", ["550 No such user", "554 Spam"])
@pytest.mark.parametrize("to", ["recipient", "mail"])
async def test_what_is_refused_for_good(answer, to):
    """A 5xx to the recipient or the mail is final, and the error does not name the person."""
    async with mail_box() as box:
        if to == "recipient":
            box.to_recipients[TO] = [f"{answer} {TO}"]
        else:
            box.to_mails = [f"{answer} {TO}"]
        error = await refusal(box.server())
    assert error.non_retryable
    assert answer[3:] in error.message
    assert TO not in error.message


async def test_nobody_listens():
    """A server that is away is tried again."""
    async with mail_box() as box:
        pass
    error = await refusal(box.server())
    assert not error.non_retryable
    assert "the mail server" in error.message


@pytest.mark.parametrize("greeting", [b"", b"\xff\xfe\r\n", b"554 Go away\r\n", b"220 hi\r\n"])
async def test_a_server_that_speaks_something_else(greeting):
    """What is no mail server, or ends the conversation, is tried again."""

    async def serve(_, writer):
        writer.write(greeting)
        await writer.drain()
        writer.close()

    async with tcp_server(serve) as port:
        error = await refusal(MailServer("127.0.0.1", port, SENDER, tls="none"))
    assert not error.non_retryable


async def test_a_server_that_never_answers(monkeypatch):
    """A server that takes the connection and says nothing is given up on, and tried again."""
    monkeypatch.setattr("activities.notify.mail_server.MAIL_SECONDS", 0.2)

    async def serve(reader, _):
        await reader.read()

    async with tcp_server(serve) as port:
        error = await refusal(MailServer("127.0.0.1", port, SENDER, tls="none"))
    assert not error.non_retryable


def test_the_password_is_not_shown():
    """The password is in no representation."""
    assert PASSWORD not in repr(MailBox(25).server(**LOGIN))
