"""A journal whose attempts went to one service, and a batch that goes to another.

What has no good end at one is neither polled nor bought again at the other. There are two services
here, A and B, that differ in their base URL; each counts what it is asked.
"""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from support.batches import client_for, prompts, until

from pika_async import (
    Action,
    Batch,
    DownloadError,
    InvalidRequestError,
    JobFailedError,
    JournalError,
    MoneyMeaning,
    OtherServiceError,
    PikaClient,
    Started,
    read_journal,
    run_batch,
)
from pika_async.dialects import Gateway
from pika_async.simulator import Fault, Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ENDLESS = Polls(1_000_000)
EVERY_CHOICE = [
    {"resubmit_uncertain": uncertain, "retry_failed": failed}
    for uncertain, failed in itertools.product((False, True), repeat=2)
]
whatever_is_chosen = pytest.mark.parametrize("choices", EVERY_CHOICE, ids=str)


@pytest.fixture
def journal(tmp_path) -> Path:
    return tmp_path / "journal.sqlite"


@asynccontextmanager
async def a_and_b(**options) -> AsyncIterator[tuple[Simulator, Simulator]]:
    async with Simulator(**options) as a, Simulator(duration=Polls(1)) as b:
        yield a, b


async def submitted(sim: Simulator, journal: Path) -> None:
    """The job was in flight when the batch was left."""
    async with client_for(sim) as client, Batch(client, ["a panda"], journal=journal) as batch:
        await until(lambda: batch.in_flight)


async def uncertain(sim: Simulator, journal: Path) -> None:
    """The answer to the submit was lost."""
    sim.faults.append(Fault("reset-after"))
    async with client_for(sim) as client:
        await run_batch(client, ["a panda"], journal=journal)


async def no_longer_known(sim: Simulator, journal: Path) -> None:
    """The service has forgotten the job, and the batch asked it."""
    await submitted(sim, journal)
    sim.jobs.clear()
    async with client_for(sim) as client:
        await run_batch(client, ["a panda"], journal=journal, timeout=0)


def attempts(journal: Path):
    """Of the one request."""
    (entry,) = read_journal(journal)
    return entry.attempts


async def asked(sim: Simulator, journal: Path, requests=("a panda",), **options):
    async with client_for(sim) as client:
        # A job that should not be polled must not keep the test for ever where it is.
        return await run_batch(client, requests, journal=journal, **({"timeout": 10} | options))


class TestUnfinished:
    @whatever_is_chosen
    @pytest.mark.parametrize("course", [submitted, uncertain, no_longer_known])
    async def test_it_is_neither_polled_nor_bought_at_another_service(
        self, course, choices, journal
    ):
        async with a_and_b(duration=ENDLESS) as (a, b):
            await course(a, journal)
            before = attempts(journal)
            (result,) = await asked(b, journal, **choices)
            assert (b.submissions, b.polls) == ([], [])
            assert attempts(journal) == before
        assert type(result.error) is OtherServiceError
        assert isinstance(result.error, JournalError)
        assert result.resumed

    async def test_the_error_names_the_job_and_where_it_is(self, journal):
        async with a_and_b(duration=ENDLESS) as (a, b):
            await submitted(a, journal)
            (result,) = await asked(b, journal)
            (job_id,) = a.jobs
            error = result.error
            assert isinstance(error, OtherServiceError)
            assert (error.service, error.base_url, error.job_id) == ("gateway", a.url, job_id)
            assert result.job_id == job_id
            assert all(word in str(error) for word in (job_id, "gateway", a.url))
        assert (error.started, error.money) == (Started.YES, MoneyMeaning.STAYS_PAID)
        assert error.advice.action is Action.USE_ITS_SERVICE

    async def test_of_a_submit_without_an_answer_it_says_that_it_may_be_billed(self, journal):
        async with a_and_b() as (a, b):
            await uncertain(a, journal)
            (result,) = await asked(b, journal)
            assert a.url in str(result.error)
        error = result.error
        assert (error.started, error.money) == (Started.MAYBE, MoneyMeaning.MAY_BE_CHARGED)
        assert error.advice.action is Action.USE_ITS_SERVICE

    @pytest.mark.parametrize("course", [submitted, uncertain])
    async def test_another_dialect_at_the_same_address_is_another_service(self, course, journal):
        class Other(Gateway):
            name = "other"

        async with Simulator(duration=ENDLESS) as sim:
            await course(sim, journal)
            before = len(sim.submissions), len(sim.polls)
            async with PikaClient("sk-other", base_url=sim.url, dialect=Other()) as client:
                (result,) = await run_batch(
                    client, ["a panda"], journal=journal, resubmit_uncertain=True, timeout=10
                )
            assert (len(sim.submissions), len(sim.polls)) == before
        assert isinstance(result.error, OtherServiceError)

    async def test_its_own_service_goes_on_with_it_afterwards(self, journal):
        async with a_and_b(duration=ENDLESS) as (a, b):
            await submitted(a, journal)
            await asked(b, journal, retry_failed=True, resubmit_uncertain=True)
            for job in a.jobs.values():
                job.duration = Polls(1)
            (result,) = await asked(a, journal)
            assert len(a.submissions) == 1
        assert result.ok

    async def test_the_other_requests_of_the_batch_go_their_way(self, journal):
        async with a_and_b(duration=ENDLESS) as (a, b):
            await submitted(a, journal)
            results = await asked(b, journal, ["a panda", *prompts(3)])
            assert len(b.submissions) == 3
        assert [result.ok for result in results] == [False, True, True, True]


