"""Polling that learns."""

from __future__ import annotations

import asyncio
import json
import math
import random
import statistics
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.held_loop import on_a_leaping_loop
from support.jobs import DONE, REQUEST, Service, attached, running, submitted
from support.tables import every_row
from support.virtual_time import in_virtual_time

from benchmarks.rig.virtual_jobs import bimodal, log_normal, noise, power, simulate, stall
from pika_async import (
    AdaptivePolling,
    Estimate,
    ExponentialPolling,
    Failed,
    FieldError,
    GenerationRequest,
    Observation,
    PikaClient,
    Queued,
    Running,
    TransportError,
    Unknown,
)
from pika_async._polling.forecast import Forecast
from pika_async._polling.learnt import _MOST_KINDS, _MOST_WATCHED
from pika_async.simulator import Polls, Simulator

OTHER = GenerationRequest("a red panda surfing", pikaffect="Melt")

chances = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)
ages = st.floats(min_value=0.0, max_value=1e12)
states = st.one_of(
    st.none(),
    st.builds(Queued, position=st.none() | st.integers(-5, 10**6)),
    st.builds(Running, progress=st.none() | st.integers(0, 100)),
    st.just(Unknown(status="resting")),
)


def seeded(seed):
    return random.Random(seed)  # noqa: S311 - chance that can be repeated


def seen(age=0.0, state=None, job="j", request=REQUEST, unchanged=0.0):
    return Observation(
        job_id=job,
        request=request,
        state=state or Queued(),
        elapsed=age,
        unchanged_for=unchanged,
        polls=1 if age else 0,
    )


def taught(policy, durations, request=REQUEST):
    """The policy, after jobs that were looked at every second."""
    for number, duration in enumerate(durations):
        name = f"{request.pikaffect}-{number}-{duration}"
        policy.delay(seen(job=name, request=request), 0.5)
        policy.delay(seen(max(duration - 1.0, 0.01), job=name, request=request), 0.5)
        policy.finished(seen(duration, DONE, name, request))
    return policy


def around(median, sigma=0.1, count=60, seed=1):
    source = seeded(seed)
    return [median * math.exp(sigma * source.gauss(0.0, 1.0)) for _ in range(count)]


observations = st.builds(
    Observation,
    job_id=st.sampled_from("abc"),
    request=st.sampled_from([None, REQUEST, OTHER]),
    state=states,
    elapsed=ages,
    unchanged_for=ages,
    polls=st.integers(0, 10**9),
)


class TestBounds:
    @given(st.lists(st.tuples(observations, chances, st.booleans()), max_size=25))
    def test_whatever_is_seen_in_whatever_order_the_interval_stays_within_its_bounds(self, steps):
        policy = AdaptivePolling(min_interval=2, max_interval=20)
        for observation, chance, ends in steps:
            assert 2 <= policy.delay(observation, chance) <= 20
            if ends:
                policy.finished(attrs.evolve(observation, state=DONE))

    @given(
        observations,
        st.floats(1e-6, 1e6),
        st.floats(1e-3, 1e3),
        st.floats(1e-3, 1e6),
        st.floats(2, 1e6),
    )
    def test_every_allowed_parameter_gives_a_finite_delay(
        self, seen, cost, shortest, known, memory
    ):
        policy = AdaptivePolling(
            look_cost=cost,
            min_interval=shortest,
            max_interval=2 * shortest,
            expected=known,
            memory=memory,
            budget=1e12,
        )
        assert shortest <= policy.delay(seen, 0.3) <= 2 * shortest

    def test_a_job_that_never_ends_is_looked_at_for_ever_within_the_longest_interval(self):
        policy = taught(AdaptivePolling(), around(30))
        age, delays = 0.0, []
        for _ in range(300):
            delays.append(policy.delay(seen(age), 0.5))
            age += delays[-1]
        assert max(delays) <= 60
        assert delays[-1] > 10

    @every_row(
        ("name", "value"),
        [
            *[
                (name, value)
                for name in ("look_cost", "min_interval", "max_interval", "budget", "expected")
                for value in (0, -1.0, math.nan, math.inf, None, "1", True)
            ],
            ("jitter", 1.1),
            ("jitter", math.nan),
            ("memory", 1),
            ("memory", math.inf),
        ],
    )
    def test_what_is_no_number_in_range_is_refused(self, name, value):
        with pytest.raises(FieldError, match=f"^{name}: .* is not allowed; allowed is a number"):
            AdaptivePolling(**{name: value})

    def test_a_longest_interval_below_the_shortest_is_refused(self):
        with pytest.raises(FieldError, match=r"^max_interval: 1 .* a number from min_interval, 2"):
            AdaptivePolling(min_interval=2, max_interval=1)

    def test_it_takes_keywords_only_and_its_parameters_cannot_be_changed(self):
        with pytest.raises(TypeError):
            AdaptivePolling(1.0)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            AdaptivePolling().look_cost = 2


