"""A lost submit is sent again with its key only while the service can be taken to know the key."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from support.batches import client_for
from support.journals import changed

from pika_async import (
    Batch,
    MoneyMeaning,
    RetryPolicy,
    SubmissionUncertainError,
    run_batch,
)
from pika_async._jobs.again import KEY_KEPT, is_kept
from pika_async.simulator import Fault, Polls, Simulator

HOUR = KEY_KEPT.total_seconds()
IMPATIENT = RetryPolicy(initial=0.0, maximum=0.0, outage_budget=0.0)


@asynccontextmanager
async def a_lost_submit(journal, *, seconds_ago):
    """A simulator of ``pika`` with the job of a submit that the journal calls uncertain."""
    async with Simulator(service="pika", duration=Polls(1), faults=[Fault("closed-after")]) as sim:
        async with client_for(sim, retry=IMPATIENT) as client:
            (lost,) = await run_batch(client, ["a cat"], journal=journal, budget=5)
        assert isinstance(lost.error, SubmissionUncertainError)
        changed(journal, f"sent_at = sent_at - {seconds_ago}")
        yield sim


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "run.journal"


async def test_within_an_hour_it_is_sent_again_and_its_answer_names_the_job(journal):
    async with a_lost_submit(journal, seconds_ago=HOUR - 60) as sim, client_for(sim) as client:
        (again,) = await run_batch(client, ["a cat"], journal=journal)
    assert [again.job_id] == list(sim.jobs)


async def test_later_nothing_is_sent_and_the_error_says_why(journal):
    async with a_lost_submit(journal, seconds_ago=HOUR + 1) as sim, client_for(sim) as client:
        (again,) = await run_batch(client, ["a cat"], journal=journal)
    assert len(sim.submissions) == 1
    assert isinstance(again.error, SubmissionUncertainError)
    assert "over an hour old" in str(again.error)
    assert "may have forgotten its idempotency key" in str(again.error)
    assert again.error.money is MoneyMeaning.MAY_BE_CHARGED
    assert again.error.sent is not None


async def test_what_a_clock_that_was_set_back_calls_young_is_not_sent_either(journal):
    async with a_lost_submit(journal, seconds_ago=-24 * HOUR) as sim, client_for(sim) as client:
        (again,) = await run_batch(client, ["a cat"], journal=journal)
    assert len(sim.submissions) == 1
    assert isinstance(again.error, SubmissionUncertainError)
    assert "its time lies in the future" in str(again.error)
    assert "over an hour old" not in str(again.error)
    assert again.error.money is MoneyMeaning.MAY_BE_CHARGED


async def test_each_later_run_says_it_once(journal):
    async with a_lost_submit(journal, seconds_ago=HOUR + 1) as sim, client_for(sim) as client:
        for _ in range(3):
            (again,) = await run_batch(client, ["a cat"], journal=journal)
    assert str(again.error).count("over an hour old") == 1
    assert len(sim.submissions) == 1


async def test_who_allows_it_buys_it_anew_with_a_new_key(journal):
    async with a_lost_submit(journal, seconds_ago=HOUR + 1) as sim, client_for(sim) as client:
        (anew,) = await run_batch(client, ["a cat"], journal=journal, resubmit_uncertain=True)
    assert anew.ok
    assert len(sim.jobs) == 2
    assert len({sent.headers["Idempotency-Key"] for sent in sim.submissions}) == 2


async def test_what_it_may_have_cost_stays_spent(journal):
    async with a_lost_submit(journal, seconds_ago=HOUR + 1) as sim, client_for(sim) as client:
        batch = Batch(client, ["a cat"], journal=journal, budget=1)
        async with batch:
            assert [result.ok async for result in batch] == [False]
        assert batch.stats.spent.estimated.micros == 450_000
    assert not batch.stats.spent.charged.micros


async def test_one_that_grows_too_old_in_line_is_not_sent_either(journal):
    async with a_lost_submit(journal, seconds_ago=HOUR - 60) as sim, client_for(sim) as client:
        submitter = client._jobs._submitter
        late = datetime.now(UTC) + timedelta(seconds=120)
        submitter._timing = evolve(submitter._timing, utc=lambda: late)
        (again,) = await run_batch(client, ["a cat"], journal=journal)
    assert isinstance(again.error, SubmissionUncertainError)
    assert len(sim.submissions) == 1


async def test_an_hour_is_counted_from_the_first_run_that_sent_it(journal):
    async with a_lost_submit(journal, seconds_ago=2000) as sim:
        sim.faults.append(Fault("closed-after"))
        async with client_for(sim, retry=IMPATIENT) as client:
            (lost,) = await run_batch(client, ["a cat"], journal=journal)
        assert len(sim.submissions) == 2
        assert isinstance(lost.error, SubmissionUncertainError)
        changed(journal, "sent_at = sent_at - 2000")
        async with client_for(sim) as client:
            (again,) = await run_batch(client, ["a cat"], journal=journal)
    assert len(sim.submissions) == 2
    assert "over an hour old" in str(again.error)


def test_a_key_is_known_for_an_hour_and_no_longer():
    sent = datetime(2026, 1, 1, tzinfo=UTC)
    assert is_kept(sent, sent + KEY_KEPT)
    assert not is_kept(sent, sent + KEY_KEPT * 1.001)
