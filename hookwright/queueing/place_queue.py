"""The rules of a queue as a state machine: who has a place, and whose turn it is.

The workflow `EndpointQueue` owns it (docs/decisions/0029-rate-limits-and-order.md).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from hookwright.queueing.heads import Head, check_at_after, number_that_wait, to_look_at
from hookwright.queueing.place import QueuePlace
from hookwright.queueing.rules import QueueRules
from hookwright.queueing.state import QueueState, QueueView
from hookwright.queueing.turns import Ended, QueueTurns, TurnsGiven
from hookwright.sizes import MAX_QUEUE_BYTES

MAX_AT_ONCE = 20
"""Ordering keys of a queue that are given turns at the same time, and heads that are looked at."""

PACED_SECONDS, MAX_PACED = 3.0, 500
"""For how long one activity gives turns at a rate limit, and at most how many. A new limit takes
effect within this time."""

IN_A_ROW = 20
"""Deliveries of one ordering key that one activity sends one after the other."""

AHEAD = timedelta(seconds=0.5)
"""How long before its first turn an activity is started."""


class PlaceQueue:
    """The places of one queue.

    Without an order, a delivery that has had its turn is forgotten, and takes another place for its
    next attempt. With an order, it stays the head of its ordering key until it has ended.

    `as_before`: heads that wait, for a retry or a person, take room from other ordering keys, as in
    runs of an earlier version.
    """

    def __init__(self, state: QueueState) -> None:
        self.tenant_id, self.endpoint_id = state.tenant_id, state.endpoint_id
        self.rules: QueueRules | None = None
        self.pace = state.pace
        self.turned_away = 0
        self._heads = {head.place.key: head for head in state.heads}
        self._lines: dict[str, dict[str, QueuePlace]] = {}
        self._bytes = sum(head.place.size for head in state.heads)
        for place in state.waiting:
            self._append(place)
        self._under_way: set[str | None] = set()
        self._looked_at: set[str | None] = set()
        self.as_before = False
        self._rules_wanted = True

    def state(self) -> QueueState:
        """Return all that the next run needs."""
        return QueueState(
            tenant_id=self.tenant_id,
            endpoint_id=self.endpoint_id,
            waiting=list(self._waiting()),
            heads=list(self._heads.values()),
            pace=self.pace,
        )

    def view(self) -> QueueView:
        """Return what people see of the queue."""
        return QueueView.of(self._heads.values(), self._lines.values())

    @property
    def is_empty(self) -> bool:
        """Whether no delivery waits, or is one for which others would have to wait."""
        return not (self._lines or self._heads)

    def may_end(self, now: datetime) -> bool:
        """Return whether nothing waits, nor a next turn: a new queue gives its first at once."""
        return self.is_empty and self.next_turn_at(now) <= now

    @property
    def is_idle(self) -> bool:
        """Whether no turns are being given."""
        return not self._under_way

    # What happens to the queue.

    def take(self, place: QueuePlace) -> None:
        """Give a delivery its place, or note that it waits for its turn there.

        If there is no room, it gets no place: it asks again later.
        """
        if self.rules is None and None not in self._under_way:
            self._rules_wanted = True
        head = self._heads.get(place.key)
        known = self._line(place).get(place.event_id)
        if head and head.place.event_id == place.event_id:
            if place.attempt > head.place.attempt:
                head.place, head.asks, head.given_up = place, True, False
        elif known:
            if place.attempt > known.attempt:
                self._line(place)[place.event_id] = place
        elif self._bytes + place.size > MAX_QUEUE_BYTES:
            self.turned_away += 1
        else:
            self._append(place)

    def look_at(self, event_id: str, now: datetime) -> None:
        """Note that a delivery is reported to have ended. It may be one that others wait for."""
        for head in self._heads.values():
            if head.place.event_id == event_id:
                head.check_at, head.checks = now, 0

    def read_rules(self) -> None:
        """Note that the endpoint was changed."""
        self._rules_wanted = True

    # Turns.

    def due(self, now: datetime) -> list[QueueTurns]:
        """Return the turns that are to be given now, each for an activity of its own."""
        found: list[QueueTurns] = []
        if self._rules_wanted and None not in self._under_way:
            self._rules_wanted = False
            found.append(self._turns(None, []))
        if self.rules and self.rules.in_order:
            found.extend(self._in_order(now, self.rules))
        elif self.rules:
            found.extend(self._paced(now, self.rules))
        self._under_way.update(turns.line for turns in found)
        self._looked_at.update(turns.line for turns in found if turns.watch_first)
        return found

    def due_at(self, now: datetime) -> datetime | None:
        """Return when `due` is to be asked again if nothing happens until then."""
        free = [head for line, head in self._heads.items() if line not in self._under_way]
        times = [head.check_at for head in free if not head.asks]
        if len(self._looked_at) == MAX_AT_ONCE:
            times = []
        if self.rules is None:
            # Nothing can be given before they are read, so a moment that is past is not waited for.
            times = [time for time in times if time > now]
        waits_for_time = any(head.asks for head in free) or (self._lines and self.is_idle)
        if waits_for_time and not self._is_time(now):
            times.append(self.next_turn_at(now) - AHEAD)
        return min(times, default=None)

    def next_turn_at(self, now: datetime) -> datetime:
        """Return when the rate limit allows the next turn."""
        return self.pace.next_at(now, self.rules.interval if self.rules else 0.0)

    def given(self, turns: QueueTurns, result: TurnsGiven, now: datetime) -> None:
        """Note what came of turns."""
        self._under_way.discard(turns.line)
        self._looked_at.discard(turns.line)
        if turns.places and turns.rules and not turns.rules.in_order:
            self.pace = result.pace
        for place in turns.places[: result.done]:
            self._drop(place)
        if result.last and result.done < len(turns.places):
            self._wait_for(turns.places[result.done], result.last, now)
        self._follow(result.rules, now)

    def _paced(self, now: datetime, rules: QueueRules) -> Iterator[QueueTurns]:
        """Yield the next turns of a queue without an order. The activity keeps the pace."""
        if self._lines and not self._under_way - {None} and self._is_time(now):
            number = round((rules.per_second or MAX_PACED) * PACED_SECONDS)
            places = islice(self._waiting(), min(max(1, number), MAX_PACED))
            yield self._turns("", list(places))

    def _in_order(self, now: datetime, rules: QueueRules) -> Iterator[QueueTurns]:
        """Yield the next turns of each ordering key. With a rate limit, each is one turn."""
        self._fill_heads(now)
        looks = to_look_at(self._heads, self._under_way, now, MAX_AT_ONCE - len(self._looked_at))
        for line, head in self._heads.items():
            if line in self._under_way:
                continue
            if not head.asks:
                if line in looks:
                    yield self._turns(line, [head.place], watch_first=True)
            elif not rules.per_second:
                yield self._turns(line, [head.place, *self._ready(line, IN_A_ROW)])
            elif self._is_time(now):
                yield self._turns(line, [head.place])
                self.pace = self.pace.after_turn(self.next_turn_at(now), rules.interval)

    def _fill_heads(self, now: datetime) -> None:
        """Make the first waiting delivery of each free ordering key its head.

        A head that has had its turn and waits, for a retry or a person, takes no room: many of
        these would stop the other keys.
        """
        free = (line for line in self._lines if line not in self._heads)
        waiting = 0 if self.as_before else number_that_wait(self._heads, self._under_way)
        for line in list(islice(free, max(0, MAX_AT_ONCE + waiting - len(self._heads)))):
            place = next(iter(self._lines[line].values()))
            self._remove(place)
            self._bytes += place.size
            at = check_at_after(now)
            self._heads[line] = Head(place=place, asks=place.attempt > 0, check_at=at)

    def _ready(self, line: str, number: int) -> list[QueuePlace]:
        """Return the places that follow a head, up to the first that does not ask for its turn."""
        places = list(islice(self._lines.get(line, {}).values(), number))
        return places[: next((n for n, it in enumerate(places) if not it.attempt), number)]

    def _wait_for(self, place: QueuePlace, ended: Ended, now: datetime) -> None:
        """Have the others of its key wait for a delivery that has had its turn."""
        if self.rules is None or not self.rules.in_order:
            return
        head = self._heads.get(place.key)
        if head is None or head.place.event_id != place.event_id:
            asked = self._line(place).get(place.event_id, place)
            self._remove(asked)
            self._bytes += asked.size
            head = Head(place=asked, asks=asked.attempt > place.attempt, check_at=now)
            self._heads[place.key] = head
        elif head.place.attempt == place.attempt:
            head.asks = False
        head.given_up = ended is Ended.GIVEN_UP
        head.check_later(now)

    # Rules.

    def _follow(self, rules: QueueRules | None, now: datetime) -> None:
        """Follow these rules, unless they are older. None: the endpoint is gone with its queue."""
        if rules is None:
            self._lines, self._heads, self._bytes, self.rules = {}, {}, 0, None
            return
        known = self.rules
        if known and known.version >= rules.version:
            return
        self.rules = rules
        for head in self._heads.values():
            head.check_at = now  # what held it up may be no reason any more
        if not rules.in_order:
            asking = [head.place for head in self._heads.values() if head.asks]
            self._line_up([*asking, *self._waiting()])
        elif known and not known.in_order:
            self._line_up(list(self._waiting()))

    def _line_up(self, places: list[QueuePlace]) -> None:
        """Have these places in the lines that the rules ask for.

        A delivery that has not asked for its turn so far does so by itself, and needs a place
        before that only in an ordered queue.
        """
        self._lines, self._heads, self._bytes = {}, {}, 0
        for place in places:
            if place.attempt:
                self._append(place)

    # Places.

    def _line(self, place: QueuePlace) -> dict[str, QueuePlace]:
        """Return the line that a place is in; without an order there is only one."""
        return self._lines.get(self._line_name(place), {})

    def _line_name(self, place: QueuePlace) -> str:
        return place.key if self.rules is None or self.rules.in_order else ""

    def _append(self, place: QueuePlace) -> None:
        self._lines.setdefault(self._line_name(place), {})[place.event_id] = place
        self._bytes += place.size

    def _remove(self, place: QueuePlace) -> None:
        line = self._line(place)
        if line.pop(place.event_id, None):
            self._bytes -= place.size
            if not line:
                del self._lines[self._line_name(place)]

    def _drop(self, place: QueuePlace) -> None:
        """Take a place away that needs nothing more, unless it was taken for a later attempt."""
        head = self._heads.get(place.key)
        known = self._line(place).get(place.event_id)
        if head and head.place.event_id == place.event_id:
            del self._heads[place.key]
            self._bytes -= head.place.size
            if head.place.attempt > place.attempt and not self.as_before:
                self._append(head.place)
        elif known and known.attempt <= place.attempt:
            self._remove(known)

    def _waiting(self) -> Iterator[QueuePlace]:
        return (place for line in self._lines.values() for place in line.values())

    def _is_time(self, now: datetime) -> bool:
        return self.next_turn_at(now) <= now + AHEAD

    def _turns(
        self, line: str | None, places: list[QueuePlace], *, watch_first: bool = False
    ) -> QueueTurns:
        return QueueTurns(
            tenant_id=self.tenant_id,
            endpoint_id=self.endpoint_id,
            line=line,
            rules=self.rules,
            places=places,
            pace=self.pace,
            watch_first=watch_first,
        )
