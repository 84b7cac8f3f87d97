"""What is counted and timed, and that no job has a time series of its own."""

from __future__ import annotations

from contextlib import suppress

import pytest
from attrs import evolve
from support.batches import client_for, prompts
from support.events import ACCEPTED, DONE, ENDED, HELD_BACK, SENT

from pika_async import (
    Batch,
    Failed,
    JobEnded,
    Money,
    PikaError,
    ServerError,
    StateChanged,
    SubmissionUncertainError,
)
from pika_async.simulator import Fault, Polls, Simulator

COMMON = {"pika.service": "gateway"}
OF_THE_CONVENTIONS = {
    **COMMON,
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "pika",
}


def only(points):
    (point,) = points
    return point


def told_by_outcome(backend):
    points = backend.points("pika.client.polls")
    assert all(point.attributes["pika.service"] == "gateway" for point in points)
    return {point.attributes["pika.outcome"]: point.value for point in points}


async def test_how_long_jobs_take_and_how_many_polls(backend):
    async with Simulator(duration=Polls(3)) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            for _ in range(4):
                await client.generate("a red panda")
    took = only(backend.points("gen_ai.client.operation.duration"))
    assert dict(took.attributes) == OF_THE_CONVENTIONS
    assert took.count == 4
    assert took.explicit_bounds == (5, 10, 20, 40, 60, 90, 120, 180, 300, 600, 1200)
    assert told_by_outcome(backend) == {"answered": 12}
    polls = only(backend.points("pika.client.job.polls"))
    assert (polls.count, polls.sum, dict(polls.attributes)) == (4, 12, COMMON)
    assert polls.explicit_bounds == (1, 2, 5, 10, 20, 50, 100, 200, 500)
    submits = only(backend.points("pika.client.submit.duration"))
    assert submits.count == 4
    assert dict(submits.attributes) == {**COMMON, "pika.outcome": "accepted"}


async def test_a_job_that_failed_is_told_apart_by_its_error(backend):
    async with Simulator(duration=Polls(1), failure="server on fire") as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            with suppress(PikaError):
                await client.generate("a red panda")
    took = only(backend.points("gen_ai.client.operation.duration"))
    assert dict(took.attributes) == {**OF_THE_CONVENTIONS, "error.type": "JobFailedError"}


def test_how_long_a_job_took_that_was_submitted_elsewhere_is_not_guessed(backend):
    telemetry = backend.telemetry()
    telemetry(StateChanged(job_id="job-1", previous=None, state=DONE, elapsed=1.0, polls=1))
    telemetry(evolve(ENDED, reattached=True))
    assert backend.points("gen_ai.client.operation.duration") == []
    assert backend.points("pika.client.job.polls") == []
    assert only(backend.points("pika.client.polls")).value == ENDED.polls


async def test_jobs_in_flight_are_those_that_have_not_ended(backend):
    async with Simulator(duration=Polls(1)) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            jobs = [await client.submit(prompt) for prompt in prompts(3)]
            assert only(backend.points("pika.client.jobs.in_flight")).value == 3
            await jobs[0].result()
            assert only(backend.points("pika.client.jobs.in_flight")).value == 2
            for job in jobs:
                await job.result()
    assert only(backend.points("pika.client.jobs.in_flight")).value == 0


def test_each_of_two_telemetries_adds_to_the_same_sums(backend):
    for number in range(2):
        telemetry = backend.telemetry()
        telemetry(SENT)
        telemetry(ACCEPTED)
        if number == 0:
            telemetry(ENDED)
    assert only(backend.points("pika.client.jobs.in_flight")).value == 1
    assert only(backend.points("pika.client.polls")).value == ENDED.polls


async def test_polls_that_brought_no_state_are_told_apart(backend):
    """A service whose polls fail costs more polls, and the metric says which were in vain."""
    faults = [Fault("502-html", on="poll", times=2)]
    async with Simulator(duration=Polls(2), faults=faults) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            await client.generate("a red panda")
    told = told_by_outcome(backend)
    assert told == {"answered": 2, "unanswered": 2}
    assert only(backend.points("pika.client.job.polls")).sum == 4


def test_what_the_brake_holds_back_is_timed(backend):
    """One that goes at once has not waited, and looks at the clock are no wait."""
    telemetry = backend.telemetry()
    for event in (
        evolve(SENT, waited=0.0001),
        HELD_BACK,
        evolve(SENT, tries=2, waited=30.0),
        evolve(SENT, submit_id="s-2", waited=5.0),
    ):
        telemetry(event)
    waits = only(backend.points("pika.client.brake.wait"))
    assert (waits.count, waits.sum, dict(waits.attributes)) == (2, 35.0, COMMON)


