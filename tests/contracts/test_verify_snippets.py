"""The portal's code for verification: it accepts what was signed, and nothing else."""

from typing import Any

import pytest
from support.paths import REPOSITORY
from support.snippets import (
    EVENT_ID,
    URL,
    CodeRunner,
    Signed,
    changed,
    missing,
    signed_webhook,
)

from api.portal.endpoints.verify_recipe import verify_recipe
from api.portal.endpoints.verify_snippets import LANGUAGES, verify_snippets
from hookwright.contracts import Contract, load_contract, load_contracts
from hookwright.verify import VerificationError, verify
from hookwright.webhook import Signable, generate_secret, new_secret, public_key, sign

ODD = "#@y$x\"~|\\'(+"
"""Characters that mean something in a regular expression or in a language's quotes."""

CONTRACTS = {
    **load_contracts(),
    **{
        f"docs-{path.stem}": load_contract(path)
        for path in (REPOSITORY / "docs/contracts").glob("*.toml")
    },
}


def styled(**rule: Any) -> Contract:
    """Return a contract that signs in a style of its own."""
    signature = {
        "scheme": "template",
        "header": "X-Sig!$#",
        "signed": "{timestamp}\n{id}\t{url}" + ODD + "{body}",
        "value": ODD + "{signature}",
        "encoding": "hex",
        **rule,
    }
    return CONTRACTS["standard"].model_validate(
        {**CONTRACTS["standard"].model_dump(), "name": "odd", "signature": signature}
    )


STYLES = {
    "odd-texts": styled(),
    "odd-repeat": styled(repeat=ODD + "{signature}", key="hex", key_prefix=ODD, hash="sha512"),
    "time-last": styled(
        value="{signature}" + ODD + "{timestamp}", encoding="base64", hash="sha512"
    ),
    "base64url": styled(
        value="v1-{timestamp}.{signature}",
        repeat=".{signature}",
        encoding="base64url",
        key="base64",
    ),
    "sha1": styled(value="{signature}", repeat="x{signature}", hash="sha1", encoding="base64url"),
}
ALL = {**CONTRACTS, **STYLES}


@pytest.fixture(scope="module", params=[each.key for each in LANGUAGES])
def runner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CodeRunner:
    """A runner of code in each language that this machine has."""
    if reason := missing(request.param):
        pytest.skip(reason)
    codes = [code_for(request.param, contract) for contract in ALL.values()]
    codes.append(code_for(request.param, CONTRACTS["standard"], ed25519=True))
    return CodeRunner(request.param, tmp_path_factory.mktemp(request.param), codes)


def code_for(language: str, contract: Contract, *, ed25519: bool = False) -> str:
    recipe = verify_recipe(contract, ed25519=ed25519)
    assert recipe, contract.name
    snippets = verify_snippets(recipe)
    return next(each.code for each in snippets if each.language.key == language)


