"""The scheme `template` and header templates: what a file may say, and what is refused by key."""

import pytest
from support.paths import REPOSITORY

from hookwright.contracts import Contract, ContractError, load_contract

GOOD = (REPOSITORY / "docs/contracts/slack.toml").read_text()


def loaded(tmp_path, old: str, new: str) -> Contract:
    assert old in GOOD
    path = tmp_path / "odd.toml"
    path.write_text(GOOD.replace(old, new, 1))
    return load_contract(path)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("{timestamp}:{body}", "{timestamp}", "signature: signed: it must have {body} or {form}"),
        ("{timestamp}:{body}", "{time}:{body}", "signed: {time} is no placeholder here; there are"),
        ("{timestamp}:{body}", "{body}}", "signed: a brace stands alone"),
        ("{timestamp}:{body}", "{{body}}", "signed: a brace stands alone"),
        ("{timestamp}:{body}", "{form}", 'signature.signed: {form} needs body_format = "form"'),
        ("{timestamp}:{body}", "{id}:{body}", "headers: the template scheme needs one for event_"),
        ('"unix_time"', '"time"', "headers: the template scheme needs one for unix_time"),
        ('"unix_time"', '"t{unix_time}"', "headers: the template scheme needs one for unix_time"),
        ('signed = "v0:{timestamp}:{body}"', "", "signature: signed: it must have {body}"),
        ("v0={signature}", "v0=", "signature: value: it must have {signature} once"),
        ("v0={signature}", "{signature}{signature}", "value: it must have {signature} once"),
        ("v0={signature}", "{body}{signature}", "value: {body} is no placeholder here"),
        ("v0={signature}", " {signature}", "HTTP takes away spaces"),
        ("v0={signature}", "{timestamp}{timestamp}{signature}", "it may have {timestamp} once"),
        ('encoding = "hex"', 'encoding = "hex"\nrepeat = ","', "repeat: it must have {signature}"),
        ('encoding = "hex"', 'encoding = "hex"\nprefix = "v0="', "template scheme has no prefix"),
        ('encoding = "hex"', 'encoding = "hex"\nhash = "md5"', "signature.hash: "),
        ('encoding = "hex"', 'encoding = "hex"\nkey = "pem"', "signature.key: "),
        ('scheme = "template"', 'scheme = "body"', "signed, value: for the template scheme only"),
        ('"unix_time"', '"unix_tiem"', "headers.X-Slack-Request-Timestamp: no such source"),
        ('"unix_time"', '"{unix_tiem}"', "{unix_tiem} is no placeholder here"),
        ('"unix_time"', '"{unix_time}\\r\\nX: y"', "printable ASCII"),
        ('"unix_time"', '"unix_time"\nX-Team = "extra.tema"', "headers: there is no [extra.tema]"),
        ('type = "string"', 'type = "object"\n[headers2]', "headers2"),
        ("[signature]", '[constant_headers]\nX-A = "a\\nb"\n[signature]', "constant_headers.X-A"),
        ("[signature]", '[constant_headers]\nHost = "a"\n[signature]', "may not set host"),
        (
            "[signature]",
            '[constant_headers]\nx-slack-signature = "a"\n[signature]',
            "a name is given twice",
        ),
        (r"'[a-z_]+(\.[a-z_]+)*'", "'[a-z'", "event_type_pattern: not a regular expression"),
        (r"'[a-z_]+(\.[a-z_]+)*'", "'(?=a)'", "event_type_pattern: not a regular expression"),
        (r"'[a-z_]+(\.[a-z_]+)*'", f"'{'a' * 257}'", "at most 256 characters"),
        ("[retry]", '[event_types]\n"A" = ""\n[retry]', "event_types: A does not match"),
    ],
)
def test_faults(tmp_path, old, new, reason):
    """A template that could not be sent or verified is refused, and the text names the key."""
    with pytest.raises(ContractError) as caught:
        loaded(tmp_path, old, new)
    assert reason in str(caught.value)


def test_an_object_in_a_header(tmp_path):
    """An extra field that is an object cannot stand in a header."""
    header = '"unix_time"\nX-Team = "{extra.team_id}"'
    with_object = GOOD.replace('type = "string"', 'type = "object"')
    path = tmp_path / "odd.toml"
    path.write_text(with_object.replace('"unix_time"', header, 1))
    with pytest.raises(ContractError, match=r"extra\.team_id is an object"):
        load_contract(path)


@pytest.mark.parametrize("text", ["T\r\nX: y", "é", "x" * 257, "a\x00", "\x7f"])
def test_extra_fields_in_headers(tmp_path, text):
    """Text that cannot stand in a header is refused when the event is published."""
    contract = loaded(tmp_path, '"unix_time"', '"unix_time"\nX-Team = "team-{extra.team_id}"')
    assert contract.event_faults("a", {"team_id": "T 1"}) == {}
    assert "is sent in a header" in contract.event_faults("a", {"team_id": text})["extra.team_id"]


def test_patterns_do_not_backtrack(tmp_path):
    """A pattern that takes exponential time elsewhere takes no time here."""
    contract = loaded(tmp_path, r"'[a-z_]+(\.[a-z_]+)*'", "'(a+)+b'")
    assert "does not match" in contract.event_faults("a" * 127 + "c", {})["type"]
