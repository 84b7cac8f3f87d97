"""CPU per request of single jobs in an asyncio.gather, against a hand-written aiohttp loop.

    python -m benchmarks.overhead [--jobs 1000] [--polls 6] [--rounds 3]

Both clients do the same work against one server in another process: submit all jobs at once, poll
each every second until it is finished. Reported: client CPU time (user + system) per request from
first submit to last result, and the ratio of ours to the loop's, round by round.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.rig.clients import PROMPT, alternating, job_by_hand, our_client, session_by_hand
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, connections_possible, cpu_seconds
from benchmarks.rig.rows import Row, compared
from benchmarks.rig.server import server

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = {"rounds": 1, "polls": 3}

_INTERVAL = 1.0


async def loop_by_hand(url: str, jobs: int) -> float:
    async with session_by_hand() as session:
        begun = cpu_seconds()
        await asyncio.gather(*(job_by_hand(session, url, _INTERVAL) for _ in range(jobs)))
        return cpu_seconds() - begun


async def pika_async_client(url: str, jobs: int) -> float:
    async with our_client(url, _INTERVAL) as client:
        begun = cpu_seconds()
        await asyncio.gather(*(client.generate(PROMPT) for _ in range(jobs)))
        return cpu_seconds() - begun


CLIENTS = {"loop": loop_by_hand, "pika_async": pika_async_client}


def measure(client: str, jobs: int, polls: int) -> float:
    """CPU milliseconds per request."""
    with server(polls) as url:
        return 1000 * float(alone(CLIENTS[client], url, jobs)) / (jobs * (1 + polls))


def run(*, jobs: int = 1000, polls: int = 6, rounds: int = 3) -> list[Row]:
    possible = connections_possible(jobs)
    measures = {name: partial(measure, name, possible, polls) for name in CLIENTS}
    figures = alternating(rounds, measures)
    return compared(figures, "ms a request", about=f", {possible:,} jobs in a gather")


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
