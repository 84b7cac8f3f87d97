"""Looks of several jobs at one moment."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pika_async import AdaptivePolling, GenerationRequest, Observation, Queued
from pika_async._polling.together import CROWD, LONGEST_STEP, SHARE, together

moments = st.floats(0.0, 1e6)
delays = st.floats(0.01, 3600.0)
rates = st.floats(0.0, 1e3)


def longest_step(delay, rate):
    """The largest power of two that a delay, and so many looks a second, leave."""
    return min(LONGEST_STEP, 2.0 ** math.floor(math.log2(min(SHARE * delay, CROWD / rate))))


@given(at=moments, delay=delays, rate=rates)
def test_a_delay_is_moved_by_a_quarter_of_itself_and_half_a_second_at_most(at, delay, rate):
    moved = together(at, delay, 0.0, 1e9, rate)
    assert abs(moved - delay) <= min(0.25 * delay, 0.5) + 1e-6


@given(at=moments, delay=delays, rate=st.floats(1.0, 1e3))
def test_where_looks_are_many_each_is_moved_less(at, delay, rate):
    """So hardly more than a few dozen are due at one moment."""
    moved = together(at, delay, 0.0, 1e9, rate)
    assert abs(moved - delay) * 2.0 * rate <= CROWD + 1e-3


@given(at=moments, delay=delays, other_at=moments, other_delay=delays, rate=st.floats(0.1, 1e3))
def test_the_grid_of_a_short_delay_holds_that_of_a_long_one(at, delay, other_at, other_delay, rate):
    """So looks that are due close together are due together, whatever they waited."""
    assume(min(delay, other_delay, CROWD / rate) * SHARE > 0.004)
    finest = longest_step(min(delay, other_delay), rate)
    for when, of in ((at, delay), (other_at, other_delay)):
        steps = (when + together(when, of, 0.0, 1e9, rate)) / finest
        assert steps == pytest.approx(round(steps), abs=1e-4)


@given(at=moments, delay=st.floats(1e-9, 0.0039))
def test_what_is_due_within_milliseconds_is_not_moved(at, delay):
    assert together(at, delay, 0.0, 1e9, 1.0) == delay


@given(
    at=moments, bounds=st.tuples(delays, delays).map(sorted), part=st.floats(0.0, 1.0), rate=rates
)
def test_a_delay_stays_within_its_bounds(at, bounds, part, rate):
    least, most = bounds
    delay = least + part * (most - least)
    assert least <= together(at, delay, least, most, rate) <= most


def looks_of(jobs, *, clocked):
    """When each of so many jobs, submitted a hundredth of a second apart, is looked at next."""
    policy = AdaptivePolling()
    request = GenerationRequest("a red panda surfing")
    for job in range(jobs):
        born = 0.01 * job
        delay = policy.delay(
            Observation(
                job_id=str(job),
                request=request,
                state=Queued(),
                elapsed=0.0,
                unchanged_for=0.0,
                polls=0,
                at=born if clocked else None,
            ),
            (job * 0.618) % 1.0,
        )
        yield round(born + delay, 6)


def test_jobs_of_one_client_are_looked_at_together():
    """Yet no more of them than come due within two steps."""
    moments = list(looks_of(100, clocked=True))
    # The shortest of their delays is of a second.
    assert all((moment / 0.25).is_integer() for moment in moments)
    apart = list(looks_of(100, clocked=False))
    most = max(sum(0 <= when - first < 2 * LONGEST_STEP for when in apart) for first in apart)
    assert 3 < max(map(moments.count, moments)) <= most


def test_without_a_shared_clock_each_goes_by_itself():
    assert len(set(looks_of(100, clocked=False))) == 100
