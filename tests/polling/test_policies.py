"""When to look again."""

from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import ExponentialPolling, FixedPolling, Observation, Running
from pika_async._backoff import growing, spread

EARLY = Observation(job_id="j", request=None, state=None, elapsed=0.0, unchanged_for=0.0, polls=0)
chances = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)
amounts = st.floats(min_value=0.0, max_value=1e6)


def after(polls: int) -> Observation:
    return attrs.evolve(EARLY, polls=polls, state=Running())


@given(amounts, st.integers(min_value=0, max_value=10**9), chances)
def test_fixed_polling_always_waits_its_interval(interval, polls, chance):
    assert FixedPolling(interval).delay(after(polls), chance) == interval


def test_the_interval_of_fixed_polling_is_positional():
    assert FixedPolling(2.5).interval == 2.5


def test_exponential_polling_begins_and_ends_where_the_contract_says():
    policy = ExponentialPolling()
    assert (policy.initial, policy.factor, policy.maximum, policy.jitter) == (1.0, 1.5, 10.0, 0.1)


def test_exponential_polling_grows_by_its_factor_up_to_its_maximum():
    policy = ExponentialPolling(initial=1, factor=2, maximum=10, jitter=0)
    delays = [policy.delay(after(polls), 0.5) for polls in range(6)]
    assert delays == [1, 2, 4, 8, 10, 10]


def test_a_maximum_below_the_first_delay_rules_from_the_start():
    assert ExponentialPolling(initial=5, maximum=2, jitter=0).delay(EARLY, 0.5) == 2


policies = st.builds(
    ExponentialPolling,
    initial=amounts,
    factor=st.floats(min_value=1.0, max_value=100.0),
    maximum=amounts,
    jitter=st.floats(min_value=0.0, max_value=1.0),
)


@given(policies, st.integers(min_value=0, max_value=10**400), chances)
def test_exponential_delays_stay_within_maximum_and_jitter_for_any_number_of_polls(
    policy, polls, chance
):
    delay = policy.delay(after(polls), chance)
    assert 0.0 <= delay <= policy.maximum * (1.0 + policy.jitter)


@given(policies, st.integers(min_value=0, max_value=5000))
def test_exponential_delays_never_shrink_from_poll_to_poll(policy, polls):
    assert policy.delay(after(polls), 0.5) <= policy.delay(after(polls + 1), 0.5)


def test_jitter_stays_after_the_maximum_is_reached_so_that_jobs_do_not_poll_in_step():
    policy = ExponentialPolling(maximum=10, jitter=0.1)
    assert policy.delay(after(1000), 0.0) == pytest.approx(9.0)
    assert policy.delay(after(1000), 0.999999) == pytest.approx(11.0)


@given(amounts, st.floats(min_value=0.0, max_value=1.0), chances)
def test_jitter_moves_a_delay_by_at_most_its_share(seconds, jitter, chance):
    moved = spread(seconds, jitter, chance)
    slack = 1e-9 * seconds
    assert seconds * (1 - jitter) - slack <= moved <= seconds * (1 + jitter) + slack


@given(amounts, st.floats(min_value=0.0, max_value=1.0), chances)
def test_jitter_keeps_the_mean(seconds, jitter, chance):
    mean = (spread(seconds, jitter, chance) + spread(seconds, jitter, 1.0 - chance)) / 2
    assert mean == pytest.approx(seconds)


@every_row(
    ("initial", "factor", "maximum", "step", "expected"),
    [
        (1.0, 1.5, 10.0, 2, 2.25),
        (1.0, 1.5, 10.0, 10**9, 10.0),
        (1, 2, 10, 10**9, 10),
        (1.0, 1.0, 10.0, 10**9, 1.0),
        (0.0, 2.0, 10.0, 3, 0.0),
        (0.0, 2.0, 10.0, 10**9, 0.0),
        (1e-308, 2.0, 1e308, 3000, 1e308),
        (1.0, 2.0, 0.0, 3, 0.0),
    ],
    ids=[
        "in the middle",
        "far beyond a float",
        "whole numbers",
        "without growth",
        "from nothing",
        "from nothing, beyond a float",
        "from nearly nothing to nearly everything",
        "to nothing",
    ],
)
def test_growth_ends_at_its_maximum_without_overflow(initial, factor, maximum, step, expected):
    assert growing(initial, factor, maximum, step) == expected


JUNK = [-1, -0.001, math.nan, math.inf, -math.inf, None, "1", True, [1]]


@every_row("value", JUNK, ids=repr)
@every_row("name", ["initial", "maximum", "factor", "jitter"])
def test_exponential_polling_refuses_what_is_no_number_in_range(name, value):
    with pytest.raises(ValueError, match=f"^{name}: .* is not allowed; allowed is a number from"):
        ExponentialPolling(**{name: value})


@every_row("value", JUNK, ids=repr)
def test_fixed_polling_refuses_what_is_no_number_of_seconds(value):
    with pytest.raises(
        ValueError, match=r"^interval: .* is not allowed; allowed is a number from 0"
    ):
        FixedPolling(value)


@every_row(("name", "value"), [("factor", 0.99), ("factor", 0), ("jitter", 1.01), ("jitter", 2)])
def test_a_shrinking_factor_and_a_jitter_beyond_the_delay_are_refused(name, value):
    with pytest.raises(ValueError, match=f"^{name}: {value!r} is not allowed"):
        ExponentialPolling(**{name: value})


@every_row("policy", [FixedPolling(1), ExponentialPolling()], ids=repr)
def test_the_simple_policies_learn_nothing_and_cannot_be_changed(policy):
    before = policy.delay(after(3), 0.5)
    policy.finished(after(3))
    assert policy.delay(after(3), 0.5) == before
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        policy.interval = 2


def test_exponential_polling_takes_keywords_only():
    with pytest.raises(TypeError):
        ExponentialPolling(1.0)
