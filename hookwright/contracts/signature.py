"""How a contract signs: the scheme, and for the scheme `template` all its parts."""

from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from hookwright.contracts.contract_model import ContractModel, HeaderName, VisibleAscii
from hookwright.contracts.text_templates import check_template, placeholders

SIGNED_PLACEHOLDERS = ("id", "timestamp", "body", "url", "form")
VALUE_PLACEHOLDERS = ("signature", "timestamp")
TEMPLATE_KEYS = ("signed", "value", "repeat", "hash", "key", "key_prefix")

# Line ends are allowed: some contracts sign `timestamp\nbody`.
SignedText = Annotated[str, StringConstraints(pattern=r"^[ -~\t\r\n]*$", max_length=256)]


class SignatureRule(ContractModel):
    """Which header carries the signature, and how it is made (see `hookwright.webhook.signing`).

    `standard` is Standard Webhooks: `v1` and `v1a` over `id.timestamp.body`, keys in base64.
    `body` is one HMAC-SHA256 over the body, `timestamped` is `t=<unix>,v1=<hmac>` over
    `<unix>.<body>`. The key of both is the text of the secret, which is not decoded.

    `template` is one HMAC over the text `signed`. The header has the text `value`, and during a
    rotation the text `repeat` once for each further secret. Without `repeat` the header has room
    for one signature.
    """

    scheme: Literal["standard", "body", "timestamped", "template"]
    header: HeaderName
    encoding: Literal["base64", "hex", "base64url"]
    prefix: VisibleAscii = ""
    signed: SignedText = ""
    value: VisibleAscii = ""
    repeat: VisibleAscii = ""
    hash: Literal["sha1", "sha256", "sha512"] = "sha256"
    key: Literal["text", "base64", "hex"] = "text"
    key_prefix: VisibleAscii = ""

    @model_validator(mode="after")
    def _fits_its_scheme(self) -> Self:
        if self.scheme == "standard" and (self.encoding != "base64" or self.prefix):
            raise ValueError("the standard scheme is base64 without a prefix")
        if self.scheme in ("timestamped", "template") and self.prefix:
            raise ValueError(f"the {self.scheme} scheme has no prefix")
        if self.scheme == "template":
            self._check_templates()
            return self
        if self.encoding == "base64url":
            raise ValueError("encoding: base64url is for the template scheme")
        fields = type(self).model_fields
        if given := [key for key in TEMPLATE_KEYS if getattr(self, key) != fields[key].default]:
            raise ValueError(f"{', '.join(given)}: for the template scheme only")
        return self

    def signs(self, placeholder: str) -> bool:
        """Return whether the template of the signed text has this placeholder."""
        return placeholder in placeholders(self.signed)

    @property
    def value_has_timestamp(self) -> bool:
        """Whether the signature's own header carries the time."""
        return "timestamp" in placeholders(self.value)

    def _check_templates(self) -> None:
        for key, allowed in (
            ("signed", SIGNED_PLACEHOLDERS),
            ("value", VALUE_PLACEHOLDERS),
            ("repeat", VALUE_PLACEHOLDERS[:1]),
        ):
            try:
                check_template(getattr(self, key), allowed)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        if not (self.signs("body") or self.signs("form")):
            raise ValueError("signed: it must have {body} or {form}, or the body is not protected")
        for key in ("value", *(["repeat"] if self.repeat else [])):
            if placeholders(getattr(self, key)).count("signature") != 1:
                raise ValueError(f"{key}: it must have {{signature}} once")
        if placeholders(self.value).count("timestamp") > 1:
            raise ValueError("value: it may have {timestamp} once")
        if self.value != self.value.strip() or self.repeat != self.repeat.rstrip():
            raise ValueError("value, repeat: HTTP takes away spaces at the ends of a header")
