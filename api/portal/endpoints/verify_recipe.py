"""How a receiver verifies a contract's webhooks, in terms that every language can follow.

All schemes become one form: an HMAC (or ed25519) over some parts, and a header around it. It is
derived from the contract's data alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hookwright.contracts import PLACEHOLDER, Contract, SignatureRule
from hookwright.webhook import Signable, new_secret, sign, template_digest

UNIX_TIME = "[0-9]{1,12}"
LENGTHS = {
    ("sha1", "hex"): 40,
    ("sha256", "hex"): 64,
    ("sha512", "hex"): 128,
    ("sha1", "base64"): 28,
    ("sha256", "base64"): 44,
    ("sha512", "base64"): 88,
    ("sha1", "base64url"): 27,
    ("sha256", "base64url"): 43,
    ("sha512", "base64url"): 86,
}
ALPHABETS = {"hex": "[0-9a-f]", "base64": "[A-Za-z0-9+/=]", "base64url": "[A-Za-z0-9_-]"}
SPECIAL = re.compile(r"[\\.^$*+?()\[\]{}|~]")
"""What a regular expression of any of the languages reads as more than itself. PHP needs `~`."""

STANDARD = SignatureRule(
    scheme="template",
    header="webhook-signature",
    signed="{id}.{timestamp}.{body}",
    value="v1,{signature}",
    repeat=" v1,{signature}",
    encoding="base64",
    key="base64",
    key_prefix="whsec_",
)
"""Standard Webhooks with an HMAC, as a template."""

ED25519_SIGNATURE = f"(?:^| )v1a,({ALPHABETS['base64']}{{88}})"


@dataclass(frozen=True)
class Part:
    """A part of what is signed: a text, or `id`, `timestamp`, `body`, `url` or `form`."""

    kind: str
    text: str = ""


@dataclass(frozen=True)
class VerifyRecipe:
    """What the code for verification does.

    If `pattern` is empty, the header is `before`, one signature and `after`. Otherwise `pattern`
    finds all signatures in the header. `timestamp_pattern` finds the time there, if it stands
    there.
    """

    header: str
    hash: str
    encoding: Literal["hex", "base64", "base64url"]
    key: Literal["text", "base64", "hex"]
    key_prefix: str
    parts: Sequence[Part]
    before: str
    after: str
    pattern: str
    id_header: str
    timestamp_header: str
    timestamp_pattern: str
    ed25519: bool = False

    def has(self, kind: str) -> bool:
        """Return whether this part is signed."""
        return any(part.kind == kind for part in self.parts)


def verify_recipe(contract: Contract, *, ed25519: bool = False) -> VerifyRecipe | None:
    """Return the recipe of a contract, or None if no short code can read its header.

    `ed25519`: the endpoint's secret is a private key of Standard Webhooks.
    """
    rule = as_template_rule(contract.signature)
    templated = contract.model_copy(update={"signature": rule})
    signs_time = rule.signs("timestamp")
    in_value = signs_time and rule.value_has_timestamp
    before, after = rule.value.split("{signature}")
    is_exact = not rule.repeat and not rule.value_has_timestamp
    recipe = VerifyRecipe(
        header=rule.header,
        hash=rule.hash,
        encoding=rule.encoding,
        key=rule.key,
        key_prefix=rule.key_prefix,
        parts=[*_parts(rule.signed)],
        before=before,
        after=after,
        pattern="" if is_exact else _signatures(rule),
        id_header=contract.header_with("event_id") if rule.signs("id") else "",
        timestamp_header=contract.header_with("unix_time") if signs_time and not in_value else "",
        timestamp_pattern=_time(rule) if in_value else "",
    )
    if ed25519:
        return replace(recipe, ed25519=True, pattern=ED25519_SIGNATURE, key_prefix="whpk_")
    return recipe if is_exact or _reads_its_header(recipe.pattern, templated) else None


def as_template_rule(rule: SignatureRule) -> SignatureRule:
    """Return the rule of any scheme as one of the scheme `template`."""
    template = {"header": rule.header, "encoding": rule.encoding}
    match rule.scheme:
        case "template":
            return rule
        case "standard":
            return STANDARD.model_copy(update=template)
        case "body":
            texts = {"signed": "{body}", "value": f"{rule.prefix}{{signature}}", "repeat": ""}
        case "timestamped":
            texts = {
                "signed": "{timestamp}.{body}",
                "value": "t={timestamp},v1={signature}",
                "repeat": ",v1={signature}",
            }
    return STANDARD.model_copy(update={**template, **texts, "key": "text", "key_prefix": ""})


def _parts(signed: str) -> list[Part]:
    # `split` gives literal text at even places, and names at odd ones.
    split = PLACEHOLDER.split(signed)
    parts = [Part(text) if index % 2 else Part("text", text) for index, text in enumerate(split)]
    return [part for part in parts if part.kind != "text" or part.text]


def _signatures(rule: SignatureRule) -> str:
    """Return an expression that finds every signature in the header."""
    before = _expression(rule.value.split("{signature}")[0])
    repeat = rule.repeat.split("{signature}")[0] if rule.repeat else ""
    further = _expression(repeat)
    if not rule.repeat:
        begin = f"^{before}"
    elif further.endswith(before):
        begin = f"(?:^|{further.removesuffix(before)}){before}"
    else:
        begin = f"(?:^{before}|{further})"
    return f"{begin}({_signature(rule)})"


def _time(rule: SignatureRule) -> str:
    """Return an expression that finds the time in the header."""
    before = _expression(rule.value.split("{timestamp}")[0])
    return f"^{before.replace('{signature}', _signature(rule))}({UNIX_TIME})"


def _expression(template: str) -> str:
    """Return an expression for a text of the header, in which the time may be any number."""
    parts = PLACEHOLDER.split(template)
    return "".join(
        {"timestamp": UNIX_TIME, "signature": "{signature}"}[part]
        if index % 2
        else SPECIAL.sub(r"\\\g<0>", part)
        for index, part in enumerate(parts)
    )


def _signature(rule: SignatureRule) -> str:
    return f"{ALPHABETS[rule.encoding]}{{{LENGTHS[rule.hash, rule.encoding]}}}"


def _reads_its_header(pattern: str, contract: Contract) -> bool:
    """Return whether an expression finds all signatures of a header with three of them.

    It may not, if the text between two signatures looks like a part of one.
    """
    rule = contract.signature
    signable = Signable("id", 1_700_000_000, b"", "")
    keys = [new_secret(contract) for _ in range(3 if rule.repeat else 1)]
    expected = [template_digest(rule, key, signable) for key in keys]
    return re.findall(pattern, sign(rule, keys, signable)) == expected
