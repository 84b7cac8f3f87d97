"""A job and the record of its submit: it is written down first, and told where that fails."""

from __future__ import annotations

import asyncio

import pytest
from attrs import define, field
from support.wire import wired

from pika_async import (
    GenerationRequest,
    JobAccepted,
    JobEnded,
    StateChanged,
    SubmitSent,
    SubmitUncertain,
    SubmitWithdrawn,
    TransportError,
)
from pika_async.simulator import Simulator

REQUEST = GenerationRequest("a red panda surfing")


@define
class Full:
    """A record that cannot be written any more once there is a job."""

    raised: Exception | None = None
    writing: asyncio.Event = field(factory=asyncio.Event)
    stays: int = 0

    async def leaving(self) -> None:
        """There was room for that."""

    async def accepted(self, job_id: str) -> None:
        self.writing.set()
        if self.raised is not None:
            raise self.raised
        await asyncio.Event().wait()

    def wanted(self) -> bool:
        return True

    def stayed(self) -> None:
        self.stays += 1


def the_one_told(wire, sim) -> JobAccepted:
    """The one event of the one job; nothing else is said to have come of its submit."""
    [job_id] = sim.jobs
    [told] = wire.told(JobAccepted)
    assert told.job_id == job_id
    assert wire.told(SubmitWithdrawn) == wire.told(SubmitUncertain) == []
    return told


@pytest.mark.parametrize(
    "problem", [OSError("disk full"), TransportError("database gone")], ids=repr
)
async def test_whoever_has_a_record_that_fails_has_the_job_and_pays_once(problem, caplog):
    """An error of this package, too, is the record's, and no reason to send the submit again."""
    record = Full(problem)
    async with Simulator() as sim, wired(sim) as wire:
        job = await wire.submit(REQUEST, record=record)
        told = the_one_told(wire, sim)
    assert told.job_id == job.id
    assert not told.unclaimed
    assert not told.recorded
    assert f"client.job('{told.job_id}')" in caplog.text
    assert record.stays == 0


@pytest.mark.parametrize("has_left", [False, True], ids=["waits", "has left"])
async def test_a_loop_that_ends_while_a_job_is_written_down_tells_its_id(has_left):
    """``asyncio.run`` cancels each task at its end; the answer had been read by then."""
    record = Full()
    async with Simulator() as sim, wired(sim) as wire:
        caller = asyncio.create_task(wire.submit(REQUEST, record=record))
        await record.writing.wait()
        if has_left:
            caller.cancel()
            await asyncio.wait({caller})
        [post] = wire.jobs._posts._under_way
        post.cancel()
        await asyncio.wait({caller, post})
        assert caller.cancelled()
        assert the_one_told(wire, sim).unclaimed


async def test_a_job_that_has_ended_when_it_is_accepted_is_written_down_before_anyone_is_told():
    """Then it is told as any other: accepted first, and its end last."""

    class Noting(Full):
        async def accepted(self, job_id: str) -> None:
            told_before.extend(map(type, wire.events))

    told_before: list[type] = []
    async with Simulator(service="pika", variants=["refused-402"]) as sim, wired(sim) as wire:
        job = await wire.submit(REQUEST, record=Noting())
        assert told_before == [SubmitSent]
        assert [type(event) for event in wire.events] == [
            SubmitSent,
            JobAccepted,
            StateChanged,
            JobEnded,
        ]
        assert wire.events[-1].state == job.state
