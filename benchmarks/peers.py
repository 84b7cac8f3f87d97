"""CPU per request of other SDKs, each on its own wire shape, against the loop and this package.

    python -m benchmarks.peers [--rounds 3] [--most 1000] [--limit 20] [--polls 2]

100 and 1,000 jobs at once (``--most 10000``: and as many), submitted together, every one waited for
as the SDK's own documentation shows. They poll every second (at 10,000 every five) where the SDK
lets its caller say so; runwayml waits 6 s, give or take 1.5, so that the limit leaves it time for
two polls. Each service ends a job at its second. CPU is user + system time of the client's process,
the requests are counted at the server.

A client that is not done after ``--limit`` seconds is stopped: its figure is the CPU until then
over the requests until then, and the row says how many these were. There is no figure where there
were none: a pool that looks through all that wait, for each that comes, is busy for long before
the first request leaves. Who had to be stopped is not tried with more jobs, and other numbers than
1,000 have one round. SDKs that are not installed (``pip install pika-async[bench]``) are left out.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from benchmarks.rig.clients import PROMPT, job_by_hand, our_client, session_by_hand
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, connections_possible, cpu_seconds, tell
from benchmarks.rig.rows import Row, not_installed, ratio
from benchmarks.rig.server import requests_answered, server
from pika_async import FixedPolling, PikaClient
from pika_async.dialects import Fal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUICK = {"rounds": 1, "most": 100, "polls": 1}

_SIZES = (100, 1000, 10_000)
_COMPARED_AT = 1000
# More would be more than one core can ask for.
_POLLS_A_SECOND = 2000

Job = Callable[[], Awaitable[object]]


@asynccontextmanager
async def loop_by_hand(url: str, interval: float) -> AsyncIterator[Job]:
    async with session_by_hand() as session:
        yield lambda: job_by_hand(session, url, interval)


@asynccontextmanager
async def pika_async(url: str, interval: float) -> AsyncIterator[Job]:
    async with our_client(url, interval) as client:
        yield lambda: client.generate(PROMPT)


@asynccontextmanager
async def pika_async_at_fal(url: str, interval: float) -> AsyncIterator[Job]:
    async with PikaClient(
        "key", base_url=url, dialect=Fal(), polling=FixedPolling(interval)
    ) as client:
        yield lambda: client.generate(PROMPT)


@asynccontextmanager
async def fal_client(url: str, interval: float) -> AsyncIterator[Job]:
    """https://docs.fal.ai/model-apis/client."""
    module = importlib.import_module("fal_client")
    # FAL_QUEUE_RUN_HOST would do, were it not always asked over TLS.
    vars(importlib.import_module("fal_client.client"))["QUEUE_URL_FORMAT"] = f"{url}/"
    client = module.AsyncClient(key="key")

    async def job() -> None:
        await client.subscribe(
            "fal-ai/pika/v2.2/text-to-video", {"prompt": PROMPT}, interval=interval
        )

    yield job


@asynccontextmanager
async def openai(url: str, interval: float) -> AsyncIterator[Job]:
    """https://platform.openai.com/docs/guides/video-generation."""
    module = importlib.import_module("openai")

    async with module.AsyncOpenAI(api_key="key", base_url=url) as client:

        async def job() -> None:
            video = await client.videos.create_and_poll(
                model="sora-2", prompt=PROMPT, poll_interval_ms=int(1000 * interval)
            )
            assert video.status == "completed"

        yield job


@asynccontextmanager
async def runwayml(url: str, _interval: float) -> AsyncIterator[Job]:
    """https://docs.dev.runwayml.com/api-details/sdks: it says itself how long it waits."""
    module = importlib.import_module("runwayml")

    async with module.AsyncRunwayML(api_key="key", base_url=url) as client:

        async def job() -> None:
            task = await client.image_to_video.create(
                model="gen4_turbo",
                prompt_image="https://example.com/panda.jpg",
                prompt_text=PROMPT,
                ratio="1280:720",
                duration=5,
            )
            await task.wait_for_task_output()

        yield job


@frozen
class Client:
    """Who asks, and in whose spelling the service answers."""

    jobs: Callable[[str, float], AbstractAsyncContextManager[Job]]
    wire: str = "gateway"
    module: str = "pika_async"


