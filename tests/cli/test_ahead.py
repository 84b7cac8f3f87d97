from __future__ import annotations

import re
from functools import partial

import anyio
import pytest
from support.tables import every_row

from pika_async import (
    AdaptivePolling,
    Estimate,
    FixedPolling,
    PikaClient,
    Queued,
    Running,
    Succeeded,
)
from pika_async._polling.policies import Observation
from pika_async.cli._running import following
from pika_async.cli._running.following import looking_ahead
from pika_async.cli._showing.words import time_left
from pika_async.simulator import Polls


def estimate(low, median, high, basis="durations"):
    return Estimate(low=low, median=median, high=high, basis=basis, jobs=3.0)


@every_row(
    ("basis", "words"),
    [
        ("assumed", "at a guess 40 s left (typically 20 s to 90 s)"),
        ("durations", "about 40 s left (20 s to 90 s)"),
        ("progress", "about 40 s left by its progress (20 s to 90 s)"),
    ],
)
def test_the_words_tell_what_the_time_left_rests_on(basis, words):
    assert time_left(estimate(20.0, 40.0, 90.0, basis), 0.0) == words


def test_it_is_counted_from_the_answer_on():
    assert time_left(estimate(20.0, 40.0, 90.0), 30.0) == "about 10 s left (1 s to 60 s)"


@every_row("since", [90.0, 1000.0])
def test_of_a_job_that_was_to_have_ended_nothing_is_said(since):
    assert time_left(estimate(20.0, 40.0, 90.0), since) is None


def test_a_spread_of_nothing_is_left_out():
    assert time_left(estimate(119.0, 120.0, 121.0), 0.0) == "about 2 min left"


@every_row(
    ("seconds", "words"),
    [(0.01, "1 s"), (4.4, "4 s"), (9.4, "9 s"), (9.6, "10 s"), (48.4, "48 s"), (7200, "2 h 0 min")],
)
def test_tenths_of_a_second_are_not_told(seconds, words):
    assert time_left(estimate(seconds, seconds, seconds), 0.0) == f"about {words} left"


class Job:
    """A job as it was at its last answer, set by hand."""

    def __init__(self, state, elapsed=0.0):
        self.state = state
        self.elapsed = elapsed

    @property
    def observation(self):
        return Observation(
            job_id="j",
            request=None,
            state=self.state,
            elapsed=self.elapsed,
            unchanged_for=0.0,
            polls=1,
        )


class Show:
    """Keeps what it is shown."""

    def __init__(self):
        self.told = []
        self.heard = anyio.Event()

    def __call__(self, what):
        self.told.append((what.estimate, what.age))
        self.heard.set()


class Client:
    def __init__(self, polling):
        self.polling = polling


async def test_an_answer_that_changed_nothing_is_told_too(monkeypatch):
    monkeypatch.setattr(following, "_INTERVAL", 0.0)
    job, show = Job(Queued()), Show()
    with looking_ahead(Client(AdaptivePolling()), job, show) as look:
        look()
        job.elapsed, show.heard = 30.0, anyio.Event()
        with anyio.fail_after(10):
            await show.heard.wait()
    (first, _), *_, (last, age) = show.told
    assert age == 30.0
    assert first != last


@pytest.mark.parametrize("state", [None, Succeeded(videos=())])
async def test_before_the_first_look_and_after_the_end_nothing_is_expected(state):
    show = Show()
    with looking_ahead(Client(AdaptivePolling()), Job(state), show) as look:
        look()
    assert show.told == [(None, 0.0)]


async def test_a_percentage_is_not_gainsaid_by_a_guess_without_the_age():
    show = Show()
    with looking_ahead(Client(AdaptivePolling()), Job(Running(progress=69)), show) as look:
        look()
    assert show.told == [(None, 0.0)]


async def test_a_policy_that_learns_nothing_estimates_nothing():
    show = Show()
    with looking_ahead(Client(FixedPolling(1.0)), Job(Queued()), show) as look:
        look()
    assert show.told == []


@pytest.fixture
def generate(pika, sim, monkeypatch):
    """With the default policy, but for its patience."""
    polling = AdaptivePolling(min_interval=0.01, max_interval=0.01)
    monkeypatch.setattr("pika_async.PikaClient", partial(PikaClient, polling=polling))
    sim.duration = Polls(2)
    return lambda *arguments: pika("generate", "x", "--base-url", sim.url, *arguments)


def test_a_plain_line_tells_the_time_left_with_the_state(generate):
    queued, ended, *_ = generate().err.splitlines()[1:]
    assert re.search(r" s  queued, at a guess \d+ s left \(typically \d+ s to 2 min\)$", queued)
    assert ended.endswith(" s  succeeded")


def test_json_has_no_guesses_in_it(generate):
    done = generate("--json")
    assert [set(event) for event in done.events if event["event"] == "transition"] == [
        {"event", "job_id", "elapsed", "polls", "state", "position"},
        {"event", "job_id", "elapsed", "polls", "state", "videos", "charge"},
    ]
    assert "left" not in done.out + done.err


@pytest.mark.usefixtures("brief")
def test_a_simulated_job_shows_what_a_real_one_would(pika):
    done = pika("generate", "x", "--simulate")
    assert "queued, at a guess 1 s left" in done.err
