"""`python -m ledger.receiver FOLDER PORT`: the receiver of all endpoints, a process of its own.

It writes each POST down before it answers, and once more when the answer is on its way. So what it
has seen is known whatever happens to the sender.
"""

import argparse
import asyncio
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import h11
from support.receiver import next_request

from hookwright.verify import TOLERANCE_SECONDS, VerificationError, verify
from ledger.records import Appending, File
from ledger.world import TEXT, Behaviour, Hook, World

ATTEMPT_HEADER = "x-attempt"
POSTS_BEFORE_GONE = 5
SLOWEST_SECONDS = 1.5
HANGING_SECONDS = 60.0

FIELDS_OF_ENVELOPE = {"type", "timestamp", "data"}
FIELDS_OF_DATA = {"tenant", "event", "text"}


@dataclass(frozen=True)
class Reply:
    """What is answered, and when. A status of 0: nothing, the connection is closed instead."""

    status: int = 200
    after: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()
    surplus: bool = False


ODD_REPLIES: Mapping[Behaviour, tuple[float, Reply]] = {
    Behaviour.FLAPPING: (1 / 3, Reply(500)),
    Behaviour.HANGING: (1 / 5, Reply(0, after=HANGING_SECONDS)),
    Behaviour.DROPPING: (1 / 5, Reply(0)),
    Behaviour.BUSY: (1 / 10, Reply(429, headers=(("retry-after", "1"),))),
    Behaviour.REFUSING: (1, Reply(500)),
    Behaviour.REDIRECT: (1, Reply(302, headers=(("location", "/elsewhere"),))),
    Behaviour.SURPLUS: (1, Reply(surplus=True)),
}
"""What endpoints answer to a share of their POSTs; the others get an ordinary answer."""


@dataclass
class Receiver:
    """Answers every hook of a world as it behaves, and keeps the ledger."""

    world: World
    ledger: Appending
    began: float = field(default_factory=time.monotonic)
    tokens: "count[int]" = field(default_factory=count)
    connections: "count[int]" = field(default_factory=count)
    posts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hooks = {hook.name: hook for hook in self.world.hooks}

    def reply(self, hook: Hook, event: str, attempt: int) -> Reply:
        """Return the answer. It depends on the seed, the hook, the event and the attempt."""
        chance = Random(f"{self.world.seed}:{hook.name}:{event}:{attempt}").random()
        if hook.behaviour in ODD_REPLIES:
            share, odd = ODD_REPLIES[hook.behaviour]
            return odd if chance < share else Reply()
        match hook.behaviour:
            case Behaviour.SLOW:
                return Reply(after=SLOWEST_SECONDS * chance)
            case Behaviour.DOWN if self._is_outage():
                return Reply(503)
            case Behaviour.GONE if self.posts[hook.name] > POSTS_BEFORE_GONE:
                return Reply(410)
        return Reply()

    def _is_outage(self) -> bool:
        begins, ends = self.world.outage
        return begins <= time.monotonic() - self.began < ends

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        connection, number = h11.Connection(h11.SERVER), next(self.connections)
        try:
            while await self._one(connection, number, reader, writer):
                connection.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError):
            pass
        finally:
            writer.close()

    async def _one(
        self,
        connection: h11.Connection,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Take one POST, and return whether another one may follow."""
        request = await next_request(connection, reader)
        if request is None:
            return False
        token = f"answer-{next(self.tokens)}"
        reply = self.note(token, number, *request)
        # A sender that leaves is noticed at once: it sends nothing before it has its answer.
        leaves = asyncio.ensure_future(reader.read(1))
        await asyncio.wait([leaves], timeout=reply.after)
        left = leaves.done()
        if left:
            self.ledger.note(token=token, left=time.time())
        leaves.cancel()
        await asyncio.gather(leaves, return_exceptions=True)
        if left or not reply.status:
            return False
        body = json.dumps({"token": token}).encode()
        sized = [*reply.headers, ("content-length", str(len(body)))]
        head = h11.Response(status_code=reply.status, headers=sized)
        for part in (head, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(part) or b"")
        if reply.surplus:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
        await writer.drain()
        self.ledger.note(token=token, answered=time.time())
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE

    def note(self, token: str, connection: int, request: h11.Request, body: bytes) -> Reply:
        """Write a POST down with what it will be answered, and return the answer.

        Also one that nobody could have meant: to no endpoint's path, or with an odd body.
        """
        arrived = time.time()
        name = request.target.decode().rsplit("/", 1)[-1]
        hook = self.hooks.get(name)
        self.posts[name] = self.posts.get(name, 0) + 1
        headers = {name.decode(): value.decode() for name, value in request.headers}
        number = headers.get(ATTEMPT_HEADER, "")
        attempt = int(number) if number.isdecimal() else 0
        webhook_id = headers.get("webhook-id", "")
        envelope = _object(body)
        data = envelope["data"] if isinstance(envelope.get("data"), dict) else {}
        if hook is None:
            reply = Reply(404)
        elif abs(_signed_at(headers) - arrived) > TOLERANCE_SECONDS:
            reply = Reply(401)
        else:
            reply = self.reply(hook, webhook_id, attempt)
        self.ledger.note(
            token=token,
            hook=name,
            connection=connection,
            arrived=arrived,
            webhook_id=webhook_id,
            attempt=attempt,
            tenant=data.get("tenant", ""),
            event=data.get("event", ""),
            event_type=envelope.get("type", ""),
            intact=(
                envelope.keys() == FIELDS_OF_ENVELOPE
                and data.keys() == FIELDS_OF_DATA
                and data["text"] == TEXT
            ),
            genuine=hook is not None and _is_genuine(hook, headers, body),
            status=reply.status,
        )
        return reply


def _object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is, or an empty one."""
    try:
        it = json.loads(body)
    except ValueError:
        return {}
    return it if isinstance(it, dict) else {}


def _signed_at(headers: dict[str, str]) -> float:
    """Return the time that is signed, or infinity if it cannot be read."""
    try:
        return float(headers["webhook-timestamp"])
    except (KeyError, ValueError):
        return math.inf


def _is_genuine(hook: Hook, headers: dict[str, str], body: bytes) -> bool:
    """Return whether this endpoint's secret has signed it, whenever that was."""
    try:
        verify("standard", headers, body, hook.secret, now=_signed_at(headers))
    except VerificationError:
        return False
    return True


async def _run(folder: Path, port: int) -> None:
    receiver = Receiver(World.read(folder / File.WORLD), Appending(folder / File.POSTS))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port, backlog=1_000)
    await server.serve_forever()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m ledger.receiver", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    asyncio.run(_run(options.folder, options.port))


if __name__ == "__main__":
    main()
