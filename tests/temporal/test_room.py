"""What a page may have under way, and what it gives back at its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pika_async.temporal._limits.room import Room
from pika_async.temporal._limits.unseen import UNSEEN_FOR, Unseen, until

NOW = datetime(2026, 11, 28, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)


def said(room, lines):
    """What it says while its lines end one by one."""
    return [most for left in range(lines, -1, -1) if (most := room.content(left)) is not None]


def test_what_a_page_cannot_use_any_more_is_given_back_in_a_few_steps():
    """Of 500 lines, the last 25 are told of in six."""
    assert said(Room(25), 500) == [16, 10, 6, 4, 2, 1, 0]


def test_a_page_that_can_use_all_that_it_has_says_nothing():
    assert said(Room(0), 5) == []
    assert Room(25).content(25) is None


def test_a_job_that_nobody_waits_for_takes_its_place_for_a_time():
    room = Room(2)
    room.lose(SOON)
    assert room.taken(1) == 2
    room.look(SOON)
    assert room.taken(1) == 1


def test_at_its_end_a_page_names_the_jobs_that_may_run_still():
    """Its campaign keeps their places."""
    room = Room(3)
    room.lose(NOW)
    room.lose(SOON)
    room.lose(SOON + timedelta(minutes=1))
    assert room.hand_over(NOW) == Unseen(jobs=2, until=SOON + timedelta(minutes=1))
    assert room.taken(0) == 0
    assert Room(3).hand_over(NOW) is None


def test_a_job_is_taken_to_run_for_a_quarter_of_an_hour_after_it_was_heard_of():
    """Whatever its owner is willing to wait: that says nothing of how long it runs."""
    assert until(NOW) == NOW + UNSEEN_FOR == NOW + timedelta(minutes=15)


@given(st.integers(0, 40), st.lists(st.sampled_from(["ended", "lost"]), max_size=60))
def test_what_a_page_says_it_is_content_with_is_never_passed(width, ends):
    """Every line that is left, and every job that is lost sight of, fits in."""
    room, most = Room(width), len(ends) + 1
    for left, end in zip(range(len(ends) - 1, -1, -1), ends, strict=True):
        if end == "lost":
            room.lose(SOON)
        content = room.content(left)
        if content is not None:
            assert content < most
            most = content
        assert room.taken(left) <= most
