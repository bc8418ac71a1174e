"""The ledger of a run as a whole, with what the rules look up in it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
    unrecorded_in,
)
from ledger.world import TIMEOUT_SECONDS, Behaviour, Hook, World

UNRECORDED_SECONDS = 6.0
"""How long after its answer an attempt may not be stored yet: the timeout of a workflow task."""

FLUSH_SECONDS = 1.0
"""What a network, or a process that is stopped, has kept back arrives when that is over."""

OPEN_STATES = ("pending", "held")


class Key(NamedTuple):
    """A delivery: the name of its hook, and its event."""

    hook: str
    event: str


class Repeat(NamedTuple):
    """A POST that was made once more, and what explains it.

    `strike`: a fault struck while it was in flight. `connection_ended`: a request on a connection
    that was kept open, and ends before any byte of a reply, is sent once more over a new one
    (docs/decisions/0004-egress.md). `forgotten`: Temporal had no record of it yet, and the worker
    that knew of it was replaced.
    """

    first: Post
    second: Post
    strike: Strike | None
    connection_ended: bool
    forgotten: bool

    @property
    def is_explained(self) -> bool:
        """Whether there is a reason for it."""
        return self.connection_ended or self.strike is not None or self.forgotten


@dataclass(frozen=True)
class Book:
    """Everything that all sides have written down."""

    world: World
    posts: Sequence[Post]
    published: Sequence[Published]
    strikes: Sequence[Strike]
    answers: Answers
    unrecorded: frozenset[str] = frozenset()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the files of a run's folder."""
        return cls(
            World.read(folder / File.WORLD),
            posts_in(folder),
            publishes_in(folder),
            strikes_in(folder),
            Answers.read(folder),
            unrecorded_in(folder),
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
        """What the API tells of each delivery: of one that it tells twice, the first row."""
        names, found = self._names, dict[Key, Told]()
        for it in self.answers.deliveries:
            if it.endpoint in names:
                found.setdefault(Key(names[it.endpoint], it.event), it)
        return found

    @cached_property
    def surplus_rows(self) -> Sequence[Told]:
        """What the API tells of no endpoint of this world, or of a delivery once more."""
        first = {id(it) for it in self.told.values()}
        return [it for it in self.answers.deliveries if id(it) not in first]

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {endpoint: name for name, endpoint in self.world.endpoints.items()}

    @cached_property
    def still_open(self) -> Sequence[Key]:
        """The deliveries that had not ended when the API was asked."""
        return [key for key, told in self.told.items() if told.state in OPEN_STATES]

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

        A POST repeats the one before it if both are the same attempt, or else the latest success
        before it, however many POSTs are between them.
        """
        return [
            Repeat(
                first,
                second,
                self.explaining(first, second),
                self._ended(first, second),
                self._forgotten(first, second),
            )
            for posts in self.posts_of.values()
            for number, second in enumerate(posts)
            if (first := _repeated(posts[:number], second))
        ]

    @cached_property
    def _openers(self) -> Mapping[int, Post]:
        """The first POST of each connection."""
        openers: dict[int, Post] = {}
        for post in sorted(self.posts, key=lambda post: post.arrived):
            openers.setdefault(post.connection, post)
        return openers

    def _ended(self, first: Post, second: Post) -> bool:
        """Return whether a POST went out again because its kept connection ended.

        The receiver or the network must have ended it, and not the sender; and the second one is
        made within the same attempt.
        """
        hook = self.hooks.get(first.hook)
        was_kept = self._openers[first.connection] is not first
        is_new = self._openers[second.connection] is second
        return (
            hook is not None
            and (first.answered is None and was_kept and is_new)
            and first.attempt == second.attempt
            and second.arrived - first.arrived <= hook.timeout
            and (
                (first.status == 0 and hook.behaviour is Behaviour.DROPPING)
                or any(strike.hits_receiver for strike in self.cutting(first))
            )
        )

    def _forgotten(self, first: Post, second: Post) -> bool:
        """Return whether a worker that knew of a POST may have gone before it was recorded."""
        return first.token in self.unrecorded and any(
            strike.replaces_worker
            and strike.began <= second.arrived
            and first.arrived <= strike.ended
            for strike in self.strikes
        )

    def explaining(self, first: Post, second: Post) -> Strike | None:
        """Return the fault because of which a POST was repeated: it was in flight then."""
        for strike in self.cutting(first):
            if strike.began <= second.arrived:
                return strike
        return None

    def cutting(self, post: Post) -> Iterator[Strike]:
        """Yield the faults during which a POST was in flight: not over, or not stored yet."""
        stored = self.over(post) + UNRECORDED_SECONDS
        for strike in self.strikes:
            ended = strike.ended + (FLUSH_SECONDS if strike.keeps_back else 0)
            if strike.doubles and strike.began <= stored and post.arrived <= ended:
                yield strike

    def over(self, post: Post) -> float:
        """Return when a POST was over: answered, left by its sender, or given up by it."""
        hook = self.hooks.get(post.hook)
        timeout = hook.timeout if hook else TIMEOUT_SECONDS
        return post.answered or post.left or post.arrived + timeout


def _repeated(before: Sequence[Post], second: Post) -> Post | None:
    """Return the POST that another one repeats, or None."""
    if before and second.attempt <= before[-1].attempt:
        return before[-1]
    return next((post for post in reversed(before) if post.succeeded), None)
