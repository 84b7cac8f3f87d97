"""On a real engine, with workers that are killed at the worst moments: paid once, nothing lost."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import anyio
import pytest
from attrs import define
from support.engine import connected
from support.films import Film, Naive
from support.nursery import ended, worker
from temporalio.client import Client

from pika_async.simulator import Fault, Simulator
from pika_async.temporal import Finished, Uncertain, Why

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX"),
]


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


PROMPTS = 40
LONGEST_LIFE = 8.0


@pytest.mark.long
@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_two_workers_that_are_killed_at_random_pay_for_nothing_twice_and_lose_nothing(
    service, engine, tmp_path, request, record_property
):
    kills = request.config.getoption("kills")
    chance = random.Random(service)  # noqa: S311 - draws moments
    async with scene(engine, tmp_path, service) as at:
        # Widens the moment in which an answer is on its way.
        at.sim.faults.append(
            Fault("slow-headers", times=None, seconds=0.4, probability=0.5, started=True)
        )
        prompts = [f"a red panda {number:02}" for number in range(PROMPTS)]
        handles = [
            await at.client.start_workflow(
                Film.run,
                args=[prompt, 0, None],
                id=f"{service} {prompt}",
                task_queue=f"chaos {service}",
            )
            for prompt in prompts
        ]

        async def life(seconds):
            queue = f"chaos {service}"
            async with worker(engine, at.sim, queue, tmp_path):
                if seconds is None:
                    await asyncio.gather(*(handle.result() for handle in handles))
                    return
                with anyio.move_on_after(LONGEST_LIFE):
                    posts = len(at.sim.submissions)
                    while len(at.sim.submissions) == posts:  # noqa: ASYNC110 - sets no flag
                        await anyio.sleep(0.01)
                    await anyio.sleep(seconds)

        async def lives(number):
            for _ in range(number):
                await life(chance.uniform(0.0, 0.8))
            await life(None)

        await asyncio.gather(lives(kills // 2), lives(kills - kills // 2))
        outcomes = [await handle.result() for handle in handles]
        jobs = Counter(
            prompt for job in at.sim.jobs.values() for prompt in prompts if prompt in str(job.body)
        )
        named = {outcome.job_id for outcome in outcomes if not isinstance(outcome, Uncertain)}
        unsure = {
            prompt
            for prompt, outcome in zip(prompts, outcomes, strict=True)
            if isinstance(outcome, Uncertain)
        }
        lost = [
            job.id
            for job in at.sim.jobs.values()
            if job.id not in named and not any(prompt in str(job.body) for prompt in unsure)
        ]
    record_property(
        "told",
        f"{service}: {PROMPTS} prompts, {kills} kills, {sum(jobs.values())} jobs, "
        f"{len(unsure)} uncertain",
    )
    assert ([prompt for prompt, count in jobs.items() if count > 1], lost) == ([], [])
    assert len(named) + len(unsure) == PROMPTS
    if service == "pika":
        assert unsure == set()
