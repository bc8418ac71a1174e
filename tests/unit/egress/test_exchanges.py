"""10,000 exchanges with receivers that misbehave: each attempt records its own reply."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.egress_client import egress
from support.hostile import ok
from support.talking import Reply, number_in, send, talking

from activities.egress import Answer
from hookwright.outcomes import Outcome

EXAMPLES, EXCHANGES = 100, 100
# To shrink a hundred exchanges takes minutes, and the failure shows the last ones by itself.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)

REPLIES = {
    200: ok,
    202: lambda body: ok(body, b"connection: close", status=b"202 A"),
    204: lambda _: b"HTTP/1.1 204 N\r\n\r\n",
    410: lambda body: ok(body, status=b"410 G"),
    500: lambda body: (
        b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nlink: </a>\r\n\r\n" + ok(body, status=b"500 X")
    ),
    503: lambda body: (
        b"HTTP/1.1 503 B\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nx: y\r\n\r\n"
        % (len(body), body)
    ),
}
"""Interim replies stand before the 500, and a trailer behind the 503."""


@dataclass(frozen=True)
class Exchange:
    """What a server does with one request."""

    tenant: str
    status: int
    surplus: bytes
    then: str
    is_slow: bool

    def reply(self, number: int) -> Reply:
        whole = REPLIES[self.status](b"reply %d" % number)
        if self.then == "says nothing":
            return Reply(b"", "closes")
        if self.then == "cuts short":
            return Reply(whole[:-3], "closes")
        # The surplus goes out with the end of the reply. Had it come later, no client could tell it
        # from the reply to the next request.
        return Reply(whole + self.surplus, self.then, len(whole) // 2 if self.is_slow else 0)

    def is_recorded(self, number: int, answer: Answer) -> bool:
        """Return whether the answer is what the server did with this request."""
        if self.then == "says nothing":
            return answer.outcome is Outcome.CONNECTION_ERROR and answer.status_code is None
        if self.then == "cuts short":
            return answer.outcome in (Outcome.PROTOCOL_ERROR, Outcome.CONNECTION_ERROR)
        if self.then == "resets" and answer.outcome in (
            Outcome.PROTOCOL_ERROR,
            Outcome.CONNECTION_ERROR,
        ):
            # A reset may overtake the reply, or its end.
            return answer.status_code in (None, self.status)
        body = "" if self.status == 204 else f"reply {number}"
        outcome = Outcome.DELIVERED if self.status < 300 else Outcome.HTTP_ERROR
        return (answer.outcome, answer.status_code, answer.body) == (outcome, self.status, body)


ALL = [
    Exchange(*each)
    for each in product(
        ["t1", "t2", "t3"],
        REPLIES,
        [b"", b"", b"x", ok(status=b"200 OK"), ok(status=b"500 X")],
        ["keeps"] * 3 + ["closes", "half-closes", "resets", "cuts short", "says nothing"],
        [False, True],
    )
]


@pytest.fixture(scope="module", autouse=True)
def no_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trust nobody: no receiver here speaks TLS, and each client would read the system's file."""
    empty = tmp_path_factory.mktemp("authorities") / "empty.pem"
    empty.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(empty))
        yield


@pytest.mark.timeout(300)
@settings(max_examples=EXAMPLES, phases=WITHOUT_SHRINKING)
@given(exchanges=st.lists(st.sampled_from(ALL), min_size=EXCHANGES, max_size=EXCHANGES))
async def test_10_000_exchanges(exchanges: list[Exchange]) -> None:
    """100 servers at random, 100 exchanges each: 10,000 outcomes are what that server sent.

    The servers send a surplus, close early, close half, are slow, send interim replies and
    trailers. Requests of three tenants alternate, and no connection carries two of them.
    """
    async with (
        talking(lambda request: exchanges[number_in(request)].reply(number_in(request))) as server,
        egress() as client,
    ):
        for number, exchange in enumerate(exchanges):
            answer = await send(client, server.url, number, exchange.tenant)
            assert exchange.is_recorded(number, answer), (exchanges[: number + 1][-3:], answer)
    assert all(len(carried) == 1 for carried in server.tenants)