OURS_AT_FAL = "pika_async, Fal()"
CLIENTS = {
    "loop": Client(loop_by_hand),
    "pika_async": Client(pika_async),
    OURS_AT_FAL: Client(pika_async_at_fal, "fal"),
    "fal-client": Client(fal_client, "fal", "fal_client"),
    "openai": Client(openai, "openai", "openai"),
    "runwayml": Client(runwayml, "runway", "runwayml"),
}
PEERS = ("fal-client", "openai", "runwayml")


async def drive(name: str, url: str, jobs: int, interval: float, limit: float) -> list[Any]:
    """CPU seconds, how many jobs were not done in time, and how many failed of what."""
    logging.disable()
    async with CLIENTS[name].jobs(url, interval) as job:
        begun = cpu_seconds()
        tasks = [asyncio.ensure_future(job()) for _ in range(jobs)]
        done, waiting = await asyncio.wait(tasks, timeout=limit)
        spent = cpu_seconds() - begun
        failed = Counter(type(error).__name__ for task in done if (error := task.exception()))
        result = [spent, len(waiting), failed]
        if waiting:
            # To cancel them in order takes some pools longer than all that was measured.
            tell(result)
            os._exit(0)
    return result


@define
class Measured:
    """What the rounds of one client with so many jobs came to."""

    figures: list[float] = field(factory=list)
    notes: list[str] = field(factory=list)
    stopped: bool = False

    def add(self, name: str, jobs: int, polls: int, limit: float) -> None:
        interval = max(1.0, jobs / _POLLS_A_SECOND)
        with server(polls, wire=CLIENTS[name].wire) as url:
            # A proxy is not what is measured.
            spent, waiting, failed = alone(drive, name, url, jobs, interval, limit, NO_PROXY="*")
            requests = requests_answered(url)
        # Those that the others are compared with must do all of the work.
        assert name in PEERS or not (waiting or failed)
        if requests:
            self.figures.append(1000 * spent / requests)
        if waiting:
            self.stopped = True
            self.notes.append(f"stopped after {requests:,} requests, {waiting:,} jobs waiting")
        self.notes += [f"{number:,} jobs failed: {error}" for error, number in failed.items()]


def run(*, rounds: int = 3, most: int = 1000, limit: float = 20.0, polls: int = 2) -> list[Row]:
    tried = [name for name in CLIENTS if find_spec(CLIENTS[name].module)]
    rows = [
        Row(name, "× pika_async", (), "peers", note=not_installed(CLIENTS[name].module))
        for name in CLIENTS
        if name not in tried
    ]
    for size in _SIZES:
        if size <= most:
            times = rounds if size == _COMPARED_AT else 1
            measured = compare(tried, connections_possible(size), times, polls, limit)
            rows += rows_of(measured, size, times)
            tried = [name for name in tried if not measured[name].stopped]
    return rows


def compare(
    names: Sequence[str], jobs: int, rounds: int, polls: int, limit: float
) -> dict[str, Measured]:
    """In turn, so that a noisy machine is noisy to all."""
    measured = {name: Measured() for name in names}
    for _ in range(rounds):
        for name, one in measured.items():
            # Ours and the loop are done in seconds, whatever the machine.
            one.add(name, jobs, polls, limit if name in PEERS else 10 * limit)
    return measured


def rows_of(measured: Mapping[str, Measured], jobs: int, rounds: int) -> list[Row]:
    about = f", {jobs:,} jobs"
    rows = [
        Row(name + about, "ms a request", tuple(one.figures), note="; ".join(one.notes))
        for name, one in measured.items()
    ]
    loop, ours = measured["loop"].figures, measured["pika_async"].figures
    rows.append(ratio(f"pika_async{about}", ours, loop))
    target = "peers" if jobs == _COMPARED_AT else None
    for name in PEERS:
        if name in measured and len(measured[name].figures) == rounds:
            what = f"{name}{about}{', stopped before its end' if measured[name].stopped else ''}"
            # Against ours on the very same wire, where we speak it.
            same = name == "fal-client"
            against = measured[OURS_AT_FAL].figures if same else ours
            unit = f"× {OURS_AT_FAL}" if same else "× pika_async"
            rows.append(ratio(what, measured[name].figures, against, unit, target))
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
