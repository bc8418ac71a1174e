"""The rules of a queue as a state machine: who has a place, and whose turn it is.

The workflow `EndpointQueue` owns it (docs/decisions/0029-rate-limits-and-order.md).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from hookwright.queueing.heads import (
    Head,
    check_at_after,
    number_that_wait,
    those_that_ask,
    to_look_at,
)
from hookwright.queueing.lines import Lines
from hookwright.queueing.place import QueuePlace
from hookwright.queueing.rules import QueueRules
from hookwright.queueing.state import QueueState, QueueView
from hookwright.queueing.turns import Ended, QueueTurns, TurnsGiven
from hookwright.sizes import MAX_QUEUE_BYTES

MAX_AT_ONCE = 20
"""Ordering keys of a queue that are given turns at the same time, and heads that are looked at."""

MAX_THAT_WAIT = 100
"""Ordering keys whose delivery has had its turn and waits, for a retry or a person, that take no
room from others. Each is looked at now and then, and in every run of the queue."""

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

    `as_now` is asked where an earlier version did something else: False if a run is to go on as it
    would have. There a head that waits, for a retry or a person, took the place of another key.
    """

    def __init__(self, state: QueueState, as_now: Callable[[], bool] = lambda: True) -> None:
        self.tenant_id, self.endpoint_id = state.tenant_id, state.endpoint_id
        self.rules: QueueRules | None = None
        self.pace = state.pace
        self.turned_away = 0
        self._heads = {head.place.key: head for head in state.heads}
        self._lines = Lines(state.waiting)
        self._under_way: set[str | None] = set()
        self._looked_at: set[str | None] = set()
        self._as_now = as_now
        self._rules_wanted = True

    def state(self) -> QueueState:
        """Return all that the next run needs."""
        return QueueState(
            tenant_id=self.tenant_id,
            endpoint_id=self.endpoint_id,
            waiting=list(self._lines.all()),
            heads=list(self._heads.values()),
            pace=self.pace,
        )

    def view(self) -> QueueView:
        """Return what people see of the queue."""
        return QueueView.of(self._heads.values(), self._lines)

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
        line = self._lines.line(place.key)
        known = line.get(place.event_id)
        if head and head.place.event_id == place.event_id:
            if place.attempt > head.place.attempt:
                head.place, head.asks, head.given_up = place, True, False
        elif known:
            if place.attempt > known.attempt:
                line[place.event_id] = place
        elif self._bytes() + place.size > MAX_QUEUE_BYTES:
            self.turned_away += 1
        else:
            self._lines.append(place)

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
        if self._is_full(len(self._looked_at)):
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
            places = islice(self._lines.all(), min(max(1, number), MAX_PACED))
            yield self._turns("", list(places))

    def _in_order(self, now: datetime, rules: QueueRules) -> Iterator[QueueTurns]:
        """Yield the next turns of each ordering key. With a rate limit, each is one turn."""
        self._fill_heads(now)
        looks = self._looks(now)
        given = len(self._under_way - self._looked_at - {None})
        for line, head in self._heads.items():
            if line in self._under_way:
                continue
            if not head.asks:
                if line in looks:
                    yield self._turns(line, [head.place], watch_first=True)
                continue
            if (rules.per_second and not self._is_time(now)) or self._is_full(given):
                continue
            given += 1
            if rules.per_second:
                yield self._turns(line, [head.place])
                self.pace = self.pace.after_turn(self.next_turn_at(now), rules.interval)
            else:
                behind = self._lines.line(line).values()
                yield self._turns(line, [head.place, *those_that_ask(behind, IN_A_ROW)])

    def _is_full(self, under_way: int) -> bool:
        return under_way >= MAX_AT_ONCE and self._as_now()

    def _looks(self, now: datetime) -> set[str]:
        """Return the ordering keys whose heads are to be looked at."""
        due = to_look_at(self._heads, self._under_way, now)
        room = MAX_AT_ONCE - len(self._looked_at)
        return set(due[:room] if len(due) > room and self._as_now() else due)

    def _fill_heads(self, now: datetime) -> None:
        """Make the first waiting delivery of each free ordering key its head.

        A head that has had its turn and waits, for a retry or a person, takes no room: many of
        these would stop the other keys.
        """
        free = (line for line in self._lines if line not in self._heads)
        number, room = len(self._heads), max(0, MAX_AT_ONCE - len(self._heads))
        waiting = number_that_wait(self._heads, self._under_way - self._looked_at)
        most = max(0, MAX_AT_ONCE + min(waiting, MAX_THAT_WAIT) - number)
        lines = list(islice(free, most))
        for line in lines if len(lines) <= room or self._as_now() else lines[:room]:
            place = next(iter(self._lines.line(line).values()))
            self._lines.remove(place)
            at = check_at_after(now)
            self._heads[line] = Head(place=place, asks=place.attempt > 0, check_at=at)

    def _wait_for(self, place: QueuePlace, ended: Ended, now: datetime) -> None:
        """Have the others of its key wait for a delivery that has had its turn."""
        if self.rules is None or not self.rules.in_order:
            return
        head = self._heads.get(place.key)
        if head is None or head.place.event_id != place.event_id:
            asked = self._lines.line(place.key).get(place.event_id, place)
            self._lines.remove(asked)
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
            self._lines, self._heads, self.rules = Lines(), {}, None
            return
        known = self.rules
        if known and known.version >= rules.version:
            return
        self.rules = rules
        for head in self._heads.values():
            head.check_at = now  # what held it up may be no reason any more
        if not rules.in_order:
            asking = [head.place for head in self._heads.values() if head.asks]
            self._line_up([*asking, *self._lines.all()], rules)
        elif known and not known.in_order:
            self._line_up(self._lines.all(), rules)

    def _line_up(self, places: Iterable[QueuePlace], rules: QueueRules) -> None:
        """Have these places in the lines that the rules ask for.

        A delivery that has not asked for its turn so far does so by itself, and needs a place
        before that only in an ordered queue.
        """
        asking = (place for place in places if place.attempt)
        self._lines, self._heads = Lines(asking, by_key=rules.in_order), {}

    # Places.

    def _drop(self, place: QueuePlace) -> None:
        """Take a place away that needs nothing more, unless it was taken for a later attempt."""
        head = self._heads.get(place.key)
        known = self._lines.line(place.key).get(place.event_id)
        if head and head.place.event_id == place.event_id:
            del self._heads[place.key]
            if head.place.attempt > place.attempt and self._as_now():
                self._lines.append(head.place)
        elif known and known.attempt <= place.attempt:
            self._lines.remove(known)

    def _bytes(self) -> int:
        return self._lines.bytes + sum(head.place.size for head in self._heads.values())

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
