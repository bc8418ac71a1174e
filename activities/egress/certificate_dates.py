"""When a receiver's certificate expired, or becomes valid: OpenSSL's error does not tell the date.

The certificates are read from the handshake that failed, so a valid certificate costs nothing.
"""

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography import x509

NOT_YET_VALID, EXPIRED = 9, 10
"""OpenSSL's verification codes (X509_V_ERR_...)."""


class DatingSSLObject(ssl.SSLObject):
    """A TLS connection whose certificate errors have a sentence with the date as their note."""

    def do_handshake(self) -> None:
        """Perform the handshake."""
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in (NOT_YET_VALID, EXPIRED):
                sentence = _sentence(error.verify_code, self._presented(), datetime.now(UTC))
                if sentence:
                    error.add_note(sentence)
            raise

    def _presented(self) -> Iterable[x509.Certificate]:
        """Yield the certificates that the peer presented, its own first.

        Python 3.13 has a public method for them. Before that only the object below has one, and
        `getpeercert` is refused until the handshake is complete.
        """
        try:
            if hasattr(self, "get_unverified_chain"):
                for der in self.get_unverified_chain():
                    yield x509.load_der_x509_certificate(der)
            else:
                for certificate in self._sslobj.get_unverified_chain() or ():  # type: ignore[attr-defined]
                    yield x509.load_pem_x509_certificate(certificate.public_bytes().encode())
        except (AttributeError, ValueError):
            return  # the error has a sentence without a date, too


def date_of(error: ssl.SSLCertVerificationError) -> str | None:
    """Return the sentence with the date of a certificate's error, if it has one."""
    notes: list[str] = getattr(error, "__notes__", [])
    return notes[0] if notes else None


def _sentence(code: int, chain: Iterable[x509.Certificate], now: datetime) -> str | None:
    """Return what is wrong with the first certificate at fault, or None if no one presented is.

    The certificate at fault may be one that the receiver did not present: that of an authority.
    """
    for place, certificate in enumerate(chain):
        whose = "the certificate" if place == 0 else "an issuer's certificate in the chain"
        try:
            begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        except ValueError:  # a year that Python's dates do not have
            continue
        if code == EXPIRED and ends < now:
            return f"{whose} expired on {ends:%Y-%m-%d}"
        if code == NOT_YET_VALID and begins > now:
            return f"{whose} is not valid before {begins:%Y-%m-%d}"
    return None
