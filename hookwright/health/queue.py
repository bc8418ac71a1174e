"""The deliveries that are held for an endpoint, and the pace at which they are released.

No held delivery is forgotten: a delivery is held only after the endpoint has stored its report
and counted it, and while the endpoint counts any and may deliver, it searches for them
(docs/decisions/0009-health.md).
"""

from datetime import datetime, timedelta

from pydantic import BaseModel

from hookwright.times import Timestamp

MAX_PAUSE_SECONDS = 300

INITIAL_PACE, MAX_PACE = 1.0, 1_000.0
"""In deliveries a second."""

CATCH_UP_GROWTH = 1.5

SEARCH_RETRY_SECONDS = (1, 1, 2, 4, 8, 60, 300, 1_800, 3_600)
"""The delays before the next search when held deliveries are counted but were not found, because
visibility lags."""

OPEN_AFTER_EMPTY_SEARCHES = 5
"""After this many searches without a result, new deliveries no longer queue behind those that were
not found."""

SETTLED_AFTER = timedelta(seconds=10)
"""After this time visibility shows the state of each delivery: five times the lag that is assumed
(`activities.entities.VISIBILITY_LAG_SECONDS`)."""

COUNT_INTERVAL = timedelta(minutes=1)

RECOUNT_AFTER = timedelta(hours=1)
"""If `held` has not changed for this long, no worker is about to hold a delivery, so one that is
not found does not exist."""

EXPIRY_CHECK_AFTER = timedelta(seconds=10)


