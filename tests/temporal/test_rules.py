"""What makes "at most once" true of a submit: one writer, and no POST that leaves late."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from attrs import define, field
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from pika_async import GenerationRequest, PikaClient, RetryPolicy
from pika_async.simulator import Fault, Polls, Simulator
from pika_async.temporal import _steps, _submitting, _worker
from pika_async.temporal._codec import to_plain
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._engine_record import LATEST
from pika_async.temporal._records import Order
from pika_async.temporal._submitting import Submitting

KEY = "sk-9f8e7d6c5b4a"
REQUEST = GenerationRequest("a red panda")


@define
class Engine:
    """Takes heartbeats as a Temporal client does; ``does`` is done at the first."""

    records: list[object] = field(factory=list)
    does: object = None

    def get_async_activity_handle(self, *, task_token):
        return self

    async def heartbeat(self, record):
        self.records.append(record)
        if self.does is not None and len(self.records) == 1:
            self.does()


@define
class Scene:
    sim: Simulator
    activities: Submitting
    engine: Engine
    environment: ActivityEnvironment

    async def submit(self):
        run_id = self.environment.info.workflow_run_id
        order = Order(request=REQUEST, run_id=run_id)
        return await self.environment.run(self.activities.submit, order)


class Clock:
    """Both clocks of a machine: the one of its uptime, and the time of day."""

    uptime = 0.0
    today = datetime(2026, 11, 28, tzinfo=UTC)

    def __call__(self):
        return self.uptime


@asynccontextmanager
async def scene(service, *faults, clock=None):
    async with Simulator(service=service, duration=Polls(1), faults=faults, api_key=KEY) as sim:
        retry = RetryPolicy(attempts=1, outage_budget=0.0)
        async with PikaClient(KEY, base_url=sim.url, dialect=sim.dialect, retry=retry) as client:
            activities = Submitting(client, Shelf(), now=clock or Clock())
            engine = Engine()
            yield Scene(sim, activities, engine, ActivityEnvironment(client=engine))


ENDS = {
    "accepted": (),
    "lost": (Fault("reset-after", started=True),),
    "put off": (Fault("429-empty"),),
    "refused": (Fault("401-new-api-error"),),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_submit_is_written_down_by_one_writer(end):
    """What ``activity.heartbeat()`` sends later would take the place of what is written here."""
    told = []
    async with scene("gateway", *ENDS[end]) as at:
        at.environment.on_heartbeat = lambda *details: told.append(details)
        if end == "accepted":
            await at.submit()
        else:
            with pytest.raises(ApplicationError):
                await at.submit()
        assert len(at.engine.records) == (2 if end == "accepted" else 1)
    assert told == []


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_no_record_of_a_submit_holds_the_key(service):
    async with scene(service) as at:
        job = await at.submit()
        told = json.dumps([to_plain(record) for record in (*at.engine.records, job)])
        assert KEY in str(at.sim.submissions[0].headers)
    assert REQUEST.prompt in told
    assert KEY not in told


STANDSTILLS = {
    # How far each clock goes on between the record and the POST, and whether it is sent.
    "both": (LATEST + 1, LATEST + 1, False),
    "uptime alone": (LATEST + 1, 0.0, False),
    "a machine that slept, whose uptime stood still": (0.0, LATEST + 1, False),
    "just in time": (LATEST - 1, LATEST - 1, True),
    "a clock that was set back": (1.0, -3600.0, True),
}


@pytest.mark.parametrize("how", STANDSTILLS)
async def test_no_submit_leaves_long_after_it_was_written_down(how, monkeypatch):
    """By either clock: meanwhile it was decided what becomes of it."""
    uptime, today, sent = STANDSTILLS[how]
    clock = Clock()
    monkeypatch.setattr(_submitting, "_utc", lambda: clock.today)
    async with scene("gateway", clock=clock) as at:

        def stand_still():
            clock.uptime += uptime
            clock.today += timedelta(seconds=today)

        at.engine.does = stand_still
        if sent:
            await at.submit()
        else:
            with pytest.raises(ApplicationError) as caught:
                await at.submit()
            assert caught.value.type == "pika.not_started"
        assert len(at.sim.submissions) == sent


def test_a_submit_that_may_still_leave_is_not_taken_for_lost():
    """The engine gives it up after all that its worker may do: leave late, and be answered late."""
    longest = _worker._LONGEST_REQUEST
    assert timedelta(seconds=longest + _worker._SLACK) <= _steps.SUBMIT_TIMEOUT
    assert LATEST < _worker._SLACK
