"""Those that had no turn ask again at times of their own."""

import pytest

from hookwright.turns.asking_again import MAX_SECONDS, MIN_SECONDS, AskingAgain


def test_each_has_a_time_of_its_own() -> None:
    """The times are as far apart as turns have ended of late."""
    asking = AskingAgain()
    for number in range(100):
        asking.turn_ended(now=number * 0.25)
    assert [asking.seconds(now=25.0) for _ in range(3)] == pytest.approx(
        [MIN_SECONDS, MIN_SECONDS + 0.25, MIN_SECONDS + 0.5], rel=0.01
    )
    assert asking.seconds(now=30.0) == MIN_SECONDS


def test_nobody_is_sent_away_for_long() -> None:
    """However many have no turn, and however slowly turns end, each may ask again in a minute."""
    asking = AskingAgain()
    for number in range(20):
        asking.turn_ended(now=number * 10.0)
    waits = [asking.seconds(now=200.0) for _ in range(50)]
    assert waits == sorted(waits)
    assert max(waits) == MAX_SECONDS


def test_before_a_turn_has_ended_all_ask_soon() -> None:
    """While nothing is known of the turns, the shortest time is told."""
    asking = AskingAgain()
    assert [asking.seconds(now=5.0) for _ in range(3)] == [MIN_SECONDS] * 3
