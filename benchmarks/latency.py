"""Wall time of jobs far away: every answer takes 150 ms more, against a hand-written aiohttp loop.

    python -m benchmarks.latency [--jobs 1000] [--seconds 5] [--rounds 3]

1,000 jobs of five seconds, polled every second; the loop without a limit of connections and, to
show what a pool costs, with aiohttp's default of 100. Connections are opened without delay.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.rig.clients import (
    alternating,
    batch,
    job_by_hand,
    our_client,
    session_by_hand,
    session_without_limit,
)
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, connections_possible
from benchmarks.rig.rows import Row, compared
from benchmarks.rig.server import server

if TYPE_CHECKING:
    from collections.abc import Sequence

    import aiohttp

QUICK = {"rounds": 1, "seconds": 2.0}

_LATENCY = 0.15
_INTERVAL = 1.0


async def loop_without_limit(url: str, jobs: int) -> float:
    return await _taken(session_without_limit(), url, jobs)


async def loop_by_hand(url: str, jobs: int) -> float:
    return await _taken(session_by_hand(), url, jobs)


async def _taken(session: aiohttp.ClientSession, url: str, jobs: int) -> float:
    async with session:
        begun = time.perf_counter()
        await asyncio.gather(*(job_by_hand(session, url, _INTERVAL) for _ in range(jobs)))
        return time.perf_counter() - begun


async def pika_async_batch(url: str, jobs: int) -> float:
    async with our_client(url, _INTERVAL) as client:
        begun = time.perf_counter()
        await batch(client, jobs, jobs)
        return time.perf_counter() - begun


CLIENTS = {
    "loop": loop_without_limit,
    "batch": pika_async_batch,
    "loop with 100 connections": loop_by_hand,
}


def measure(client: str, jobs: int, seconds: float) -> float:
    """Seconds."""
    with server(seconds=seconds, latency=_LATENCY) as url:
        return float(alone(CLIENTS[client], url, jobs))


def run(*, jobs: int = 1000, seconds: float = 5.0, rounds: int = 3) -> list[Row]:
    possible = connections_possible(jobs)
    measures = {name: partial(measure, name, possible, seconds) for name in CLIENTS}
    figures = alternating(rounds, measures)
    about = f", {possible:,} jobs of {seconds:g} s"
    return compared(figures, "s", targets={"batch": "latency"}, about=about)


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
