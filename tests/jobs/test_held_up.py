"""A process that was stopped, or a loop that was held up: nobody is given up for that."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from support.batches import KEY
from support.elsewhere import simulator_elsewhere
from support.held_loop import hold_up, on_a_held_loop
from support.jobs import DONE, Service, attached, running, submitted
from support.virtual_time import in_virtual_time, now

from pika_async import (
    FixedPolling,
    JobTimeoutError,
    PikaClient,
    RetryPolicy,
    SubmitUncertain,
    TransportError,
)
from pika_async._meaning import Started
from pika_async.simulator import Fault

UNREACHED = TransportError("the connection broke off", started=Started.MAYBE)


class Held(Service):
    """Its nth answer comes after the process has been stopped for so many seconds."""

    def __init__(self, *script, nth=1, seconds=100.0, **options):
        super().__init__(*script, **options)
        self.nth, self.seconds = nth, seconds

    async def look(self, handle, limit, heard=None):
        if self.polls + 1 == self.nth:
            asyncio.get_running_loop().moment += self.seconds
        return await super().look(handle, limit, heard)


@in_virtual_time
async def test_whoever_was_stopped_beyond_the_deadline_has_time_for_a_last_look():
    service = Service(running(1), DONE, takes=1.0)
    job = submitted(service)
    waiting = asyncio.ensure_future(job.result(timeout=10))
    await asyncio.sleep(2.5)  # noqa: TID251 - virtual
    asyncio.get_running_loop().moment += 3600
    assert await waiting == DONE
    assert service.limits[-1] == pytest.approx(10.0)


@in_virtual_time
async def test_a_look_from_before_the_stop_is_not_the_last_one():
    service = Held(running(1), DONE, seconds=3600)
    assert await attached(service).result(timeout=10) == DONE
    assert service.polls == 2


@in_virtual_time
async def test_a_failed_look_from_before_the_stop_is_not_the_last_one():
    service = Held(UNREACHED, DONE, seconds=3600)
    assert await attached(service).result(timeout=10) == DONE


@in_virtual_time
async def test_a_job_that_runs_on_is_given_up_after_the_last_look_all_the_same():
    service = Held(running(1), seconds=3600)
    with pytest.raises(JobTimeoutError):
        await attached(service).result(timeout=10)
    assert service.polls == 2


@in_virtual_time
async def test_a_stop_during_a_look_is_no_part_of_an_outage():
    retry = RetryPolicy(jitter=0, outage_budget=60)
    service = Held(UNREACHED, UNREACHED, UNREACHED, DONE, nth=2, seconds=3600)
    assert await attached(service, retry=retry).result(timeout=None) == DONE


@in_virtual_time
async def test_an_outage_ends_the_waiting_although_there_was_a_stop():
    retry = RetryPolicy(jitter=0, outage_budget=60)
    service = Held(UNREACHED, nth=2, seconds=3600)
    begun = now()
    with pytest.raises(TransportError):
        await attached(service, retry=retry).result(timeout=None)
    assert now() - begun < 3600 + 2 * 60


@in_virtual_time
async def test_whoever_waits_for_the_look_of_another_is_given_what_it_brings():
    service = Service(DONE, takes=5.0)
    job = attached(service)
    patient = asyncio.ensure_future(job.result(timeout=None))
    await asyncio.sleep(0)  # noqa: TID251 - virtual
    impatient = asyncio.ensure_future(job.result(timeout=1))
    await asyncio.sleep(1)  # noqa: TID251 - virtual
    asyncio.get_running_loop().moment += 3600
    assert await impatient == await patient == DONE
    assert service.polls == 1


@on_a_held_loop
async def test_a_submit_whose_answer_came_while_the_loop_was_held_up_is_accepted():
    told = []
    slow = Fault("slow-headers", on="submit", seconds=0.2)
    with simulator_elsewhere(faults=[slow]) as sim:
        async with PikaClient(
            KEY, base_url=sim.url, request_timeout=0.5, observer=told.append
        ) as client:
            _, *jobs = await asyncio.gather(
                hold_up(1.0, after=lambda: len(sim.submissions) == 5, until=lambda: True),
                *(client.submit(f"prompt {number}") for number in range(5)),
            )
        assert sorted(job.id for job in jobs) == sorted(sim.jobs)
    assert [event for event in told if isinstance(event, SubmitUncertain)] == []


@on_a_held_loop
async def test_a_poll_whose_answer_came_while_the_loop_was_held_up_has_not_failed(caplog):
    caplog.set_level("DEBUG")
    slow = Fault("slow-headers", on="poll", seconds=0.2)
    with simulator_elsewhere(faults=[slow], duration=0.0) as sim:
        async with PikaClient(
            KEY, base_url=sim.url, request_timeout=0.5, polling=FixedPolling(0)
        ) as client:
            job = await client.submit("a cat")
            _, result = await asyncio.gather(
                hold_up(1.0, after=lambda: sim.polls, until=lambda: True), job.result()
            )
        assert len(sim.polls) == 1
    assert result.video
    assert "waited out" not in caplog.text


PROGRAM = """
    import asyncio, sys
    from pika_async import FixedPolling, PikaClient, SubmitUncertain

    def told(event):
        if isinstance(event, SubmitUncertain):
            print("uncertain", flush=True)

    async def main():
        async with PikaClient(
            "k", base_url=sys.argv[1], request_timeout=1.0, polling=FixedPolling(0.05),
            observer=told,
        ) as client:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(client.generate(f"p {n}", timeout=5)) for n in range(8)]
                print("begun", flush=True)
        print("made", len({task.result().video.job_id for task in tasks}), flush=True)

    asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no process is stopped there")
@pytest.mark.parametrize("moment", ["the submits", "the polls"])
def test_a_process_that_is_stopped_and_goes_on_has_lost_nothing(moment):
    slow = Fault("slow-headers", on=moment[4:-1], seconds=0.5, times=8)
    with simulator_elsewhere(faults=[slow], duration=1.0) as sim:
        program = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), sim.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        seen = sim.submissions if moment == "the submits" else sim.polls
        while len(seen) < 8 and program.poll() is None:
            time.sleep(0.005)  # noqa: TID251 - in another process
        with contextlib.suppress(ProcessLookupError):
            os.kill(program.pid, signal.SIGSTOP)
        # Beyond the time of each request, and beyond the patience with each job.
        time.sleep(8)  # noqa: TID251 - this is what is under test
        os.kill(program.pid, signal.SIGCONT)
        out, err = program.communicate(timeout=60)
        assert (out, err) == ("begun\nmade 8\n", "")
        assert len(sim.jobs) == 8
