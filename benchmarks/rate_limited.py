"""500 jobs through a service that admits 100 submits a second, against the ideal time.

    python -m benchmarks.rate_limited [--jobs 500] [--per-second 100] [--rounds 5]

The service is the simulator in a process of its own: a token bucket that holds one second's worth,
so that the ideal is (jobs - per second) / per second; its 429s say nothing of when to come back, or
say it in whole seconds. Measured: a Batch with 64 jobs in flight, which are finished when they are
first looked at, and all jobs at once in an asyncio.gather of client.submit. Lost are jobs that were
given up; twice are jobs of the service that nobody was told of.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pika_async import Batch, FixedPolling, PikaClient, RateLimitError
from pika_async.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "a red panda surfing"


@frozen
class Run:
    """What one run came to."""

    seconds_over_ideal: float
    refused_per_job: float
    lost: int
    twice: int


async def serve(per_second: float, *, retry_after: bool) -> None:
    """Run until standard input is closed, then tell what arrived."""
    simulator = Simulator(
        submits_per_second=per_second, limit_retry_after=retry_after, duration=0.0
    )
    async with simulator:
        print(simulator.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        refused = sum(submission.status == 429 for submission in simulator.submissions)
        print(json.dumps({"jobs": len(simulator.jobs), "refused": refused}))


@contextmanager
def server(per_second: float, *, retry_after: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The URL of a simulator in another process, and what arrived there, once it has ended."""
    told: dict[str, Any] = {}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.rate_limited", "--serve", str(per_second)]
        + ["--retry-after"] * retry_after,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), told
        told |= json.loads(process.communicate()[0])
    finally:
        process.kill()
        process.communicate()


async def in_a_batch(client: PikaClient, jobs: int) -> int:
    async with Batch(client, [PROMPT] * jobs, max_in_flight=64) as batch:
        return sum([result.ok async for result in batch])


async def all_at_once(client: PikaClient, jobs: int) -> int:
    outcomes = await asyncio.gather(
        *(client.submit(PROMPT) for _ in range(jobs)), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, RateLimitError):
            raise outcome
    return sum(not isinstance(outcome, BaseException) for outcome in outcomes)


WAYS = {"batch, 64 in flight": in_a_batch, "gather, all at once": all_at_once}


async def timed(way: str, url: str, jobs: int) -> tuple[float, int]:
    async with PikaClient("key", base_url=url, polling=FixedPolling(0.01)) as client:
        begun = time.perf_counter()
        done = await WAYS[way](client, jobs)
        return time.perf_counter() - begun, done


def measure(way: str, jobs: int, per_second: float, *, retry_after: bool) -> Run:
    with server(per_second, retry_after=retry_after) as (url, told):
        seconds, done = asyncio.run(timed(way, url, jobs))
    return Run(
        seconds_over_ideal=seconds / ((jobs - per_second) / per_second),
        refused_per_job=told["refused"] / jobs,
        lost=jobs - done,
        twice=told["jobs"] - done,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--per-second", type=float, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--retry-after", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve, retry_after=given.retry_after))
        return
    if given.jobs <= given.per_second:
        parser.error("--jobs must be more than --per-second, or nothing is limited")
    print(f"{given.jobs} jobs, {given.per_second:g} submits a second, {given.rounds} rounds")
    for retry_after in (False, True):
        for way in WAYS:
            runs = [
                measure(way, given.jobs, given.per_second, retry_after=retry_after)
                for _ in range(given.rounds)
            ]
            ratios = sorted(run.seconds_over_ideal for run in runs)
            refused = sorted(run.refused_per_job for run in runs)
            print(
                f"{way}, {'with' if retry_after else 'without'} Retry-After: "
                f"{statistics.median(ratios):.2f} x the ideal time "
                f"({ratios[0]:.2f} to {ratios[-1]:.2f}), "
                f"{statistics.median(refused):.2f} 429s a job "
                f"({refused[0]:.2f} to {refused[-1]:.2f}), "
                f"lost {sum(run.lost for run in runs)}, twice {sum(run.twice for run in runs)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
