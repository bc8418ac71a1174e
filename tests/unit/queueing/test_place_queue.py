"""The queue of an endpoint as a state machine: order, turns and rules in any sequence of events."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hookwright.queueing import (
    MAX_AT_ONCE,
    Ended,
    Head,
    PlaceQueue,
    QueuePlace,
    QueueRules,
    QueueState,
    QueueTurns,
    TurnsGiven,
)
from hookwright.queueing.place_queue import MAX_THAT_WAIT
from hookwright.sizes import MAX_QUEUE_BYTES

BEGIN = datetime(2026, 1, 15, tzinfo=UTC)
EMPTY = QueueState(tenant_id="t1", endpoint_id="ep_1")
IN_ORDER = QueueRules(version=1, in_order=True)


def queue_with(
    rules: QueueRules, state: QueueState = EMPTY, as_now: Callable[[], bool] = lambda: True
) -> PlaceQueue:
    """Return a queue, an empty one by default, that has read these rules."""
    queue = PlaceQueue(state, as_now)
    [read] = queue.due(BEGIN)
    queue.given(read, TurnsGiven(rules=rules), BEGIN)
    return queue


def queue_with_heads(number: int, as_now: Callable[[], bool] = lambda: True) -> PlaceQueue:
    """Return a queue with so many keys whose deliveries wait, and are due to be looked at."""
    places = (QueuePlace(f"evt_{n}", BEGIN, 1, key=f"key_{n}") for n in range(number))
    heads = [Head(place=place, asks=False, check_at=BEGIN, checks=5) for place in places]
    return queue_with(IN_ORDER, EMPTY.model_copy(update={"heads": heads}), as_now)


class QueueModel(RuleBasedStateMachine):
    """Deliveries that take places, ask, get turns and end, in the hands of a queue."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.version = BEGIN, 0
        self.rules = QueueRules(version=0, in_order=True)
        self.queue = queue_with(self.rules)
        self.keys: dict[str, str] = {}
        self.accepted: dict[str, list[str]] = defaultdict(list)  # by key
        self.asks: dict[str, int] = {}
        self.running: set[str] = set()
        self.ended: set[str] = set()
        self.under_way: list[QueueTurns] = []
        self.always_in_order = True

    # Deliveries.

    @rule(key=st.sampled_from(["", "k1"]), in_advance=st.booleans())
    def accept(self, key: str, in_advance: bool) -> None:  # noqa: FBT001 - drawn
        """An event is accepted: its place is taken, or its delivery asks at once."""
        event_id = f"evt_{len(self.keys)}"
        self.keys[event_id] = key
        self.accepted[key].append(event_id)
        if in_advance and self.rules.in_order:
            self.queue.take(QueuePlace(event_id, self.now, key=key))
        else:
            self.ask(event_id)

    @precondition(lambda self: len(self.asks) < len(self.keys))
    @rule(data=st.data())
    def ask_later(self, data: st.DataObject) -> None:
        """A delivery whose place was taken in advance asks for its turn."""
        self.ask(data.draw(st.sampled_from([it for it in self.keys if it not in self.asks])))

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """A signal is sent twice: that changes nothing."""
        if waiting := sorted(self.asks.keys() - self.ended - self.running):
            self.ask(data.draw(st.sampled_from(waiting)))

    def ask(self, event_id: str) -> None:
        attempt = max(1, self.asks.get(event_id, 1))
        self.asks[event_id] = attempt
        self.queue.take(QueuePlace(event_id, self.now, attempt, self.keys[event_id]))

    # Turns.

    @rule(seconds=st.sampled_from([0.0, 0.3, 2.0, 400.0]))
    def time_goes_by(self, seconds: float) -> None:
        """Turns that are due are begun."""
        self.now += timedelta(seconds=seconds)
        for turns in self.queue.due(self.now):
            assert all(turns.line != other.line for other in self.under_way)
            self.under_way.append(turns)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def finish_turns(self, data: st.DataObject) -> None:
        """The activity gives some of the turns, and is stopped by a delivery or by new rules."""
        turns = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        result = TurnsGiven(rules=self.rules, pace=turns.pace)
        if turns.rules == self.rules:
            for number, place in enumerate(turns.places):
                if not self.rules.in_order:
                    self.give(place)
                    self.end(place.event_id)
                elif place.event_id not in self.ended:
                    if not (turns.watch_first and number == 0):
                        self.give(place)
                    if not place.attempt or data.draw(st.booleans()):
                        result.last = Ended.NO
                        break
                    self.end(place.event_id)
                result.done += 1
        self.queue.given(turns, result, self.now)

    def give(self, place: QueuePlace) -> None:
        """Check that a delivery gets its turn only when those before it have ended."""
        assert place.attempt == self.asks[place.event_id]
        if self.always_in_order:
            line = self.accepted[place.key]
            before = line[: line.index(place.event_id)]
            assert self.ended.issuperset(before), f"{place.event_id} before {before}"
        self.running.add(place.event_id)

    def end(self, event_id: str) -> None:
        if event_id in self.running:
            self.running.discard(event_id)
            self.ended.add(event_id)

    # Rules, and a new run.

    @rule(
        in_order=st.booleans(),
        per_second=st.sampled_from([None, 0.5, 100.0]),
        noticed=st.booleans(),
    )
    def change_rules(self, *, in_order: bool, per_second: float | None, noticed: bool) -> None:
        """The endpoint is changed, and its queue may be told at once."""
        self.version += 1
        self.rules = QueueRules(version=self.version, in_order=in_order, per_second=per_second)
        self.always_in_order = self.always_in_order and in_order
        if noticed:
            self.queue.read_rules()

    @precondition(lambda self: not self.under_way)
    @rule()
    def continue_as_new(self) -> None:
        """A new run goes on where this one stopped."""
        stored = QueueState.model_validate_json(self.queue.state().model_dump_json())
        self.queue = PlaceQueue(stored)

    @invariant()
    def nobody_is_forgotten(self) -> None:
        """A delivery that asked has had its turn, has a place, or is about to have its turn."""
        state = self.queue.state()
        places = {it.event_id for it in state.waiting} | {it.place.event_id for it in state.heads}
        assert self.asks.keys() - self.ended - self.running <= places

    @invariant()
    def few_are_under_way(self) -> None:
        """Only so many ordering keys are given turns, and so many heads are looked at."""
        looks = sum(turns.watch_first for turns in self.under_way)
        given = sum(turns.line is not None for turns in self.under_way) - looks
        assert max(looks, given) <= MAX_AT_ONCE

    def teardown(self) -> None:
        """In the end, all deliveries that ask get their turns."""
        for event_id in self.keys:
            if event_id not in self.asks:
                self.ask(event_id)
        self.ended |= self.running
        for _ in range(3 * len(self.keys) + 10):
            self.now += timedelta(seconds=400)
            self.under_way += self.queue.due(self.now)
            while self.under_way:
                turns = self.under_way.pop()
                result = TurnsGiven(rules=self.rules, pace=turns.pace)
                if turns.rules == self.rules:
                    for place in turns.places:
                        self.running.add(place.event_id)
                        self.end(place.event_id)
                    result.done = len(turns.places)
                self.queue.given(turns, result, self.now)
        assert self.ended >= self.keys.keys()
        assert self.queue.is_empty


