"""Why an attempt failed: an outcome for programs, and a sentence for the owner of the endpoint."""

import errno
import ssl
from collections.abc import Iterator
from typing import TypeVar

import h11
import httpcore
import structlog

from activities.egress.certificate_dates import EXPIRED, NOT_YET_VALID, date_of
from activities.egress.connection import (
    ClosedBeforeReplyError,
    HeadTooLongError,
    ReplyCutShortError,
)
from activities.egress.guarded_network import BlockedDestinationError
from activities.egress.resolver import NameResolutionError
from hookwright.outcomes import Outcome

MAX_ERROR_BYTES = 1_024

CONNECT_TEXTS = {
    errno.ECONNREFUSED: "connection refused: nothing listens on this port",
    errno.EHOSTUNREACH: "the host cannot be reached",
    errno.ENETUNREACH: "the network of the host cannot be reached",
    errno.ETIMEDOUT: "the host does not answer",
    errno.ECONNRESET: "the receiver reset the connection",
}

CERTIFICATE_TEXTS = {
    NOT_YET_VALID: "the certificate is not valid yet",
    EXPIRED: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate chain is self-signed",
    20: "the certificate's issuer is not known; does the receiver send the whole chain?",
    21: "the certificate's issuer is not known; does the receiver send the whole chain?",
    62: "the certificate is not for this host name",
}
"""OpenSSL's verification codes (X509_V_ERR_...)."""

TLS_TEXTS = {
    "WRONG_VERSION_NUMBER": "the port does not speak TLS: is it http?",
    "RECORD_LAYER_FAILURE": "the port does not speak TLS: is it http?",
    "HTTP_REQUEST": "the port does not speak TLS: is it http?",
    "UNEXPECTED_EOF_WHILE_READING": "the receiver ended the TLS handshake",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the receiver requires a client certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the receiver refused the TLS handshake",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the receiver refuses this version of TLS",
    "UNSUPPORTED_PROTOCOL": "the receiver speaks a version of TLS that is too old",
}
"""OpenSSL's reasons."""

NO_FILES_LEFT = (errno.EMFILE, errno.ENFILE)

Kind = TypeVar("Kind", bound=BaseException)

log = structlog.get_logger(__name__)


def outcome_of(error: Exception) -> Outcome:
    """Return the outcome that a failure of an exchange stands for."""
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, BlockedDestinationError):
        return Outcome.BLOCKED_DESTINATION
    if isinstance(error, NameResolutionError):
        return Outcome.DNS_ERROR
    if _caused_by(error, ssl.SSLError):
        return Outcome.TLS_ERROR
    connection_faults = (ClosedBeforeReplyError, httpcore.NetworkError, OSError)
    if any(_caused_by(error, kind) for kind in connection_faults):
        return Outcome.CONNECTION_ERROR
    if not isinstance(error, (h11.RemoteProtocolError, ReplyCutShortError, HeadTooLongError)):
        log.error("egress.unexpected_error", exc_info=error)
    return Outcome.PROTOCOL_ERROR


def is_lack_of_files(error: Exception) -> bool:
    """Return whether an exchange failed because this process may open no more sockets."""
    return any(isinstance(it, OSError) and it.errno in NO_FILES_LEFT for it in _causes(error))


def sentence_of(error: Exception, timeout_seconds: float) -> str:
    """Return why an exchange failed, as a sentence of at most MAX_ERROR_BYTES."""
    return clip(_sentence(error, timeout_seconds), MAX_ERROR_BYTES)


def clip(text: str, limit: int) -> str:
    """Return the text, cut to `limit` bytes, without characters that cannot be stored."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore")


def _sentence(error: Exception, timeout_seconds: float) -> str:  # noqa: PLR0911 - a table
    if isinstance(error, TimeoutError):
        return f"no complete answer within {timeout_seconds:g} s"
    if tls := _caused_by(error, ssl.SSLError):
        return _tls_sentence(tls)
    if isinstance(error, ClosedBeforeReplyError):
        did = "reset" if error.__cause__ else "closed"
        return f"the receiver {did} the connection before it answered"
    if isinstance(error, ReplyCutShortError):
        return "the receiver ended the connection in the middle of its answer"
    if isinstance(error, HeadTooLongError):
        return "the head of the receiver's answer, with interim answers (1xx), is too long"
    if isinstance(error, h11.RemoteProtocolError):
        return f"the receiver's answer is not valid HTTP: {error}"
    for failed in _causes(error):
        if isinstance(failed, OSError) and failed.errno in CONNECT_TEXTS:
            return CONNECT_TEXTS[failed.errno]
    return str(error) or "the exchange failed for an unknown reason"


def _tls_sentence(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = date_of(error) or CERTIFICATE_TEXTS.get(error.verify_code)
        return text or f"the certificate cannot be verified: {error.verify_message}"
    reason = error.reason or ""
    return TLS_TEXTS.get(reason) or f"TLS failed: {reason.replace('_', ' ').lower() or error}"


def _caused_by(error: BaseException | None, kind: type[Kind]) -> Kind | None:
    """Return the first error of a kind among an error and its causes, or None.

    Since TLS 1.3 a receiver refuses a client after the handshake, so an error of the connection may
    hide the error of TLS.
    """
    return next((each for each in _causes(error) if isinstance(each, kind)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
