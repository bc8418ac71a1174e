"""The benchmark's receiver counts every POST."""

import asyncio

import httpx

from bench.receiver import Receiver, running_receiver


async def test_every_post_is_noted() -> None:
    """A webhook that is sent twice counts twice, and an arrival is awaited by its number."""
    async with running_receiver(Receiver()) as receiver, httpx.AsyncClient(trust_env=False) as http:
        arrival = receiver.arrival("twice", 2)
        for webhook_id in ("once", "twice", "twice"):
            answer = await http.post(
                receiver.url, content=b"x" * 5_000, headers={"webhook-id": webhook_id}
            )
            assert answer.text == "ok"
        await asyncio.wait_for(arrival.wait(), 5)
        assert receiver.total == 3
        assert receiver.posts(["once", "twice", "never"]) == 3
        assert len(receiver.arrivals["twice"]) == 2
