"""What jobs have taught of their durations."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pika_async import GenerationRequest, Observation, Running
from pika_async._polling.ages import WIDTHS, bin_of
from pika_async._polling.hazard import Durations
from pika_async._polling.learnt import Learnt
from pika_async._polling.prior import Prior, expected_survival
from pika_async._polling.tables import Pace

PRIOR = Prior(expected_survival(60.0, 0.6), 1.0)


def seconds_lived(durations):
    """All seconds that jobs are known to have lived through."""
    kept = durations.kept()
    whole = dict(kept["lived_whole"])
    jobs, total = 0.0, math.fsum(value for _, value in kept["lived"])
    for number, width in enumerate(WIDTHS):
        jobs += whole.get(number, 0.0)
        total += jobs * width
    return total


@given(st.lists(st.floats(0.0, 2e4), min_size=1, max_size=8).map(sorted))
def test_every_second_that_a_job_lives_is_counted_once(ages):
    durations = Durations(PRIOR, memory=200.0, pace=Pace(0.1, (1.0, 30.0)))
    before = 0.0
    for age in ages:
        assert durations.lived(bin_of(before), before, age) == bin_of(age)
        before = age
    assert seconds_lived(durations) == pytest.approx(ages[-1], abs=1e-6)


def seen(job, age, effect):
    return Observation(
        job_id=job,
        request=GenerationRequest("a red panda surfing", pikaffect=effect),
        state=Running(),
        elapsed=age,
        unchanged_for=0.0,
        polls=1,
    )


def learnt():
    return Learnt(expected=60.0, memory=200.0, look_cost=0.1, intervals=(1.0, 30.0))


def test_what_a_job_of_one_kind_lives_is_known_of_all_jobs_too():
    known = learnt()
    for effect in ("Melt", "Cake-ify"):
        watched = known.watch(seen(effect, 0.0, effect))
        assert watched.durations is not None
        known.lived(watched, watched.durations, 20.0)
    assert seconds_lived(watched.durations) == pytest.approx(20.0)
    assert seconds_lived(known.every) == pytest.approx(40.0)


def test_a_job_that_is_come_back_to_takes_its_share_of_the_looks_once():
    known = learnt()
    watched = known.watch(seen("j", 50.0, "Melt"))
    watched.rate = known.rate = 0.5
    known.watch(seen("j", 1.0, "Melt"))
    assert known.rate == 0.0
