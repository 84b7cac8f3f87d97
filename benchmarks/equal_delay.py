"""CPU per job of polling that learns, against a fixed interval that is as late: what users pay.

    python -m benchmarks.equal_delay [--jobs 400] [--in-flight 100] [--median 5] [--rounds 3]

First a batch with AdaptivePolling, which begins with nothing learnt; jobs tell no progress, and
their durations are log-normal with sigma 0.35. The service measures the mean delay from the end
of a job to the look that sees it. Then the hand-written aiohttp loop, with the interval that comes
to the same mean delay: twice that, less what its own requests take, as its run before has shown.
(The first of its runs shows that alone.) All times are those of jobs with a median of 75 s, made
shorter by one factor, the settings of AdaptivePolling with them: what a look costs and how many
there are stays the same.

A process that sleeps between the looks pays for waking up, and how much depends on the machine: on
a virtual one 0.3 to 0.5 ms of CPU were measured, as much as some looks. The loop's jobs all began
at once and wake it together. So the same is counted in instructions by ``benchmarks.instructions``.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from benchmarks.rig.clients import batch, job_by_hand, session_by_hand
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, cpu_seconds
from benchmarks.rig.rows import Row, compared
from benchmarks.rig.server import mean_delay, requests_answered, server
from pika_async import AdaptivePolling, PikaClient

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = {"jobs": 100, "median": 2.0, "rounds": 1}

SIGMA = 0.35
# The median of jobs, in seconds, for which AdaptivePolling's own settings are made.
_USUAL_MEDIAN = 75.0


def adaptive(median: float) -> AdaptivePolling:
    """By default, but for jobs of another median."""
    usual = AdaptivePolling()
    factor = median / _USUAL_MEDIAN
    return AdaptivePolling(
        look_cost=usual.look_cost * factor,
        min_interval=usual.min_interval * factor,
        max_interval=usual.max_interval * factor,
        expected=usual.expected * factor,
        budget=usual.budget / factor,
    )


async def pika_async_batch(url: str, jobs: int, in_flight: int, median: float) -> float:
    async with PikaClient("key", base_url=url, polling=adaptive(median)) as client:
        begun = cpu_seconds()
        await batch(client, jobs, in_flight)
        return cpu_seconds() - begun


async def loop_by_hand(url: str, jobs: int, in_flight: int, interval: float) -> float:
    places = asyncio.Semaphore(in_flight)

    async def one() -> None:
        async with places:
            await job_by_hand(session, url, interval)

    async with session_by_hand() as session:
        begun = cpu_seconds()
        await asyncio.gather(*(one() for _ in range(jobs)))
        return cpu_seconds() - begun


def run(
    *, jobs: int = 400, in_flight: int = 100, median: float = 5.0, rounds: int = 3
) -> list[Row]:
    cpu: dict[str, list[float]] = {"loop": [], "batch": []}
    delays: dict[str, list[float]] = {"loop": [], "batch": []}
    requests: dict[str, list[float]] = {"loop": [], "batch": []}

    def measure(name: str, paced_by: float) -> float:
        client = {"loop": loop_by_hand, "batch": pika_async_batch}[name]
        with server(seconds=median, sigma=SIGMA) as url:
            seconds = float(alone(client, url, jobs, in_flight, paced_by))
            delays[name].append(mean_delay(url))
            requests[name].append(requests_answered(url) / jobs)
        cpu[name].append(1000 * seconds / jobs)
        return delays[name][-1]

    # What the loop is late beyond half its interval.
    beyond = math.nan
    for _ in range(rounds):
        delay = measure("batch", median)
        if math.isnan(beyond):
            beyond = measure("loop", 2.0 * delay) - delay
            for figures in (cpu, delays, requests):
                figures["loop"].clear()
        interval = 2.0 * (delay - beyond)
        beyond = measure("loop", interval) - interval / 2.0
    about = f", {jobs:,} jobs of {median:g} s"
    return [
        *compared(cpu, "ms a job", targets={"batch": "equal-delay"}, about=about),
        *(
            Row(f"{name}{about}", unit, tuple(figures))
            for unit, told in (("s late", delays), ("requests a job", requests))
            for name, figures in told.items()
        ),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