class HeldQueue(BaseModel):
    """The held deliveries of an endpoint.

    While the queue is throttled (`throttled_until`) or drains, new deliveries are held behind the
    others. `pace` is in deliveries a second; it doubles after each release without a failure.
    `catch_up_factor` multiplies the top pace while more deliveries are added than released. `held`
    follows the reports; a count at `next_count_at` corrects it. `holding_since` is since when
    it has not been zero.
    """

    held: int = 0
    holding_since: Timestamp | None = None
    last_moved_at: Timestamp | None = None
    counted_at: Timestamp | None = None
    next_count_at: Timestamp | None = None
    throttled_until: Timestamp | None = None
    pauses: int = 0
    draining_since: Timestamp | None = None
    pace: float = INITIAL_PACE
    catch_up_factor: float = 1.0
    next_release_at: Timestamp | None = None
    held_at_release: int = 0
    empty_searches: int = 0
    next_expiry_at: Timestamp | None = None

    @property
    def queueing(self) -> bool:
        """Whether new deliveries must be held behind the others."""
        return self.throttled_until is not None or self.draining_since is not None

    def moved(self, now: datetime, *, was_held: bool, is_held: bool) -> None:
        """Count a delivery that is held now, or that is held no longer."""
        if is_held is was_held:
            return
        self._set_held(now, self.held + 1 if is_held else max(0, self.held - 1))

    def counted(self, now: datetime, found: int) -> bool:
        """Apply the number that visibility shows; return whether `held` was wrong.

        The caller ensures that `held` has not changed during the count. If `held` were too small,
        deliveries would be forgotten; if it were too large, the endpoint would search for ever.
        At zero there is a second count after an hour, because a worker may have been about to hold
        a delivery.
        """
        self.counted_at = now
        if found != self.held:
            self._set_held(now, found)
            return True
        second_count_at = (self.last_moved_at or now) + RECOUNT_AFTER
        if self.held:
            self.next_count_at = now + RECOUNT_AFTER
        else:
            self.next_count_at = second_count_at if second_count_at > now else None
        return False

    def slow_down(self, now: datetime, retry_after_seconds: float | None) -> None:
        """Pause for twice as long as the last time, but at least as long as the receiver asked.

        An attempt that fails during a pause was sent before it, so only its `Retry-After` counts.
        """
        pause = 0.0
        if self.throttled_until is None or now >= self.throttled_until:
            pause = min(2.0**self.pauses, MAX_PAUSE_SECONDS)
            self.pauses = min(self.pauses + 1, 10)
        until = now + timedelta(seconds=max(pause, retry_after_seconds or 0.0))
        self.throttled_until = max(until, self.throttled_until or until)
        self.pace, self.catch_up_factor = INITIAL_PACE, 1.0

    def succeeded(self, deliveries: int) -> None:
        """Halve the next pause with each delivery: a receiver that takes some is not down."""
        self.pauses = max(0, self.pauses - deliveries)

    def drain(self, now: datetime) -> None:
        """Begin to release the held deliveries."""
        self.throttled_until = None
        self.draining_since = self.draining_since or now
        self.pace, self.catch_up_factor, self.held_at_release = INITIAL_PACE, 1.0, self.held
        self.empty_searches, self.next_release_at = 0, now

    def stop(self) -> None:
        """Release nothing, because the endpoint is paused or disabled."""
        self.throttled_until = self.draining_since = self.next_release_at = None

    def open(self) -> None:
        """Let new deliveries be attempted at once again."""
        self.throttled_until = self.draining_since = None
        self.pauses, self.pace, self.catch_up_factor = 0, INITIAL_PACE, 1.0

    def release_due_at(self, now: datetime) -> datetime | None:
        """Return when an active endpoint is to release the next deliveries, or to open the queue.

        None: there is nothing to release and the queue is open.
        """
        if self.throttled_until:
            return self.throttled_until
        if self.held:
            return self.next_release_at or now
        return now if self.draining_since else None

    def release_pace(self, top_pace: float) -> float:
        """Return how many deliveries to release a second."""
        return min(min(self.pace, top_pace) * self.catch_up_factor, MAX_PACE)

    def released(self, now: datetime, found: int, top_pace: float) -> None:
        """Continue after a release that found this many; faster, if nothing has failed since.

        The top pace is exceeded only while more deliveries are added than released, because the
        queue would never end otherwise.
        """
        if not found:
            self._found_none(now)
            return
        self.empty_searches, self.next_release_at = 0, now
        if self.throttled_until:
            return
        if self.pace < top_pace:
            self.pace = min(self.pace * 2, top_pace)
        elif self.held > self.held_at_release:
            self.catch_up_factor = min(self.catch_up_factor * CATCH_UP_GROWTH, MAX_PACE / top_pace)
        self.held_at_release = self.held

    def _found_none(self, now: datetime) -> None:
        """Plan the next search after one that found no held delivery."""
        seconds = SEARCH_RETRY_SECONDS[min(self.empty_searches, len(SEARCH_RETRY_SECONDS) - 1)]
        self.empty_searches += 1
        self.next_release_at = now + timedelta(seconds=seconds)
        if self.empty_searches == OPEN_AFTER_EMPTY_SEARCHES:
            self.open()

    def cancelled(self, now: datetime, number: int) -> None:
        """Continue after this many held deliveries were cancelled.

        Visibility still shows them as held for a while, and others may be added.
        """
        if number:
            self.empty_searches = 0
            self.next_release_at = now + timedelta(seconds=SEARCH_RETRY_SECONDS[2])
        else:
            self._found_none(now)

    def _set_held(self, now: datetime, held: int) -> None:
        has_grown, self.held, self.last_moved_at = held > self.held, held, now
        if has_grown and self.empty_searches:
            self.empty_searches, self.next_release_at = 0, now
        self.holding_since = (self.holding_since or now) if held else None
        if held:
            self.next_expiry_at = self.next_expiry_at or now + EXPIRY_CHECK_AFTER
            self.next_count_at = now + RECOUNT_AFTER
        else:
            self.next_expiry_at = None
            allowed_at = self.counted_at + COUNT_INTERVAL if self.counted_at else now
            self.next_count_at = max(now + SETTLED_AFTER, allowed_at)
