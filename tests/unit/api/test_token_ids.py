"""What audit trails call a token: its id, if that can be shown."""

import pytest
from support.jwts import claims

from api.access.auth import Caller, CallerKind
from api.tokens import Claims


@pytest.mark.parametrize(
    ("jti", "shown"),
    [
        ("tok_1", "token:tok_1"),
        ("x" * 64, "token:" + "x" * 64),
        *[(odd, "token") for odd in ("", "x" * 65, "a b", "é", "a\n", 7, ["x"], None)],
    ],
)
def test_how_a_token_is_called(jti: object, shown: str) -> None:
    """A token of a provider's own may have any id, and is good with each; a short word is shown."""
    token_id = Claims.model_validate(claims(jti=jti)).token_id
    assert Caller("acme", "acme", kind=CallerKind.TOKEN, token_id=token_id).signature == shown
