"""The ledger of a run as a whole, with what the rules look up in it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

from ledger.records import (
    Answers,
    File,
    Post,
    Published,
    Strike,
    Told,
    posts_in,
    publishes_in,
    strikes_in,
)
from ledger.world import Hook, World

UNRECORDED_SECONDS = 6.0
"""How long after its answer an attempt may not be stored yet: the timeout of a workflow task."""


class Key(NamedTuple):
    """A delivery: the name of its hook, and its event."""

    hook: str
    event: str


class Repeat(NamedTuple):
    """A POST that was made once more, and what explains it: a fault, or that its connection ended.

    A request on a connection that was kept open, and ends before any byte of a reply, is sent once
    more over a new one (docs/decisions/0004-egress.md).
    """

    first: Post
    second: Post
    strike: Strike | None
    connection_ended: bool

    @property
    def is_explained(self) -> bool:
        """Whether there is a reason for it."""
        return self.connection_ended or self.strike is not None


@dataclass(frozen=True)
class Book:
    """Everything that all sides have written down."""

    world: World
    posts: Sequence[Post]
    published: Sequence[Published]
    strikes: Sequence[Strike]
    answers: Answers

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the files of a run's folder."""
        return cls(
            World.read(folder / File.WORLD),
            posts_in(folder),
            publishes_in(folder),
            strikes_in(folder),
            Answers.read(folder / File.TOLD),
        )

    @cached_property
    def hooks(self) -> Mapping[str, Hook]:
        """The hooks by their names."""
        return {hook.name: hook for hook in self.world.hooks}

    @cached_property
    def events(self) -> Mapping[str, Published]:
        """The events by their ids, which are those of one tenant each."""
        return {event.event: event for event in self.published}

    @cached_property
    def told(self) -> Mapping[Key, Told]:
        """What the API tells of each delivery."""
        names = {endpoint: name for name, endpoint in self.world.endpoints.items()}
        return {Key(names[it.endpoint], it.event): it for it in self.answers.deliveries}

    @cached_property
    def posts_of(self) -> Mapping[Key, Sequence[Post]]:
        """The POSTs of each delivery, in the order of their arrival."""
        found = defaultdict(list)
        for post in sorted(self.posts, key=lambda post: post.arrived):
            found[Key(post.hook, post.webhook_id)].append(post)
        return found

    @cached_property
    def expected(self) -> Sequence[Key]:
        """The deliveries that must be there: each 202, for every endpoint that must have it."""
        return [
            Key(hook.name, event.event)
            for event in self.published
            if event.accepted
            for hook in self.world.wanting(event.tenant, event.event_type)
        ]

    @cached_property
    def repeats(self) -> Sequence[Repeat]:
        """The POSTs that were made once more.

        A POST repeats the one before it if both are the same attempt, or if that one was a success.
        """
        return [
            Repeat(first, second, self.explaining(first, second), self._ended(first, second))
            for posts in self.posts_of.values()
            for first, second in pairwise(posts)
            if second.attempt <= first.attempt or first.succeeded
        ]

    @cached_property
    def _openers(self) -> Mapping[int, Post]:
        """The first POST of each connection."""
        openers: dict[int, Post] = {}
        for post in sorted(self.posts, key=lambda post: post.arrived):
            openers.setdefault(post.connection, post)
        return openers

    def _ended(self, first: Post, second: Post) -> bool:
        """Return whether a POST went out again because its kept connection ended."""
        was_kept = self._openers[first.connection] is not first
        is_new = self._openers[second.connection] is second
        return first.answered is None and was_kept and is_new and first.attempt == second.attempt

    def explaining(self, first: Post, second: Post) -> Strike | None:
        """Return the fault because of which a POST was repeated: it was in flight then."""
        for strike in self.cutting(first):
            if strike.began <= second.arrived:
                return strike
        return None

    def cutting(self, post: Post) -> Iterator[Strike]:
        """Yield the faults during which a POST was in flight: not answered, or not stored yet."""
        for strike in self.strikes:
            over = post.answered is not None and post.answered + UNRECORDED_SECONDS < strike.began
            if strike.doubles and not over and post.arrived <= strike.ended:
                yield strike
