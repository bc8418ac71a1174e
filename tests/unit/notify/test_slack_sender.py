"""Messages to a chat: Slack's JSON, by the guarded egress client, to a real HTTP receiver."""

import asyncio
import json
from typing import Any

import pytest
from support.egress_client import raises
from support.receiver import Receiver, Reply, answering, receiver
from support.stack import LOOPBACK
from support.tcp_server import tcp_server
from support.waiting import assert_eventually
from temporalio.exceptions import ApplicationError

from activities.egress import Egress
from activities.egress.resolver import LATER_SECONDS, ResolverBusyError
from activities.notify import SlackSender
from activities.notify.message import Message
from activities.notify.slack import MAX_AT_ONCE
from hookwright.security import DestinationPolicy

MESSAGE = Message("Webhook endpoint switched off", "S", "Held.", (("Endpoint", "a <b>"),), None)


async def refusal(url: str, policy: DestinationPolicy = LOOPBACK, **more: Any) -> ApplicationError:
    """Return the error of a message that is not taken."""
    async with Egress(policy, **more) as egress:
        with pytest.raises(ApplicationError) as caught:
            await SlackSender(egress).send(url, MESSAGE, "acme")
    return caught.value


async def test_json_of_slack(hooks: Receiver) -> None:
    """One POST with `text` arrives, as JSON and without a signature."""
    async with Egress(LOOPBACK) as egress:
        await SlackSender(egress).send(hooks.url, MESSAGE, "acme")
    [request] = hooks.requests
    assert json.loads(request.body) == {
        "text": "*Webhook endpoint switched off*\nHeld.\n• Endpoint: `a &lt;b&gt;`"
    }
    assert request.headers["content-type"].startswith("application/json")
    assert not any(name.startswith("webhook-") for name in request.headers)


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_what_is_refused_for_good(hooks: Receiver, status: int) -> None:
    """A webhook that was taken away, or JSON that the chat does not take, is not tried again."""
    hooks.behave = answering(status)
    error = await refusal(hooks.url)
    assert error.non_retryable
    assert hooks.url not in error.message


async def test_no_thread_for_its_name() -> None:
    """A message whose name cannot be looked up now is sent later: that is not the chat's fault."""
    error = await refusal("http://chat.example.com/", resolve=raises(ResolverBusyError))
    assert not error.non_retryable
    assert error.next_retry_delay is not None
    assert error.next_retry_delay.total_seconds() == LATER_SECONDS


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_what_is_tried_again(hooks: Receiver, status: int) -> None:
    """A chat that is busy or broken is tried again, after as long as it asks for."""
    hooks.behave = lambda _: Reply(status, headers=(("retry-after", "30"),))
    error = await refusal(hooks.url)
    assert not error.non_retryable
    assert error.next_retry_delay is not None
    assert error.next_retry_delay.total_seconds() == 30


async def test_a_redirect_is_not_followed(hooks: Receiver) -> None:
    """A redirect is a refusal: what it leads to has passed no check."""
    async with receiver() as other:
        hooks.behave = lambda _: Reply(307, headers=(("location", other.url),))
        error = await refusal(hooks.url)
        assert other.requests == []
    assert error.non_retryable


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "https://localhost/x", "http://example.com/"]
)
async def test_the_guard_is_that_of_webhooks(url: str) -> None:
    """A chat in a private network, or over plain http, gets nothing."""
    assert (await refusal(url, DestinationPolicy())).non_retryable


async def test_nobody_listens() -> None:
    """A chat that is away is tried again."""
    async with receiver() as gone:
        pass
    assert not (await refusal(gone.url)).non_retryable


async def test_one_tenant_does_not_take_all_slots(hooks: Receiver) -> None:
    """Of one tenant a few messages are under way at once; another tenant's message goes out."""
    gate = asyncio.Event()
    hooks.behave = lambda it: Reply(gate=gate if it.path == "/hooks" else None)
    async with Egress(LOOPBACK) as egress:
        sender = SlackSender(egress)
        async with asyncio.TaskGroup() as group:
            for _ in range(MAX_AT_ONCE):
                group.create_task(sender.send(hooks.url, MESSAGE, "acme"))
            await assert_eventually(lambda: len(hooks.requests) == MAX_AT_ONCE)
            with pytest.raises(ApplicationError) as caught:
                await sender.send(hooks.url, MESSAGE, "acme")
            await sender.send(f"{hooks.url}/other", MESSAGE, "other")
            gate.set()
        await sender.send(hooks.url, MESSAGE, "acme")
    assert not caught.value.non_retryable
    assert len(hooks.requests) == MAX_AT_ONCE + 2


async def test_a_broken_answer() -> None:
    """What is no HTTP is tried again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"nonsense\r\n\r\n")
        writer.close()

    async with tcp_server(serve) as port:
        assert not (await refusal(f"http://127.0.0.1:{port}/")).non_retryable
