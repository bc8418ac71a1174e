"""The deliveries that wait for an endpoint, and the pace at which they are let go.

What keeps any from being forgotten: a delivery parks only after its report is stored with the
endpoint, which counts it; while it counts any and may deliver, it looks for them
(docs/decisions/0009-health.md).
"""

from datetime import datetime, timedelta

from pydantic import BaseModel

from hookwright.times import Timestamp

LONGEST_PAUSE_SECONDS = 300
FIRST_PACE, FASTEST_PACE = 1.0, 1_000.0
CATCH_UP_GROWTH = 1.5

SEARCH_AGAIN_SECONDS = (1, 1, 2, 4, 8, 60, 300, 1_800, 3_600)
"""After how long what is counted, and was not found, is looked for again: visibility lags."""

OPEN_AFTER_EMPTY_SEARCHES = 5
"""After so many looks in vain new deliveries no longer queue behind what was not found."""

SETTLED_AFTER = timedelta(seconds=10)
"""After so long visibility shows where each delivery stands: five times the lag that is reckoned
with (`activities.entities.VISIBILITY_LAG_SECONDS`)."""

COUNT_INTERVAL = timedelta(minutes=1)

RECOUNT_AFTER = timedelta(hours=1)
"""When nothing has moved for so long, nobody is about to park: what is not found is not there."""

EXPIRY_CHECK_AFTER = timedelta(seconds=10)


class HeldQueue(BaseModel):
    """The queue of an endpoint.

    While it is `throttled_until` some time, or drains, new deliveries queue behind. `pace` is in
    deliveries a second; it doubles with each release that goes well. `catch_up_factor` multiplies
    the top pace while more deliveries come in than leave. `held` follows the reports; a count at
    `next_count_at` corrects it.
    """

    held: int = 0
    last_moved_at: Timestamp | None = None
    counted_at: Timestamp | None = None
    next_count_at: Timestamp | None = None
    throttled_until: Timestamp | None = None
    pauses: int = 0
    draining_since: Timestamp | None = None
    pace: float = FIRST_PACE
    catch_up_factor: float = 1.0
    next_release_at: Timestamp | None = None
    held_at_release: int = 0
    empty_searches: int = 0
    next_expiry_at: Timestamp | None = None

    @property
    def queueing(self) -> bool:
        """Whether new deliveries must queue."""
        return self.throttled_until is not None or self.draining_since is not None

    def moved(self, now: datetime, *, was_held: bool, is_held: bool) -> None:
        """Count a delivery that was parked, or left."""
        if is_held is was_held:
            return
        self._set_held(now, self.held + 1 if is_held else max(0, self.held - 1))

    def counted(self, now: datetime, found: int) -> bool:
        """Take what visibility shows, nothing having moved meanwhile; tell if `held` was wrong.

        Too few counted would be lost, too many would be looked for in vain. Once it is zero, and
        stays so, there is a second look after an hour: one may have been about to park.
        """
        self.counted_at = now
        if found != self.held:
            self._set_held(now, found)
            return True
        unmoved_until = (self.last_moved_at or now) + RECOUNT_AFTER
        if self.held:
            self.next_count_at = now + RECOUNT_AFTER
        else:
            self.next_count_at = unmoved_until if unmoved_until > now else None
        return False

    def slow_down(self, now: datetime, asked_seconds: float | None) -> None:
        """Pause: for as long as the receiver asked, and twice as long as the last time.

        What fails during a pause was sent before it, and only its `Retry-After` counts.
        """
        pause = 0.0
        if self.throttled_until is None or now >= self.throttled_until:
            pause = min(2.0**self.pauses, LONGEST_PAUSE_SECONDS)
            self.pauses = min(self.pauses + 1, 10)
        until = now + timedelta(seconds=max(pause, asked_seconds or 0.0))
        self.throttled_until = max(until, self.throttled_until or until)
        self.pace, self.catch_up_factor = FIRST_PACE, 1.0

    def drain(self, now: datetime) -> None:
        """Begin to let go what waits."""
        self.throttled_until = None
        self.draining_since = self.draining_since or now
        self.pace, self.catch_up_factor, self.held_at_release = FIRST_PACE, 1.0, self.held
        self.empty_searches, self.next_release_at = 0, now

    def stop(self) -> None:
        """Let nothing go: the endpoint is paused or disabled."""
        self.throttled_until = self.draining_since = self.next_release_at = None

    def open(self) -> None:
        """Let new deliveries pass again."""
        self.throttled_until = self.draining_since = None
        self.pauses, self.pace, self.catch_up_factor = 0, FIRST_PACE, 1.0

    def release_due_at(self, now: datetime) -> datetime | None:
        """Return when to let go the next, or to open, while the endpoint is active."""
        if self.throttled_until:
            return self.throttled_until
        if self.held:
            return self.next_release_at or now
        return now if self.draining_since else None

    def speed(self, top_pace: float) -> float:
        """Return how many to let go a second."""
        return min(min(self.pace, top_pace) * self.catch_up_factor, FASTEST_PACE)

    def released(self, now: datetime, found: int, top_pace: float) -> None:
        """Go on after a release that found so many; faster, if nothing has failed since.

        The top pace is exceeded only while more come than leave: they would queue for ever.
        """
        if not found:
            self._missed(now)
            return
        self.empty_searches, self.next_release_at = 0, now
        if self.throttled_until:
            return
        if self.pace < top_pace:
            self.pace = min(self.pace * 2, top_pace)
        elif self.held > self.held_at_release:
            self.catch_up_factor = min(
                self.catch_up_factor * CATCH_UP_GROWTH, FASTEST_PACE / top_pace
            )
        self.held_at_release = self.held

    def _missed(self, now: datetime) -> None:
        wait = SEARCH_AGAIN_SECONDS[min(self.empty_searches, len(SEARCH_AGAIN_SECONDS) - 1)]
        self.empty_searches += 1
        self.next_release_at = now + timedelta(seconds=wait)
        if self.empty_searches == OPEN_AFTER_EMPTY_SEARCHES:
            self.open()

    def cancelled(self, now: datetime, number: int) -> None:
        """Go on after so many held were ended: they still show for a while, and others may come."""
        if number:
            self.empty_searches = 0
            self.next_release_at = now + timedelta(seconds=SEARCH_AGAIN_SECONDS[2])
        else:
            self._missed(now)

    def _set_held(self, now: datetime, held: int) -> None:
        more, self.held, self.last_moved_at = held > self.held, held, now
        if more and self.empty_searches:
            self.empty_searches, self.next_release_at = 0, now
        if held:
            self.next_expiry_at = self.next_expiry_at or now + EXPIRY_CHECK_AFTER
            self.next_count_at = now + RECOUNT_AFTER
        else:
            self.next_expiry_at = None
            again = self.counted_at + COUNT_INTERVAL if self.counted_at else now
            self.next_count_at = max(now + SETTLED_AFTER, again)
