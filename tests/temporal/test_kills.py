"""On a real engine, with workers that are killed at the worst moments: paid once, nothing lost."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import anyio
import pytest
from attrs import define
from support.engine import connected
from support.films import Film, Naive
from support.killed import live
from temporalio.client import Client

from pika_async.simulator import Simulator
from pika_async.temporal import Finished, Uncertain, Why

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX"),
]


# What a worker needs is loaded once, and each is forked from there.
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["support.killed"])


@asynccontextmanager
async def worker(engine, sim, queue, output_dir, dies_at=None):
    order = {
        "engine": engine,
        "url": sim.url,
        "service": sim.service,
        "queue": queue,
        "output_dir": str(output_dir),
        "dies_at": dies_at,
    }
    process = NURSERY.Process(target=live, args=(order,))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        await ended(process)


async def ended(process):
    """How a process has ended."""
    # Its end sets no flag of the loop.
    while process.exitcode is None:  # noqa: ASYNC110
        await anyio.sleep(0.02)
    return process.exitcode


@define
class Scene:
    """An engine, a service, and the folder of the videos."""

    address: str
    client: Client
    sim: Simulator
    folder: Path

    async def outcome(self, moment, run, argument):
        """What a workflow comes to, whose first worker kills itself, and whose second does not."""
        queue = f"{run.__qualname__} {self.sim.service} {moment}"
        handle = await self.client.start_workflow(run, args=argument, id=queue, task_queue=queue)
        async with worker(self.address, self.sim, queue, self.folder, moment) as first:
            assert await ended(first) == -signal.SIGKILL
        async with worker(self.address, self.sim, queue, self.folder) as second:
            outcome = await handle.result()
            second.terminate()
            assert await ended(second) == 0
        return outcome


@asynccontextmanager
async def scene(engine, folder, service):
    client = await connected(engine)
    async with Simulator(service=service, duration=1, now=time) as sim:
        yield Scene(engine, client, sim, folder)


# The moment, then for gateway, pika and fal: what comes of it, and how many jobs there are.
# fmt: off
MOMENTS = {
    "before it is written down":     ((Finished, 1),  (Finished, 1), (Finished, 1)),
    "after it is written down":      ((Uncertain, 0), (Finished, 1), (Uncertain, 0)),
    "after the answer":              ((Uncertain, 1), (Finished, 1), (Finished, 1)),
    "after the job is written down": ((Finished, 1),  (Finished, 1), (Finished, 1)),
    "before the video is saved":     ((Finished, 1),  (Finished, 1), (Finished, 1)),
    "after the video is saved":      ((Finished, 1),  (Finished, 1), (Finished, 1)),
}
# fmt: on


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_whenever_a_worker_is_killed_a_job_is_paid_once_and_what_is_not_known_is_told(
    service, engine, tmp_path
):
    async with scene(engine, tmp_path, service) as at:
        works = [at.outcome(moment, Film.run, [moment, 0, None]) for moment in MOMENTS]
        outcomes = dict(zip(MOMENTS, await asyncio.gather(*works), strict=True))
        column = ["gateway", "pika", "fal"].index(service)
        found = {
            moment: (type(outcome), sum(moment in str(job.body) for job in at.sim.jobs.values()))
            for moment, outcome in outcomes.items()
        }
        assert found == {moment: row[column] for moment, row in MOMENTS.items()}
    saved = {path.name for path in tmp_path.iterdir()}
    for outcome in outcomes.values():
        if isinstance(outcome, Uncertain):
            assert (outcome.why, outcome.sent_at is None) == (Why.WORKER_LOST, False)
        else:
            assert [Path(file).name in saved for file in outcome.files] == [True]


async def test_with_the_engines_default_retries_the_same_kill_pays_twice(engine, tmp_path):
    async with scene(engine, tmp_path, "gateway") as at:
        await at.outcome("after the answer", Naive.run, ["a red panda"])
        assert len(at.sim.jobs) == 2