def webhooks(contract: Contract, secret: str, former: str) -> list[Signed]:
    """Return genuine webhooks and forged ones, as `hookwright.verify` judges them, too."""
    recipe = verify_recipe(contract)
    assert recipe
    header = contract.signature.header
    headers, body = signed_webhook(contract, [secret])
    value = headers[header]
    both, its_body = signed_webhook(contract, [former, secret])
    has_room = (bool(recipe.pattern) and bool(contract.signature.repeat)) or (
        contract.signature.scheme in ("standard", "timestamped")
    )
    old, old_body = signed_webhook(contract, [secret], age=1_000)
    early, early_body = signed_webhook(contract, [secret], age=-1_000)
    foreign, foreign_body = signed_webhook(contract, [former])
    signs_time = recipe.has("timestamp")
    cases = [
        Signed("genuine", headers, body, genuine=True),
        Signed("two secrets sign", both, its_body, genuine=has_room),
        Signed("another secret", foreign, foreign_body),
        Signed("tampered body", headers, body.replace(b"1500", b"9500")),
        Signed("more body", headers, body + b"&x=1"),
        Signed("no body", headers, b""),
        Signed("no header", changed(headers, header, None), body),
        Signed("empty header", changed(headers, header, ""), body),
        Signed("garbage", changed(headers, header, "v1,t=1,sha256=\\..$&"), body),
        Signed("half a signature", changed(headers, header, value[: len(value) // 2]), body),
        Signed("another signature", changed(headers, header, foreign[header]), body),
        Signed("old", old, old_body, genuine=not signs_time),
        Signed("from the future", early, early_body, genuine=not signs_time),
    ]
    if recipe.has("id"):
        other = changed(headers, recipe.id_header, EVENT_ID + "0")
        cases += [
            Signed("another id", other, body),
            Signed("no id", changed(headers, recipe.id_header, None), body),
        ]
    if recipe.timestamp_header:
        name = recipe.timestamp_header
        cases += [
            Signed("another time", changed(headers, name, str(int(headers[name]) + 1)), body),
            Signed("a time that is none", changed(headers, name, "soon"), body),
            Signed("a huge time", changed(headers, name, "9" * 5_000), body),
            Signed("no time", changed(headers, name, None), body),
        ]
    return cases


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ALL)
def test_the_code_accepts_what_was_signed_only(runner: CodeRunner, name: str) -> None:
    """In every language and for every contract, genuine webhooks pass and forged ones do not."""
    contract = ALL[name]
    secret, former = new_secret(contract), new_secret(contract)
    cases = webhooks(contract, secret, former)
    code = code_for(runner.language, contract)
    variables = {"WEBHOOK_SECRET": secret, "WEBHOOK_URL": URL}
    answers = runner.run(code, cases, variables)
    expected = {each.what: each.genuine for each in cases}
    assert dict(zip(expected, answers, strict=True)) == expected


@pytest.mark.parametrize("name", ALL)
def test_the_cases_are_judged_alike(name: str) -> None:
    """The package's own verification agrees about every case, so the cases are right."""
    contract = ALL[name]
    secret, former = new_secret(contract), new_secret(contract)

    def passes(case: Signed) -> bool:
        try:
            verify(contract, case.headers, case.body, secret, url=URL)
        except VerificationError:
            return False
        return True

    cases = webhooks(contract, secret, former)
    assert {each.what: passes(each) for each in cases} == {
        each.what: each.genuine for each in cases
    }


@pytest.mark.timeout(300)
def test_ed25519(runner: CodeRunner) -> None:
    """With a private key that signs, the code verifies by the public key, also in a rotation."""
    contract = CONTRACTS["standard"]
    secret, other = generate_secret("whsk_"), generate_secret("whsk_")
    headers, body = signed_webhook(contract, [secret])
    mixed, its_body = signed_webhook(contract, [generate_secret(), other, secret])
    foreign, foreign_body = signed_webhook(contract, [other, generate_secret()])
    old, old_body = signed_webhook(contract, [secret], age=1_000)
    signature = contract.signature.header
    cases = [
        Signed("genuine", headers, body, genuine=True),
        Signed("others sign, too", mixed, its_body, genuine=True),
        Signed("another secret", foreign, foreign_body),
        Signed("tampered", headers, body + b" "),
        Signed("no header", changed(headers, signature, None), body),
        Signed("no base64", changed(headers, signature, "v1a," + "=" * 88), body),
        Signed("old", old, old_body),
    ]
    code = code_for(runner.language, contract, ed25519=True)
    answers = runner.run(code, cases, {"WEBHOOK_PUBLIC_KEY": public_key(secret) or ""})
    expected = {each.what: each.genuine for each in cases}
    assert dict(zip(expected, answers, strict=True)) == expected


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "body",
    [b"a=1&a=1&a=0&B=&%F0%9F%98%80=1&%EF%BF%BD=2&x", b"", b"&&a=1"],
    ids=["repeated", "empty", "gaps"],
)
def test_forms_are_joined_alike(runner: CodeRunner, body: bytes) -> None:
    """Fields that repeat, are empty or lie beyond 16 bits are joined as the sender joins them."""
    contract = CONTRACTS["docs-twilio-like"]
    secret = new_secret(contract)
    value = sign(contract.signature, [secret], Signable(EVENT_ID, 0, body, URL))
    case = Signed("form", {contract.signature.header: value}, body, genuine=True)
    variables = {"WEBHOOK_SECRET": secret, "WEBHOOK_URL": URL}
    assert runner.run(code_for(runner.language, contract), [case], variables) == [True]


def test_a_header_that_cannot_be_read_is_said() -> None:
    """If the text between signatures looks like a part of one, there is no code instead of bad."""
    contract = styled(value="{signature}a", repeat="{signature}", encoding="base64")
    assert verify_recipe(contract) is None


@pytest.mark.parametrize("name", ALL)
def test_no_contract_is_named(name: str) -> None:
    """The code depends on the contract's data, so another name gives the same code."""
    contract = ALL[name]
    renamed = contract.model_copy(update={"name": "other", "title": "Other"})
    assert verify_recipe(renamed) == verify_recipe(contract)
