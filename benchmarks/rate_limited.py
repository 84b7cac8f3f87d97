"""500 jobs through a service that admits 100 submits a second, against the ideal time.

    python -m benchmarks.rate_limited [--jobs 500] [--per-second 100] [--rounds 3] [--crowds 1]

The service is the simulator in a process of its own: a token bucket that holds one second's worth,
so that the ideal is (jobs - per second) / per second, for a client that knows the limit and is
never refused. Its 429s say nothing of when to come back, or say it in whole seconds: a client that
finds the limit out by one refusal, waits for the second that it is asked for, and then uses all
that was saved meanwhile, needs about a fortieth more. Much fewer jobs say little: one wait more or
less decides then.

Measured: a Batch with 64 jobs in flight, which are finished when they are first looked at, and
(``--crowds`` rounds) all jobs at once in an asyncio.gather of client.submit. Lost are jobs that
were given up; twice are jobs of the service that nobody was told of.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen

from benchmarks.rig.clients import PROMPT
from benchmarks.rig.command import command
from benchmarks.rig.rows import Row
from pika_async import Batch, FixedPolling, PikaClient, RateLimitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUICK = {"rounds": 1, "crowds": 0}


@frozen
class Run:
    """What one run came to."""

    seconds_over_ideal: float
    refused_per_job: float
    lost: int
    twice: int


@contextmanager
def server(per_second: float, *, retry_after: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The URL of a simulator in another process, and what arrived there, once it has ended."""
    told: dict[str, Any] = {}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.rig.limiting", str(per_second), str(int(retry_after))],
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


BATCH = "batch, 64 in flight"
WAYS = {BATCH: in_a_batch, "gather, all at once": all_at_once}


async def timed(way: str, url: str, jobs: int) -> tuple[float, int]:
    # That submits are held back is what happens here, and no news.
    logging.getLogger("pika_async").setLevel(logging.ERROR)
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


def run(
    *, jobs: int = 500, per_second: float = 100.0, rounds: int = 3, crowds: int = 1
) -> list[Row]:
    assert jobs > per_second, "nothing is limited"
    kinds = {
        f"{way}, {'with' if retry_after else 'without'} Retry-After": partial(
            measure, way, jobs, per_second, retry_after=retry_after
        )
        for retry_after in (False, True)
        for way in WAYS
    }
    runs: dict[str, list[Run]] = {name: [] for name in kinds}
    for number in range(max(rounds, crowds)):
        for name, kind in kinds.items():
            if number < (rounds if name.startswith(BATCH) else crowds):
                runs[name].append(kind())
    return [row for name, measured in runs.items() if measured for row in rows_of(name, measured)]


def rows_of(name: str, runs: list[Run]) -> list[Row]:
    in_batch = name.startswith(BATCH)
    times = tuple(run.seconds_over_ideal for run in runs)
    refused = tuple(run.refused_per_job for run in runs)
    return [
        Row(name, "× ideal", times, "rate-time" if in_batch else None),
        Row(name, "429s a job", refused, "rate-refused" if in_batch else None),
        Row(name, "jobs lost", tuple(float(run.lost) for run in runs)),
        Row(name, "jobs twice", tuple(float(run.twice) for run in runs)),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
