"""What the benchmarks share: the server, the loop written by hand, and ratios with their spread.

Every run is a process of its own, and the runs of those that are compared alternate, so that a
noisy machine is noisy to all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from pika_async import Batch, FixedPolling, GenerationRequest, PikaClient
from pika_async.dialects import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROMPT = "a red panda surfing"
HEADERS = {"Authorization": "Bearer key"}
BODY = Gateway().encode_request(GenerationRequest(PROMPT))
NEVER = 10**9
"""More polls than anyone sends."""

Figures = dict[str, list[float]]


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def connections_possible(wanted: int) -> int:
    """``wanted``, or as many as the limit of open files allows once it is raised."""
    besides = 100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + besides:
        soft = wanted + besides if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return min(wanted, soft - besides)
    return wanted


@contextmanager
def server(polls: int) -> Iterator[str]:
    """The URL of a server in another process, whose jobs end at their ``polls``-th poll."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", str(polls)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def session_by_hand() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=HEADERS)


async def job_by_hand(session: aiohttp.ClientSession, url: str, interval: float) -> str:
    """What one writes without an SDK: no retries, no typed states, no shared polls."""
    async with session.post(f"{url}/pika/generate", json=BODY) as response:
        response.raise_for_status()
        job_id = (await response.json())["id"]
    while True:
        await asyncio.sleep(interval)  # noqa: TID251 - real time is what is measured
        async with session.get(f"{url}/pika/feed/{job_id}") as response:
            response.raise_for_status()
            video = (await response.json())["videos"][0]
        if video["status"] == "finished":
            return str(video["resultUrl"])
        if video["status"] == "error":
            raise RuntimeError(video["error"])


async def batch(client: PikaClient, jobs: int, at_once: int, journal: str | None = None) -> None:
    """A whole batch of ours, all of whose jobs must succeed."""
    prompts = (f"{PROMPT} {number}" for number in range(jobs))
    done = 0
    async with Batch(client, prompts, max_in_flight=at_once, journal=journal) as running:
        async for result in running:
            result.unwrap()
            done += 1
    assert done == jobs


def our_client(url: str, interval: float) -> PikaClient:
    return PikaClient("key", base_url=url, polling=FixedPolling(interval))


def alone(module: str, *arguments: object, **environment: str) -> Any:
    """What ``python -m benchmarks.MODULE --alone ARGUMENTS`` tells, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", "--alone", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return json.loads(done.stdout)


def alternating(rounds: int, measures: Mapping[str, Callable[[], float]]) -> Figures:
    """Each measured ``rounds`` times, in turn."""
    figures: Figures = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            figures[name].append(measure())
    return figures


def show(figures: Figures, unit: str, base: str = "loop") -> None:
    """The median of each, and its ratio to that of ``base``, round by round."""
    for name, measured in figures.items():
        line = f"{name:>22}: {statistics.median(measured):8.3f} {unit}"
        if name != base:
            line += f", {spread(measured, figures[base])} × {base}"
        print(line, flush=True)


def spread(figures: list[float], base: list[float]) -> str:
    """The median of the ratios, and from where to where they go."""
    ratios = sorted(one / other for one, other in zip(figures, base, strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
