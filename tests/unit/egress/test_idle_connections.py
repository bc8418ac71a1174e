"""Idle connections: no tenant's are pushed out by another's, none stays for ever, none is lost."""

import asyncio
import errno
import socket
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.egress_client import BODY, HEADERS, egress
from support.hostile import ok
from support.talking import Reply, send, talking
from support.waiting import assert_eventually

from activities.egress import idle_connections, transport
from activities.egress.http_client import TooManyFilesError
from activities.egress.idle_connections import MAX_IDLE, IdleConnections, Origin


class Fake:
    """A connection, for which only its identity counts."""


def origin(tenant: str, number: int = 0) -> Origin:
    return Origin(tenant, "https", f"{number}.example.com", 443)


STEP_NAMES = ["add", "add", "take", "drop"]
STEPS = st.lists(
    st.tuples(st.sampled_from(STEP_NAMES), st.sampled_from("abc"), st.integers(0, 2)),
    max_size=80,
)


@given(steps=STEPS, limit=st.integers(1, 9))
def test_against_a_plain_model(steps, limit):
    """Whatever is added, taken and dropped: the tenant with the most gives up its oldest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idle_connections, "MAX_IDLE", limit)
        idle, model = IdleConnections(), []
        for step, tenant, number in steps:
            where = origin(tenant, number)
            if step == "add":
                connection = Fake()
                model.append((connection, where))
                gone = idle.add(connection, where)
                assert (gone is not None) is (len(model) > limit)
                if gone:
                    counts = Counter(it.tenant_id for _, it in model)
                    [left] = [it for each, it in model if each is gone]
                    assert counts[left.tenant_id] == max(counts.values())
                    assert gone is next(c for c, it in model if it.tenant_id == left.tenant_id)
                    model.remove((gone, left))
            elif step == "take":
                expected = next((c for c, it in reversed(model) if it == where), None)
                assert idle.take(where) is expected
                model = [each for each in model if each[0] is not expected]
            elif model:
                assert idle.remove(idle.oldest) is model.pop(0)[0]
            assert len(idle) == len(model)
            assert idle.oldest is (model[0][0] if model else None)
        while idle.oldest:
            idle.remove(idle.oldest)
        assert not any(vars(idle).values())


def test_one_tenant_pushes_out_nobody():
    """A tenant that keeps far more than there is room for takes no connection of another."""
    idle, small = IdleConnections(), [Fake() for _ in range(100)]
    for number, connection in enumerate(small):
        idle.add(connection, origin("small", number))
    for number in range(3 * MAX_IDLE):
        idle.add(Fake(), origin("large", number))
    assert len(idle) == MAX_IDLE
    assert [idle.take(origin("small", number)) for number in range(100)] == small


async def test_an_idle_connection_expires(monkeypatch):
    """A connection that nobody uses is closed after a while, though no other request comes."""
    monkeypatch.setattr(transport, "KEEPALIVE_SECONDS", 0.05)
    async with talking(lambda _: Reply(ok())) as server, egress() as client:
        await send(client, server.url)
        kept = client.transport.idle.oldest
        await assert_eventually(lambda: len(client.transport.idle) == 0)
        assert kept._stream.get_extra_info("socket").fileno() == -1


async def test_none_is_kept_after_the_end():
    """An exchange that ends after the client was closed leaves no connection behind."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    def reply(_):
        asked.set()
        return Reply(ok(), gate=may_answer)

    async with talking(reply) as server:
        async with egress() as client:
            sending = asyncio.create_task(send(client, server.url))
            await asked.wait()
        may_answer.set()
        await sending
        assert len(client.transport.idle) == 0


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
async def test_no_file_is_left_for_a_connection(number, monkeypatch):
    """A worker that may open no more sockets does not blame the receiver for it."""

    def no_socket(*_: object, **__: object) -> None:
        raise OSError(number, "Too many open files")

    async with egress() as client:
        monkeypatch.setattr(socket, "socket", no_socket)
        with pytest.raises(TooManyFilesError, match="the worker may open no more files"):
            await client.post("http://hooks.example.com/", HEADERS, BODY, 5)