class TestLearning:
    def test_intervals_are_those_of_keller_for_the_hazard_learnt(self):
        policy = AdaptivePolling(jitter=0.0, min_interval=0.01, memory=1000)
        source = seeded(1)
        taught(policy, [source.expovariate(1 / 20.0) for _ in range(1000)])
        # A hazard of 1 / 20 a second: sqrt(2 * 0.1 * 20).
        delays = [policy.delay(seen(age, job="next"), 0.5) for age in (8.0, 16.0, 24.0)]
        assert delays == pytest.approx([2.0] * 3, rel=0.25)

    def test_a_look_that_costs_four_times_as_much_is_taken_half_as_often(self):
        cheap, dear = (
            AdaptivePolling(look_cost=cost, jitter=0.0, min_interval=0.01) for cost in (0.1, 0.4)
        )
        ratio = dear.delay(seen(60.0), 0.5) / cheap.delay(seen(60.0), 0.5)
        assert ratio == pytest.approx(2.0, rel=0.05)

    def test_jobs_that_end_early_bring_the_first_look_forward(self):
        slow = taught(AdaptivePolling(), around(60))
        learnt = taught(AdaptivePolling(), around(5))
        assert learnt.delay(seen(job="x"), 0.5) < 0.5 * slow.delay(seen(job="x"), 0.5)

    def test_jobs_that_end_late_put_the_first_look_off(self):
        learnt = taught(AdaptivePolling(max_interval=60), around(300))
        assert learnt.delay(seen(job="x"), 0.5) > 35

    def test_a_job_that_failed_has_ended_too(self):
        policy = AdaptivePolling()
        for number in range(30):
            policy.delay(seen(job=str(number)), 0.5)
            policy.finished(seen(5.0, Failed(reason="no"), str(number)))
        assert policy.estimate(request=REQUEST).median < 15

    def test_the_progress_of_a_job_that_failed_says_nothing_of_later_ones(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        policy.delay(seen(20.0, running(20)), 0.5)
        errors = [*policy._learnt.progress._errors]
        policy.finished(seen(21.0, Failed(reason="no")))
        assert policy._learnt.progress._errors == errors
        assert policy.estimate().jobs == 1

    def test_durations_that_drift_are_followed(self):
        policy = taught(AdaptivePolling(memory=50), around(30, count=200))
        taught(policy, around(120, count=200, seed=2))
        assert policy.estimate(request=REQUEST).median == pytest.approx(120, rel=0.15)

    def test_old_weights_fade_without_overflow(self):
        policy = taught(AdaptivePolling(memory=2), around(30, count=100))
        assert policy.estimate(request=REQUEST).median == pytest.approx(30, rel=0.5)

    def test_kinds_of_requests_are_told_apart(self):
        policy = AdaptivePolling()
        taught(policy, around(30), REQUEST)
        taught(policy, around(200), OTHER)
        assert policy.estimate(request=REQUEST).median == pytest.approx(30, rel=0.2)
        assert policy.estimate(request=OTHER).median == pytest.approx(200, rel=0.2)

    def test_a_new_kind_begins_with_what_all_others_taught(self):
        policy = taught(AdaptivePolling(max_interval=60), around(200))
        policy.delay(seen(job="x", request=OTHER), 0.5)
        assert policy.estimate(request=OTHER).median == pytest.approx(200, rel=0.2)

    def test_the_number_of_kinds_is_bounded(self):
        policy = AdaptivePolling()
        for number in range(2 * _MOST_KINDS):
            kind = GenerationRequest("x", model=str(number))
            policy.delay(seen(job=str(number), request=kind), 0.5)
        assert len(policy._learnt._kinds) == _MOST_KINDS

    def test_a_job_re_attached_by_its_id_is_looked_at_by_what_was_learnt_last(self):
        """Its intervals go by how long jobs take on average, and follow when that changes."""
        policy = taught(AdaptivePolling(), [20.0] * 20)

        def interval(job):
            return policy.delay(seen(1.0, job=job, request=None), 0.5)

        quick = [interval("a"), interval("b")]
        taught(policy, [2000.0] * 60)
        # The tables are built anew at the look at a job of known age.
        policy.delay(seen(1.0, job="known"), 0.5)
        assert quick[0] == pytest.approx(quick[1])
        assert interval("c") > 2 * quick[0]

    def test_a_job_re_attached_by_its_id_teaches_nothing(self):
        policy = AdaptivePolling()
        before = policy.estimate()
        for number in range(20):
            policy.delay(seen(job=str(number), request=None), 0.5)
            policy.delay(seen(3.0, running(50), str(number), None), 0.5)
            policy.finished(seen(5.0, DONE, str(number), None))
        assert policy.estimate() == before

    def test_a_job_of_unknown_age_is_looked_at_in_intervals_that_grow_with_the_waiting(self):
        policy = taught(AdaptivePolling(), around(60))
        delays = [policy.delay(seen(age, request=None), 0.5) for age in (1.0, 60.0, 600.0, 1200.0)]
        assert delays[0] == delays[1] < delays[2] < delays[3]

    def test_a_job_never_seen_before_its_end_teaches_nothing(self):
        policy = AdaptivePolling()
        policy.finished(seen(5.0, DONE))
        policy.delay(seen(5.0, job="late"), 0.5)
        policy.finished(seen(5.0, DONE, "late"))
        assert policy.estimate().jobs == 0

    def test_two_policies_share_nothing_and_a_copy_begins_anew(self):
        policy = taught(AdaptivePolling(), around(300))
        assert attrs.evolve(policy).estimate() == AdaptivePolling().estimate()


class TestNotKnowing:
    def test_the_first_look_comes_after_about_two_seconds_and_the_next_grow_by_a_half(self):
        policy, age, ages = AdaptivePolling(), 0.0, []
        while age < 30:
            age += policy.delay(seen(age), 0.5)
            ages.append(age)
        assert ages[:4] == [2.0, 4.0, 6.0, 9.0]
        assert all(later <= 1.5 * sooner + 2 for sooner, later in pairwise(ages))

    def test_so_it_is_for_a_job_that_is_come_back_to(self):
        assert AdaptivePolling().delay(seen(0.0, request=None), 0.5) == 2.0

    def test_only_the_first_jobs_find_out_what_all_are_like(self):
        policy = AdaptivePolling()
        delays = [policy.delay(seen(job=str(n)), 0.5) for n in range(40)]
        assert set(delays[:16]) == {2.0}
        assert all(delay > 8 for delay in delays[16:])

    def test_once_a_job_has_ended_its_duration_is_known_and_not_looked_for(self):
        policy = taught(AdaptivePolling(), [60.0])
        assert policy.delay(seen(job="next"), 0.5) > 8

    def test_progress_tells_more_than_an_early_look(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        policy.delay(seen(2.0, Running(progress=4)), 0.5)
        told = policy.delay(seen(4.0, Running(progress=8)), 0.5)
        assert told > 4


json_values = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


class TestJobsOfElsewhere:
    """What a journal, or somebody's own database, tells of how long jobs take."""

    def test_the_first_look_comes_when_they_have_mostly_ended(self):
        """In place of 2 s."""
        policy = AdaptivePolling()
        assert policy.delay(seen(), 0.5) == 2.0
        policy = AdaptivePolling(max_interval=120)
        policy.learn(around(75, 0.15, count=200))
        assert policy.delay(seen(), 0.5) > 40

    def test_what_is_told_is_known_as_what_was_seen(self):
        """Up to how exactly an end was noticed."""
        durations = around(75, 0.35, count=200)
        told, saw = AdaptivePolling(), taught(AdaptivePolling(), durations)
        told.learn(durations)
        assert told.knows_durations
        assert told.estimate().median == pytest.approx(saw.estimate().median, rel=0.1)
        assert told.estimate().jobs == pytest.approx(saw.estimate().jobs)

    def test_nothing_is_known_of_no_jobs(self):
        policy = AdaptivePolling()
        policy.learn([])
        assert not policy.knows_durations

    @every_row("wrong", [0, -1.0, math.inf, math.nan])
    def test_what_is_no_duration_is_refused(self, wrong):
        with pytest.raises(FieldError, match="durations: .* is not allowed"):
            AdaptivePolling().learn([wrong])


class TestHandedOver:
    """What was learnt goes from one process to another."""

    def learnt(self):
        policy = taught(AdaptivePolling(), around(40, count=30))
        other = GenerationRequest("x", pikaffect="Melt")
        return taught(policy, around(200, count=10), request=other), other

    def test_the_other_policy_looks_when_this_one_would(self):
        policy, other = self.learnt()
        again = AdaptivePolling.load(policy.dump())
        for request in (REQUEST, other, GenerationRequest("y", extend=True)):
            for age in (0.0, 20.0):
                looks = [
                    one.delay(seen(age, job=f"{request.pikaffect}{age}", request=request), 0.5)
                    for one in (policy, again)
                ]
                # Tables are built anew when enough has been learnt, not at each job.
                assert looks[0] == pytest.approx(looks[1], rel=0.1)
            assert policy.estimate(request=request).median == pytest.approx(
                again.estimate(request=request).median, rel=0.1
            )

    def test_it_goes_on_learning(self):
        policy, _ = self.learnt()
        again = taught(AdaptivePolling.load(policy.dump()), around(5, count=200))
        assert again.estimate(request=REQUEST).median < 10

    def test_nothing_learnt_is_handed_over_too(self):
        assert AdaptivePolling.load(AdaptivePolling().dump()).delay(seen(), 0.5) == 2.0

    def test_settings_are_the_new_ones_own(self):
        policy, _ = self.learnt()
        assert AdaptivePolling.load(policy.dump(), look_cost=0.5).look_cost == 0.5

    def test_no_prompt_and_no_job_is_in_it(self):
        text = self.learnt()[0].dump()
        assert REQUEST.prompt not in text
        assert len(text) < 40_000

    @given(st.text() | st.builds(json.dumps, json_values))
    def test_anything_else_is_refused_as_what_it_is(self, text):
        with pytest.raises(ValueError, match="this is no text that AdaptivePolling.dump gave"):
            AdaptivePolling.load(text)

    @every_row(
        ("name", "value"),
        [
            ("pika_async_polling", 2),
            ("step", 0.1),
            ("every", {}),
            ("kinds", [["x"]]),
            ("progress", {"errors": [], "weights": [], "scores": [], "wandering": 0}),
            ("pace", "fast"),
            ("pace", float("nan")),
        ],
    )
    def test_a_dump_that_was_changed_is_refused(self, name, value):
        kept = json.loads(self.learnt()[0].dump()) | {name: value}
        with pytest.raises(ValueError, match="this is no text that"):
            AdaptivePolling.load(json.dumps(kept))


class TestSharing:
    def test_jobs_submitted_together_do_not_poll_together(self):
        policy, source = AdaptivePolling(), seeded(1)
        first = sorted(policy.delay(seen(job=str(n)), source.random()) for n in range(100))
        assert first[-1] - first[0] > 5
        assert max(sum(abs(a - b) < 0.25 for b in first) for a in first) < 15

    def test_jobs_at_the_longest_interval_do_not_poll_in_step(self):
        policy = taught(AdaptivePolling(max_interval=20), around(300))
        delays = {policy.delay(seen(job=str(n)), n / 10) for n in range(10)}
        assert len(delays) == 10

    def test_the_budget_is_kept_by_stretching_all_intervals_alike(self):
        free, held = AdaptivePolling(jitter=0.0, budget=1e9), AdaptivePolling(jitter=0.0, budget=2)
        for policy in (free, held):
            for _ in range(2):
                for number in range(400):
                    policy.delay(seen(20.0 + number / 10, job=str(number)), 0.5)
        stretched = [
            held.delay(seen(20.0 + number / 10, job=str(number)), 0.5)
            / free.delay(seen(20.0 + number / 10, job=str(number)), 0.5)
            for number in range(400)
        ]
        assert min(stretched) > 10
        assert max(stretched) == pytest.approx(min(stretched), rel=0.01)

    def test_a_batch_larger_than_its_budget_stays_within_it(self):
        outcome = simulate(
            AdaptivePolling(budget=2.0), log_normal(0.35), 1, jobs=300, in_flight=150
        )
        polled_at = outcome.polled_at
        busiest = max(
            sum(start <= moment < start + 300 for moment in polled_at) for start in polled_at[::20]
        )
        assert busiest <= 2.0 * 300 * 1.1

    def test_jobs_about_to_end_get_most_of_a_small_budget(self):
        policy = taught(AdaptivePolling(budget=0.5), around(60))
        for number in range(100):
            policy.delay(seen(20.0, job=str(number)), 0.5)
        young, due = policy.delay(seen(21.0, job="0"), 0.5), policy.delay(seen(60.0, job="1"), 0.5)
        assert due < 0.3 * young

    def test_abandoned_jobs_are_forgotten_and_give_their_share_back(self):
        policy = AdaptivePolling(budget=0.1)
        for number in range(50):
            policy.delay(seen(job=f"left-{number}"), 0.5)
        age = 0.0
        while age < 5000:
            delay = policy.delay(seen(age, job="mine"), 0.5)
            age += delay
        assert list(policy._learnt.watched) == ["mine"]
        assert delay <= 60

    def test_jobs_that_are_submitted_and_never_looked_at_take_bounded_memory(self):
        policy = AdaptivePolling()
        for number in range(_MOST_WATCHED + 10):
            policy.delay(seen(job=str(number)), 0.5)
        assert len(policy._learnt.watched) == _MOST_WATCHED
        for number in range(_MOST_WATCHED + 10):
            policy.finished(seen(5.0, DONE, str(number)))
        assert policy._learnt.watched == {}
        assert policy._learnt.rate == 0.0

    def test_a_job_far_back_in_a_queue_of_known_pace_is_left_alone(self):
        policy = AdaptivePolling(max_interval=60)
        for age, position in ((0.0, 12), (10.0, 11), (20.0, 10), (40.0, 8), (50.0, 8)):
            delay = policy.delay(seen(age, Queued(position=position)), 0.5)
        assert delay == pytest.approx(0.5 * 8 * 10.0)
        assert policy.delay(seen(60.0, running()), 0.5) < 10


class TestProgress:
    def report(self, policy, name, duration, exponent=1.0):
        age = 0.0
        policy.delay(seen(job=name), 0.5)
        for share in (0.3, 0.5, 0.7, 0.9, 0.98):
            age = share * duration
            policy.delay(seen(age, running(int(100 * share**exponent)), name), 0.5)
        policy.finished(seen(duration, DONE, name))

    def test_before_any_job_has_ended_progress_is_shown_with_the_doubt_that_is_due(self):
        # 6 s of waiting in the queue, then a third of a percent a second: 306 s in all.
        policy = AdaptivePolling()
        for age in range(6, 106, 5):
            policy.delay(seen(float(age), running(max(1, (age - 6) // 3))), 0.5)
        estimate = policy.estimate(seen(106.0, running(33)))
        assert estimate.basis == "progress"
        assert estimate.low < 200 < estimate.high
        assert estimate.high > 1.5 * estimate.low

    def test_progress_foretells_the_end(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        for age, percent in ((30.0, 15), (60.0, 30), (100.0, 50), (160.0, 80)):
            delay = policy.delay(seen(age, running(percent)), 0.5)
        estimate = policy.estimate(seen(160.0, running(80)))
        assert estimate.basis == "progress"
        assert estimate.median == pytest.approx(40, rel=0.1)
        assert estimate.high - estimate.low < 15
        assert delay > 25

    def test_progress_need_not_be_linear(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        for share in (0.2, 0.4, 0.6, 0.8):
            policy.delay(seen(100 * share, running(int(100 * share**1.4))), 0.5)
        median = policy.estimate(seen(80.0, running(73))).median
        assert median == pytest.approx(20, rel=0.15)

    def test_progress_that_is_lost_again_gives_way_to_the_age(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        policy.delay(seen(50.0, running(40)), 0.5)
        policy.delay(seen(80.0, running(80)), 0.5)
        assert policy.estimate(seen(80.0, running(80))).basis == "progress"
        policy.delay(seen(81.0, running(None)), 0.5)
        assert policy.estimate(seen(81.0, running(None))).basis != "progress"

    def test_progress_that_stands_still_makes_polls_rarer_not_more_frequent(self):
        policy = AdaptivePolling(jitter=0.0)
        policy.delay(seen(), 0.5)
        policy.delay(seen(60.0, running(60)), 0.5)
        policy.delay(seen(95.0, running(95)), 0.5)
        age, delays = 95.0, []
        while age < 1000:
            delays.append(policy.delay(seen(age, running(95), unchanged=age - 95.0), 0.5))
            age += delays[-1]
        assert delays[-1] > 2 * delays[0]

    def test_progress_that_never_comes_true_is_no_longer_followed(self):
        policy = AdaptivePolling()
        for number in range(40):
            name = str(number)
            policy.delay(seen(job=name), 0.5)
            for age in range(5, 90, 5):
                policy.delay(seen(float(age), running(95), name, unchanged=0.5), 0.5)
            policy.finished(seen(90.0, DONE, name))
        policy.delay(seen(job="x"), 0.5)
        policy.delay(seen(40.0, running(95), "x"), 0.5)
        assert policy.estimate(seen(40.0, running(95), "x")).basis == "durations"

    def test_a_job_that_outlives_its_forecast_by_far_is_looked_at_ever_less_often(self):
        forecast = Forecast(math.log(10.0), 0.05, 0)
        looks = [forecast.next_look(age, 1.0, 0.1) - age for age in (30.0, 120.0)]
        assert looks == pytest.approx([math.sqrt(0.2 * 0.05 * age) for age in (30.0, 120.0)])
        assert 1e9 < forecast.quantile(1e9, 0.5) < 1.1e9

    def test_looks_that_find_no_progress_settle_no_forecast(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        policy.delay(seen(10.0, running(2)), 0.5)
        policy.delay(seen(20.0, running(1)), 0.5)
        policy.finished(seen(30.0, DONE))
        assert policy.estimate().jobs == 1

    def test_too_little_progress_says_nothing(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        policy.delay(seen(10.0, running(2)), 0.5)
        assert policy.estimate(seen(10.0, running(2))).basis == "assumed"

    @given(st.lists(st.tuples(st.floats(1e-3, 1e4), st.integers(0, 100)), min_size=1, max_size=12))
    def test_no_course_of_progress_breaks_anything(self, course):
        policy, age = AdaptivePolling(), 0.0
        policy.delay(seen(), 0.5)
        for passed, percent in course:
            age += passed
            assert 1 <= policy.delay(seen(age, running(percent)), 0.5) <= 60
            estimate = policy.estimate(seen(age, running(percent)))
            assert 0 <= estimate.low <= estimate.median <= estimate.high < math.inf
        policy.finished(seen(age + 1, DONE))


class TestEstimate:
    def test_before_any_job_it_is_an_assumption_and_wide(self):
        estimate = AdaptivePolling().estimate()
        assert (estimate.basis, estimate.jobs) == ("assumed", 0)
        assert estimate.median == pytest.approx(60, rel=0.05)
        assert (estimate.low, estimate.high) == pytest.approx((28, 129), rel=0.1)

    def test_it_narrows_with_every_job(self):
        few, many = (
            taught(AdaptivePolling(), around(80, count=3)),
            taught(AdaptivePolling(), around(80)),
        )
        widths = [estimate.high - estimate.low for estimate in (few.estimate(), many.estimate())]
        assert widths[1] < widths[0]
        assert many.estimate().basis == "durations"
        assert many.estimate().jobs == pytest.approx(60, rel=0.2)

    def test_it_shrinks_as_a_job_ages(self):
        policy = taught(AdaptivePolling(), around(80))
        assert policy.estimate(seen(60.0)).median < policy.estimate(seen(20.0)).median

    def test_of_a_job_that_has_ended_nothing_is_left(self):
        assert AdaptivePolling().estimate(seen(5.0, DONE)) == Estimate(
            low=0.0, median=0.0, high=0.0, basis="assumed", jobs=0
        )

    def test_of_a_job_of_unknown_age_about_half_is_left(self):
        policy = taught(AdaptivePolling(), around(80))
        assert policy.estimate(seen(request=None)).median == pytest.approx(40, rel=0.15)
        assert policy.estimate(seen(30.0, request=None)).high < 80

    def test_asking_teaches_nothing(self):
        asked, not_asked = (taught(AdaptivePolling(), around(80)) for _ in range(2))
        for age in range(100):
            asked.estimate(seen(float(age), running(age)))
        assert asked.delay(seen(40.0), 0.5) == not_asked.delay(seen(40.0), 0.5)

    @given(observations)
    def test_its_quantiles_are_ordered_and_finite(self, observation):
        policy = taught(AdaptivePolling(), around(80, count=10))
        policy.delay(observation, 0.5)
        estimate = policy.estimate(observation)
        assert 0 <= estimate.low <= estimate.median <= estimate.high < math.inf

    def test_its_quantiles_come_true(self):
        policy, source = taught(AdaptivePolling(), around(75, 0.4, 200)), seeded(5)
        left = [75 * math.exp(0.4 * source.gauss(0, 1)) - 50 for _ in range(2000)]
        left = [seconds for seconds in left if seconds > 0]
        estimate = policy.estimate(seen(50.0))
        shares = [
            statistics.fmean(seconds <= bound for seconds in left)
            for bound in (estimate.low, estimate.median, estimate.high)
        ]
        assert shares == pytest.approx([0.1, 0.5, 0.9], abs=0.08)


class TestWorth:
    @every_row("draw", [log_normal(0.35), bimodal], ids=["log-normal", "bimodal"])
    def test_it_polls_less_than_the_fixed_interval_of_the_same_delay(self, draw):
        outcome = simulate(AdaptivePolling(), draw, 1, jobs=200)
        assert outcome.ratio < 0.75
        assert outcome.delay < 2

    def test_reported_progress_saves_most_of_the_polls(self):
        outcome = simulate(AdaptivePolling(), log_normal(0.35), 1, report=power, jobs=200)
        assert outcome.ratio < 0.15

    @every_row("report", [stall, noise], ids=["stall", "noise"])
    def test_misleading_progress_does_no_harm(self, report):
        outcome = simulate(AdaptivePolling(), log_normal(0.35), 1, report=report, jobs=200)
        assert outcome.ratio < 0.75
        assert outcome.delay < 3

    def test_durations_that_leap_cost_little_more_than_exponential_backoff(self):
        def draw(source, done):
            return (40.0 if done < 0.5 else 160.0) * math.exp(0.2 * source.gauss(0.0, 1.0))

        ours = simulate(AdaptivePolling(), draw, 1, jobs=200)
        backoff = simulate(ExponentialPolling(), draw, 1, jobs=200)
        cost = AdaptivePolling().look_cost
        assert cost * ours.polls + ours.delay < 1.1 * (cost * backoff.polls + backoff.delay)

    def test_a_service_that_stalls_costs_little_more_than_exponential_backoff(self):
        def draw(source, done):
            stalled = 600.0 if 0.4 < done < 0.6 else 0.0
            return stalled + 60.0 * math.exp(0.3 * source.gauss(0.0, 1.0))

        ours = simulate(AdaptivePolling(), draw, 1, jobs=200)
        backoff = simulate(ExponentialPolling(), draw, 1, jobs=200)
        cost = AdaptivePolling().look_cost
        assert cost * ours.polls + ours.delay < 1.1 * (cost * backoff.polls + backoff.delay)


class TestTheEnd:
    def test_a_job_that_has_ended_is_watched_no_more_whatever_is_asked_of_it(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        policy.finished(seen(50.0, DONE))
        assert policy.delay(seen(51.0, DONE), 0.5) == policy.max_interval
        assert policy._learnt.watched == {}
        assert policy._learnt.rate == 0.0

    @on_a_leaping_loop
    async def test_jobs_that_have_ended_take_nothing_of_the_budget_of_others(self):
        polling = AdaptivePolling(expected=0.01, min_interval=0.001, max_interval=0.01)
        async with (
            Simulator(duration=Polls(2)) as sim,
            PikaClient("key", base_url=sim.url, polling=polling) as client,
        ):
            for batch in range(3):
                jobs = [await client.submit(f"{batch} {number}") for number in range(10)]
                await asyncio.gather(*(job.result() for job in jobs))
            await jobs[0].refresh()
        assert polling._learnt.watched == {}
        assert polling._learnt.rate == 0.0

    def test_a_job_that_is_come_back_to_teaches_nothing_and_is_not_taken_for_newly_born(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        policy.delay(seen(30.0, running()), 0.5)
        again = policy.delay(seen(0.0, running(), request=None), 0.5)
        fresh = AdaptivePolling().delay(seen(0.0, running(), job="x", request=None), 0.5)
        assert again == pytest.approx(fresh)
        policy.finished(seen(2.0, DONE, request=None))
        assert policy.estimate().jobs == 0

    def test_the_time_left_of_a_job_is_told_to_those_who_do_not_know_its_request(self):
        policy = AdaptivePolling()
        policy.delay(seen(), 0.5)
        known = policy.estimate(seen(20.0, running()))
        unknown = policy.estimate(seen(20.0, running(), request=None))
        assert known == unknown


class TestWired:
    @in_virtual_time
    async def test_a_client_s_jobs_teach_its_policy(self):
        policy = AdaptivePolling()
        await submitted(Service(running(), DONE), polling=policy).result()
        assert policy.estimate().jobs == 1
        await attached(Service(running(), DONE), polling=policy).result()
        assert policy.estimate().jobs == 1

    @in_virtual_time
    async def test_a_second_job_is_looked_at_when_the_first_ones_ended(self):
        policy = taught(AdaptivePolling(max_interval=60), around(200))
        service = Service(running(), DONE)
        await submitted(service, polling=policy, randoms=[0.0]).result()
        assert service.polled_at[0] - 1000.0 > 20

    @in_virtual_time
    async def test_a_job_says_what_is_known_of_it_so_that_the_time_left_can_be_told(self):
        policy = taught(AdaptivePolling(), around(80))
        service = Service(running(), TransportError("reset"), running(), DONE)
        job = submitted(service, polling=policy)
        assert job.observation == seen(0.0, Queued(), "job-1")
        await job.refresh()
        with pytest.raises(TransportError):
            await job.refresh()
        assert job.observation.elapsed == 0.0
        assert policy.estimate(job.observation).median == pytest.approx(80, rel=0.1)
        await job.result()
        assert policy.estimate(job.observation).high == 0.0

    def test_each_client_has_a_policy_of_its_own_unless_it_is_given_one(self):
        one, other = PikaClient("key"), PikaClient("key")
        assert isinstance(one.polling, AdaptivePolling)
        assert one.polling is not other.polling
        shared = AdaptivePolling()
        clients = [PikaClient("key", polling=shared) for _ in range(2)]
        assert [client.polling for client in clients] == [shared, shared]
