"""A record that cannot be written for whatever reason: nothing is sent, no job is forgotten."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from attrs import define, field
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from pika_async import GenerationRequest, PikaClient, RetryPolicy
from pika_async.simulator import Polls, Simulator
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._records import Order
from pika_async.temporal._submitting import Submitting


class KeyServiceError(Exception):
    """Of a codec of somebody's own, which asks a service for the key that it encrypts with."""


@define
class Engine:
    """Takes heartbeats as a Temporal client does, but for that one."""

    fails_at: int
    records: list[object] = field(factory=list)

    def get_async_activity_handle(self, *, task_token):
        return self

    async def heartbeat(self, record):
        self.records.append(record)
        if len(self.records) == self.fails_at + 1:
            raise KeyServiceError("the key service does not answer")


@asynccontextmanager
async def submitting(service, engine):
    async with Simulator(service=service, duration=Polls(1)) as sim:
        retry = RetryPolicy(attempts=1, outage_budget=0.0)
        async with PikaClient("key", base_url=sim.url, dialect=sim.dialect, retry=retry) as client:
            activities = Submitting(client, Shelf(), now=lambda: 0.0)
            environment = ActivityEnvironment(client=engine)
            order = Order(
                request=GenerationRequest("a red panda"), run_id=environment.info.workflow_run_id
            )
            yield sim, lambda: environment.run(activities.submit, order)


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_where_it_cannot_be_written_before_the_post_nothing_is_sent(service):
    """Nor is it uncertain: the same is sent once it can be."""
    async with submitting(service, Engine(fails_at=0)) as (sim, submit):
        with pytest.raises(ApplicationError) as caught:
            await submit()
        assert (caught.value.type, caught.value.details[0].sent) == ("pika.not_started", None)
        assert "the key service does not answer" in caught.value.message
        assert sim.submissions == []


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_where_it_cannot_be_written_after_the_answer_the_job_is_told_all_the_same(service):
    """The end of the activity tells it, too."""
    async with submitting(service, Engine(fails_at=1)) as (sim, submit):
        job = await submit()
        assert list(sim.jobs) == [job.job_id]
