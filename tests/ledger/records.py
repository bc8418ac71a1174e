"""What the sides of a run write down: lines of JSON, in files that are only ever appended to."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self


class File(StrEnum):
    """The files of a run's folder."""

    WORLD = "world.json"
    POSTS = "posts.jsonl"
    PUBLISHES = "publishes.jsonl"
    STRIKES = "strikes.jsonl"
    TOLD = "told.json"
    COUNTERS = "counters.json"
    UNRECORDED = "unrecorded.json"
    NAMES = "names.txt"


REPLACING = ("term-worker", "rotate-keys", "lose-keys", "shift-clock")
"""Faults that end a worker in good order."""

FIELDS = ("event_type", "ordering_key", "valid")
"""What a publisher notes of an event beside its tenant, its id and the answers."""


class Appending:
    """A file to which whole lines are appended. A line is with the kernel when `note` returns.

    A process that is killed thereafter takes nothing of it along.
    """

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(self, **line: object) -> None:
        """Append a line."""
        os.write(self._file, json.dumps(line).encode() + b"\n")


def lines_of(file: Path) -> list[dict[str, Any]]:
    """Return the lines of a file. A last line without an end was not written, so it is left out."""
    if not file.exists():
        return []
    whole, _, _ = file.read_bytes().rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()]


@dataclass(frozen=True)
class Post:
    """A POST at the receiver. `answered` is null if the sender left before the answer, or died.

    `status` is 0 if it was not going to be answered. `token` stands in the answer's body, and in no
    other answer. `tenant`, `event` and `event_type` are those of the body; `webhook_id` is that of
    the header. `intact`: the body was read, and has what was published and nothing else. `left` is
    when its sender was seen to leave without an answer.
    """

    token: str
    hook: str
    connection: int
    arrived: float
    webhook_id: str
    attempt: int
    tenant: str
    event: str
    genuine: bool
    status: int
    answered: float | None = None
    event_type: str | None = None
    intact: bool = True
    left: float | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver has taken the event."""
        return self.answered is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Answer:
    """What the API answered to a publish. `status` is null if there was no answer."""

    asked: float
    answered: float
    status: int | None
    event: str | None = None
    duplicate: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class Published:
    """An event, and all answers to its publishes, the first one first.

    A publish that has no line for its end was under way when the publisher ended. One that is not
    `valid` must be refused.
    """

    tenant: str
    event: str
    event_type: str
    ordering_key: str | None
    begun: tuple[float, ...]
    answers: tuple[Answer, ...]
    valid: bool = True

    @property
    def accepted(self) -> Answer | None:
        """The first 202, or None."""
        return next((answer for answer in self.answers if answer.status == 202), None)

    @property
    def may_be_accepted(self) -> bool:
        """Whether Temporal may have it: it was accepted, or nobody knows.

        An answer that says 503 says that too: it was not known to be stored. 4xx is a refusal. One
        that is not valid can have been stored by no means.
        """
        refusals = sum(
            answer.status is not None and 400 <= answer.status < 500 for answer in self.answers
        )
        return self.valid and len(self.begun) > refusals


@dataclass(frozen=True)
class Strike:
    """A fault that was done. `doubles`: a POST that was in flight may be made once more."""

    fault: str
    began: float
    ended: float
    doubles: bool
    kills_worker: bool = False

    @property
    def hits_receiver(self) -> bool:
        """Whether it is one of the network before the receiver."""
        return self.fault.endswith("-receiver")

    @property
    def keeps_back(self) -> bool:
        """Whether POSTs that were made before its end arrive after it."""
        return self.hits_receiver or self.fault.startswith("stop-")

    @property
    def may_prevent_posts(self) -> bool:
        """Whether an attempt that it meets may have no POST."""
        return self.doubles or self.fault.endswith("-names")

    @property
    def shifts_clock(self) -> bool:
        """Whether what is signed meanwhile may have a wrong time."""
        return self.fault == "shift-clock"

    @property
    def replaces_worker(self) -> bool:
        """Whether a worker goes, and what only its process knew."""
        return self.kills_worker or self.fault in REPLACING

    @property
    def loses_signals(self) -> bool:
        """Whether what a worker signals meanwhile may be gone."""
        return self.kills_worker or self.fault.endswith(("-temporal", "-all"))


@dataclass(frozen=True)
class Told:
    """A delivery as the API tells it in the end."""

    tenant: str
    event: str
    endpoint: str
    state: str
    next_attempt_at: str | None
    attempts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Answers:
    """What the API tells in the end: deliveries, endpoints with statistics, counts of tenants.

    `asked` is when each tenant's deliveries were asked for. It is empty if nobody has asked.
    """

    asked: Mapping[str, float]
    deliveries: tuple[Told, ...]
    endpoints: Mapping[str, Mapping[str, Any]]
    statistics: Mapping[str, Mapping[str, Any]]
    totals: Mapping[str, Mapping[str, int]]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what was written down. A run that was broken off has asked nothing."""
        if not (folder / File.COUNTERS).exists():
            return cls({}, (), {}, {}, {})
        told = json.loads((folder / File.TOLD).read_text())
        deliveries = (Told(**{**it, "attempts": tuple(it["attempts"])}) for it in told["rows"])
        counters = json.loads((folder / File.COUNTERS).read_text())
        return cls(told["asked"], tuple(deliveries), **counters)


def posts_in(folder: Path) -> list[Post]:
    """Return the POSTs of a run, in the order of their arrival."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines_of(folder / File.POSTS):
        found.setdefault(line["token"], {}).update(line)
    return [Post(**line) for line in found.values()]


def publishes_in(folder: Path) -> list[Published]:
    """Return the events of a run, in the order in which they were first published."""
    events: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines_of(folder / File.PUBLISHES):
        key = line["tenant"], line["event"]
        kept = events.setdefault(key, {"begun": [], "answers": []})
        if "answer" in line:
            kept["answers"].append(Answer(**line["answer"]))
        else:
            kept["begun"].append(line["asked"])
            kept["fields"] = {name: line[name] for name in FIELDS}
    return [
        Published(*key, **it["fields"], begun=tuple(it["begun"]), answers=tuple(it["answers"]))
        for key, it in events.items()
    ]


def unrecorded_in(folder: Path) -> frozenset[str]:
    """Return the tokens of POSTs of which Temporal had no record when they were made once more."""
    file = folder / File.UNRECORDED
    return frozenset(json.loads(file.read_text())) if file.exists() else frozenset()


def strikes_in(folder: Path) -> list[Strike]:
    """Return what was done to the site, in the order in which it ended."""
    return [Strike(**line) for line in lines_of(folder / File.STRIKES)]