async def test_submits_that_may_have_started_a_job_are_counted(backend):
    faults = [Fault("reset-after", times=2)]
    async with Simulator(faults=faults) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            for _ in range(2):
                with pytest.raises(SubmissionUncertainError):
                    await client.submit("a red panda")
    assert only(backend.points("pika.client.submits.uncertain")).value == 2


def test_submits_that_are_put_off_are_counted_and_timed(backend):
    telemetry = backend.telemetry()
    down = ServerError("down", status=503)
    for event in (SENT, HELD_BACK, evolve(HELD_BACK, error=down, seconds=5.0)):
        telemetry(event)
    assert only(backend.points("pika.client.rate_limited")).value == 1
    waits = backend.points("pika.client.submit.held_back")
    assert {wait.attributes["error.type"]: wait.sum for wait in waits} == {
        "RateLimitError": 2.0,
        "ServerError": 5.0,
    }


class TestMoney:
    def test_what_jobs_cost_is_summed_by_currency(self, backend):
        telemetry = backend.telemetry()
        for number, charge in enumerate(
            (Money(450_000), Money(50_000), Money(7, "EUR"), None, Money(0), Money(-5))
        ):
            name = {"submit_id": f"s-{number}", "job_id": f"job-{number}"}
            telemetry(evolve(SENT, submit_id=f"s-{number}"))
            telemetry(evolve(ACCEPTED, **name))
            telemetry(evolve(ENDED, job_id=f"job-{number}", state=evolve(DONE, charge=charge)))
        costs = backend.points("pika.client.cost")
        assert {cost.attributes["pika.currency"]: cost.value for cost in costs} == {
            "USD": pytest.approx(0.5),
            "EUR": pytest.approx(0.000_007),
        }
        spans = backend.named("generate_content")
        assert [span.attributes.get("pika.cost") for span in spans] == [
            0.45,
            0.05,
            0.000_007,
            None,
            0.0,
            -0.000_005,
        ]

    def test_a_job_that_failed_may_cost_too(self, backend):
        telemetry = backend.telemetry()
        fell = Failed(reason="fell", charge=Money(450_000))
        for event in (SENT, ACCEPTED, JobEnded(job_id="job-1", state=fell, elapsed=1, polls=1)):
            telemetry(event)
        assert only(backend.points("pika.client.cost")).value == 0.45
        assert backend.job.attributes["pika.cost"] == 0.45

    def test_a_charge_that_comes_after_the_end_is_counted_once(self, backend):
        telemetry = backend.telemetry()
        charged = evolve(DONE, charge=Money(450_000))
        for event in (SENT, ACCEPTED, ENDED):
            telemetry(event)
        for previous in (DONE, charged):
            telemetry(
                StateChanged(
                    job_id="job-1", previous=previous, state=charged, elapsed=70.0, polls=10
                )
            )
        assert only(backend.points("pika.client.cost")).value == 0.45


async def test_no_metric_names_a_job_or_a_prompt(backend, tmp_path):
    faults = [Fault("429-empty"), Fault("reset-after"), Fault("400-openai")]
    async with Simulator(duration=Polls(1), faults=faults) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            async with Batch(client, prompts(30), output_dir=tmp_path / "out") as batch:
                results = [result async for result in batch]
        job_ids = list(sim.jobs)
    saved = sum(path.stat().st_size for result in results for path in result.files)
    assert only(backend.points("pika.client.download.bytes")).value == saved > 0
    assert len(backend.points("gen_ai.client.operation.duration")) == 1
    names = {
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "pika.service",
        "pika.outcome",
        "error.type",
    }
    told = [
        point
        for name in (
            "gen_ai.client.operation.duration",
            "pika.client.jobs.in_flight",
            "pika.client.submit.duration",
            "pika.client.submits.uncertain",
            "pika.client.rate_limited",
            "pika.client.submit.held_back",
            "pika.client.polls",
            "pika.client.job.polls",
            "pika.client.brake.wait",
        )
        for point in backend.points(name)
    ]
    assert {name for point in told for name in point.attributes} == names
    assert not any(job_id in str(point.attributes) for point in told for job_id in job_ids)
