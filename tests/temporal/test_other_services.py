"""Workers of two services on one task queue: what went to one is neither sent nor looked at there.

As while somebody changes ``PIKA_SERVICE`` or ``PIKA_BASE_URL`` on one machine after the other.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from attrs import define, evolve, field
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from pika_async import FixedPolling, GenerationRequest, PikaClient, RetryPolicy
from pika_async.simulator import Fault, Polls, Simulator
from pika_async.temporal import Finished
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._finishing import Finishing
from pika_async.temporal._records import Errand, Lost, Order
from pika_async.temporal._submitting import Submitting

REQUEST = GenerationRequest("a red panda")


@define
class Engine:
    """Takes heartbeats as a Temporal client does."""

    records: list[object] = field(factory=list)

    def get_async_activity_handle(self, *, task_token):
        return self

    async def heartbeat(self, record):
        self.records.append(record)


@define
class Worker:
    sim: Simulator
    submitting: Submitting
    finishing: Finishing
    environment: ActivityEnvironment = field(factory=lambda: ActivityEnvironment(client=Engine()))

    async def submit(self, again=None):
        run_id = self.environment.info.workflow_run_id
        order = Order(request=REQUEST, run_id=run_id, again=again)
        return await self.environment.run(self.submitting.submit, order)

    async def failure(self, activity, *args):
        with pytest.raises(ApplicationError) as caught:
            await activity(*args)
        return caught.value


@asynccontextmanager
async def worker(service, *faults):
    """One of that service, with its own jobs."""
    async with Simulator(service=service, duration=Polls(1), faults=faults) as sim:
        retry = RetryPolicy(attempts=1, outage_budget=0.0)
        options = {"base_url": sim.url, "dialect": sim.dialect, "polling": FixedPolling(0.01)}
        async with PikaClient("key", retry=retry, **options) as client:
            shelf = Shelf()
            submitting = Submitting(client, shelf, now=lambda: 0.0)
            yield Worker(sim, submitting, Finishing(client, shelf, output_dir=None))


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_a_lost_submit_is_not_sent_with_its_key_to_another_one(service):
    """It does not know the key. Also the same service elsewhere does not: it has other books."""
    async with worker("pika", Fault("reset-after", started=True)) as first:
        lost = (await first.failure(first.submit)).details[0].sent
        async with worker(service) as other:
            told = await other.failure(other.submit, lost)
            assert other.sim.submissions == []
        assert (told.type, told.details[0].sent) == ("pika.lost", lost)
        assert f"submitted to pika at {first.sim.url}" in told.message
        # The one that it went to names its job all the same.
        assert (await first.submit(lost)).job_id in first.sim.jobs


@pytest.mark.parametrize("service", ["gateway", "pika"])
async def test_a_job_is_not_looked_for_at_another_one(service):
    """There it is not found, which would be written down as its end, and it is paid for."""
    async with worker("fal") as first, worker(service) as other:
        errand = Errand(request=REQUEST, job=await first.submit())
        for attempt in (1, 9):
            other.environment.info = replace(other.environment.info, attempt=attempt)
            told = await other.failure(other.environment.run, other.finishing.finish, errand)
            assert told.type == "OtherServiceError"
            # The engine gives it to somebody else.
            assert not told.non_retryable
        assert other.sim.polls == []
        done = await first.environment.run(first.finishing.finish, errand)
        assert isinstance(done, Finished)


async def test_a_lost_job_is_not_looked_up_at_another_one():
    """An equal job there would be taken for it."""
    async with worker("fal", Fault("reset-after", started=True)) as first, worker("fal") as other:
        lost = (await first.failure(first.submit)).details[0].sent
        search = Lost(request=REQUEST, sent=lost)
        told = await other.failure(other.environment.run, other.submitting.find, search)
        assert told.type == "OtherServiceError"
        found = await first.environment.run(first.submitting.find, search)
        assert (found.job_id, found.service) == (next(iter(first.sim.jobs)), "fal")


async def test_a_job_that_its_owner_has_named_is_looked_for_where_the_worker_is():
    """Nobody has said where it was submitted, and it is his to know."""
    async with worker("gateway") as at:
        job = evolve(await at.submit(), service=None, base_url=None)
        errand = Errand(request=REQUEST, job=job, is_named=True)
        done = await at.environment.run(at.finishing.finish, errand)
        assert isinstance(done, Finished)


async def test_the_same_place_in_another_spelling_is_no_other_one():
    """Of an earlier version, or written by hand; its job was waited for by nobody."""
    async with worker("gateway") as at:
        job = await at.submit()
        spelled = f"{job.base_url.replace('http', 'HTTP')}/"
        errand = Errand(request=REQUEST, job=evolve(job, base_url=spelled))
        assert isinstance(await at.environment.run(at.finishing.finish, errand), Finished)