def test_whatever_happens_the_order_is_kept_and_nobody_is_forgotten() -> None:
    """QueueTurns, new rules, repeated signals and new runs, in any sequence."""
    run_state_machine_as_test(
        QueueModel,
        settings=settings(max_examples=100, stateful_step_count=60, deadline=None),
    )


def test_nothing_is_due_before_the_rules_are_read() -> None:
    """A run that continues another one waits for its rules, also if a look at a head is overdue.

    What `due_at` names must not be past while `due` has nothing: its caller would never rest.
    """
    head = Head(place=QueuePlace("evt_1", BEGIN), asks=False, check_at=BEGIN)
    queue = PlaceQueue(EMPTY.model_copy(update={"heads": [head]}))
    now = BEGIN + timedelta(seconds=1)
    [read] = queue.due(now)
    assert queue.due(now) == []
    assert queue.due_at(now) is None
    queue.given(read, TurnsGiven(rules=QueueRules(version=1, in_order=True)), now)
    assert [turns.places[0].event_id for turns in queue.due(now)] == ["evt_1"]


def test_a_full_queue_turns_a_delivery_away_until_there_is_room() -> None:
    """A place beyond the limit is not taken, and the state fits into the next run's argument."""
    queue = PlaceQueue(EMPTY)
    long_id = "e" * 50
    for number in range(MAX_QUEUE_BYTES // 100):
        queue.take(QueuePlace(f"{long_id}{number}", BEGIN, 1))
    assert queue.turned_away > 0
    assert len(queue.state().model_dump_json()) < MAX_QUEUE_BYTES
    assert queue.view().waiting > 10_000


def test_a_delivery_that_was_given_up_holds_the_others_if_the_endpoint_says_so() -> None:
    """The queue shows what it waits for, and goes on once that delivery has ended well."""
    rules = QueueRules(version=1, in_order=True, hold_on_give_up=True)
    queue = queue_with(rules)
    for number in range(2):
        queue.take(QueuePlace(f"evt_{number}", BEGIN, 1))
    [turns] = queue.due(BEGIN)
    queue.given(turns, TurnsGiven(rules=rules, last=Ended.GIVEN_UP), BEGIN)
    assert (queue.view().waiting, queue.view().blocked_by) == (1, "evt_0")
    assert queue.due(BEGIN) == []
    queue.look_at("evt_0", BEGIN)
    [watch] = queue.due(BEGIN)
    assert (watch.watch_first, [it.event_id for it in watch.places]) == (True, ["evt_0"])
    queue.given(watch, TurnsGiven(rules=rules, done=1), BEGIN)
    [next_turns] = queue.due(BEGIN)
    assert [it.event_id for it in next_turns.places] == ["evt_1"]
    assert queue.view().blocked_by is None


@pytest.mark.parametrize("ended", [Ended.GIVEN_UP, Ended.NO], ids=["given_up", "in_retry"])
def test_keys_that_wait_stop_no_other_key(ended: Ended) -> None:
    """However many keys wait for a person or for a retry, a key whose receiver takes has turns."""
    rules = QueueRules(version=1, in_order=True, hold_on_give_up=True)
    queue = queue_with(rules)
    for number in range(3 * MAX_AT_ONCE):
        queue.take(QueuePlace(f"evt_{number}", BEGIN, 1, key=f"bad_{number}"))
    stuck = 0
    while due := queue.due(BEGIN):
        assert len(due) <= MAX_AT_ONCE
        stuck += len(due)
        for turns in due:
            queue.given(turns, TurnsGiven(rules=rules, last=ended), BEGIN)
    assert stuck == 3 * MAX_AT_ONCE
    queue.take(QueuePlace("good", BEGIN, 1, key="good"))
    assert [turns.places[0].event_id for turns in queue.due(BEGIN)] == ["good"]


def test_keys_that_are_looked_at_stop_no_other_key() -> None:
    """A key that takes has its turn while as many others as may be are looked at."""
    queue = queue_with_heads(5 * MAX_AT_ONCE)
    assert len(queue.due(BEGIN)) == MAX_AT_ONCE
    queue.take(QueuePlace("good", BEGIN, 1, key="good"))
    assert [turns.places[0].event_id for turns in queue.due(BEGIN)] == ["good"]


def test_so_many_keys_may_wait() -> None:
    """With more, those that go on have less room, and then a key waits for one of them."""
    queue = queue_with_heads(MAX_THAT_WAIT + MAX_AT_ONCE)
    queue.take(QueuePlace("good", BEGIN, 1, key="good"))
    looks = queue.due(BEGIN)
    assert all(turns.watch_first for turns in looks)
    queue.given(looks[0], TurnsGiven(rules=IN_ORDER, done=1), BEGIN)
    assert "good" in {turns.places[0].event_id for turns in queue.due(BEGIN)}


def test_few_keys_have_turns_at_once() -> None:
    """However many that waited ask again, as when a recovery sends them: the others follow."""
    queue, given = queue_with_heads(MAX_THAT_WAIT), 0
    for number in range(MAX_THAT_WAIT):
        queue.take(QueuePlace(f"evt_{number}", BEGIN, 2, key=f"key_{number}"))
    while turns := queue.due(BEGIN):
        assert len(turns) <= MAX_AT_ONCE
        given += len(turns)
        for each in turns:
            queue.given(each, TurnsGiven(rules=IN_ORDER, done=1), BEGIN)
    assert given == MAX_THAT_WAIT


def test_a_run_of_an_earlier_version_goes_on_as_before() -> None:
    """Its history has no turns for other keys, and all looks and turns that are due at once."""
    queue = queue_with_heads(MAX_AT_ONCE, as_now=lambda: False)
    queue.take(QueuePlace("good", BEGIN, 1, key="good"))
    assert "good" not in {turns.places[0].event_id for turns in queue.due(BEGIN)}
    more = 3 * MAX_AT_ONCE
    assert len(queue_with_heads(more, as_now=lambda: False).due(BEGIN)) == more
    queue = queue_with_heads(more, as_now=lambda: False)
    for number in range(more):
        queue.take(QueuePlace(f"evt_{number}", BEGIN, 2, key=f"key_{number}"))
    assert len(queue.due(BEGIN)) == more


def test_few_are_asked_whether_they_are_of_an_earlier_version() -> None:
    """A queue in which no key waits leaves no mark in its history: an older version reads it."""
    queue = queue_with(IN_ORDER, as_now=lambda: pytest.fail("it makes no difference here"))
    for number in range(3 * MAX_AT_ONCE):
        queue.take(QueuePlace(f"evt_{number}", BEGIN, 1, key=f"key_{number}"))
    while due := queue.due(BEGIN):
        for turns in due:
            queue.given(turns, TurnsGiven(rules=IN_ORDER, done=1), BEGIN)
    assert queue.is_empty


def test_few_heads_are_looked_at_at_once_and_reported_ones_first() -> None:
    """Hundreds that are due wait for each other, and an end that was reported waits for none."""
    queue = queue_with_heads(5 * MAX_AT_ONCE)
    last = f"evt_{5 * MAX_AT_ONCE - 1}"
    queue.look_at(last, BEGIN)
    looks = queue.due(BEGIN)
    assert len(looks) == MAX_AT_ONCE
    assert last in {turns.places[0].event_id for turns in looks}
    assert queue.due(BEGIN) == []
    assert queue.due_at(BEGIN) is None
    queue.given(looks[0], TurnsGiven(rules=IN_ORDER, last=Ended.NO), BEGIN)
    assert len(queue.due(BEGIN)) == 1


def test_a_head_that_is_resent_while_others_have_turns_is_not_forgotten() -> None:
    """It asks for a turn again before its queue has noted that it was given up, and has one."""
    rules = QueueRules(version=1, in_order=True)
    queue = queue_with(rules)
    for number in range(2):
        queue.take(QueuePlace(f"evt_{number}", BEGIN, 1))
    [turns] = queue.due(BEGIN)
    queue.take(QueuePlace("evt_0", BEGIN, 3))
    queue.given(turns, TurnsGiven(rules=rules, done=1, last=Ended.NO), BEGIN)
    assert queue.view().waiting == 1
    queue.look_at("evt_1", BEGIN)
    [watch] = queue.due(BEGIN)
    queue.given(watch, TurnsGiven(rules=rules, done=1), BEGIN)
    [again] = queue.due(BEGIN)
    assert [(it.event_id, it.attempt) for it in again.places] == [("evt_0", 3)]


def test_a_retry_of_the_head_keeps_its_place_before_the_others() -> None:
    """With an order and a rate limit, the head asks again and has the next turn."""
    rules = QueueRules(version=1, in_order=True, per_second=1)
    queue = queue_with(rules)
    for number in range(2):
        queue.take(QueuePlace(f"evt_{number}", BEGIN, 1))
    [turns] = queue.due(BEGIN)
    queue.given(turns, TurnsGiven(rules=rules, last=Ended.NO), BEGIN)
    queue.take(QueuePlace("evt_0", BEGIN, 2))
    assert queue.due(BEGIN) == []
    later = BEGIN + timedelta(seconds=1)
    [again] = queue.due(later)
    assert [(it.event_id, it.attempt) for it in again.places] == [("evt_0", 2)]
    assert queue.due_at(later) is None


def test_reading_the_rules_again_does_not_bring_a_turn_forward() -> None:
    """The pace after a turn stays, although the rules were asked for before it and come after."""
    rules = QueueRules(version=1, per_second=0.01)
    queue = queue_with(rules)
    queue.read_rules()
    for number in range(2):
        queue.take(QueuePlace(f"evt_{number}", BEGIN, 1))
    [again, turns] = queue.due(BEGIN)
    after_turn = turns.pace.after_turn(BEGIN, rules.interval)
    queue.given(turns, TurnsGiven(rules=rules, done=1, pace=after_turn), BEGIN)
    queue.given(again, TurnsGiven(rules=rules, pace=again.pace), BEGIN)
    assert queue.due(BEGIN + timedelta(seconds=90)) == []
    assert queue.next_turn_at(BEGIN) > BEGIN + timedelta(seconds=90)