class TestFinished:
    @whatever_is_chosen
    async def test_what_has_succeeded_comes_back_as_a_result(self, choices, journal):
        async with a_and_b(duration=Polls(1)) as (a, b):
            (first,) = await asked(a, journal)
            (again,) = await asked(b, journal, **choices)
            assert (b.submissions, b.polls) == ([], [])
        assert again.ok
        assert again.state == first.state

    async def test_its_video_is_saved_from_the_link_that_is_known(self, journal, tmp_path):
        async with a_and_b(duration=Polls(1)) as (a, b):
            await asked(a, journal)
            (result,) = await asked(b, journal, output_dir=tmp_path / "videos")
            assert (b.submissions, b.polls) == ([], [])
        assert result.ok
        assert result.files[0].exists()

    async def test_a_link_that_has_expired_is_not_renewed_at_another_service(
        self, journal, tmp_path
    ):
        async with a_and_b(duration=Polls(1)) as (a, b):
            await asked(a, journal)
            polls = len(a.polls)
            a.faults.append(Fault("403-expired", on="download", times=None))
            (result,) = await asked(b, journal, output_dir=tmp_path / "videos")
            assert (b.submissions, b.polls, len(a.polls)) == ([], [], polls)
        assert isinstance(result.error, DownloadError)

    @pytest.mark.parametrize("resubmit_uncertain", [False, True])
    async def test_a_failed_job_comes_back_failed(self, resubmit_uncertain, journal):
        async with a_and_b(duration=Polls(1), failure="it fell") as (a, b):
            await asked(a, journal)
            (result,) = await asked(b, journal, resubmit_uncertain=resubmit_uncertain)
            assert (b.submissions, b.polls) == ([], [])
        assert type(result.error) is JobFailedError

    async def test_a_failed_job_may_be_tried_elsewhere(self, journal):
        async with a_and_b(duration=Polls(1), failure="it fell") as (a, b):
            await asked(a, journal)
            (result,) = await asked(b, journal, retry_failed=True)
            assert len(b.submissions) == 1
            assert [attempt.base_url for attempt in attempts(journal)] == [a.url, b.url]
            # And from now on it is a job of B.
            assert (await asked(a, journal))[0].state == result.state
        assert result.ok

    async def test_what_was_refused_elsewhere_comes_back_refused_or_is_tried_here(self, journal):
        async with a_and_b() as (a, b):
            a.faults.append(Fault("422-detail"))
            await asked(a, journal)
            (result,) = await asked(b, journal)
            assert isinstance(result.error, InvalidRequestError)
            assert b.submissions == []
            (result,) = await asked(b, journal, retry_failed=True)
        assert result.ok


class TestWaiting:
    async def test_what_was_never_started_may_be_submitted_anywhere(self, journal):
        async with a_and_b() as (a, b):
            async with a.unreachable():
                await asked(a, journal)
            (result,) = await asked(b, journal)
            assert (len(a.submissions), len(b.submissions)) == (0, 1)
        assert result.ok
