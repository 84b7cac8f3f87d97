"""CPU per request of single jobs in an asyncio.gather, against a hand-written aiohttp loop.

    python -m benchmarks.overhead [--jobs 1000] [--polls 12] [--rounds 5]

Both clients do the same work against one server in another process: submit all jobs at once, poll
each every second until it is finished. Each run is a process of its own; the runs alternate.
Reported: client CPU time (user + system) per request from first submit to last result, and the
ratio of ours to the loop's, round by round.
"""

from __future__ import annotations

import argparse
import asyncio
from functools import partial

from benchmarks.measuring import (
    PROMPT,
    alone,
    alternating,
    cpu_seconds,
    job_by_hand,
    our_client,
    server,
    session_by_hand,
    show,
)

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
        return 1000 * float(alone("overhead", client, url, jobs)) / (jobs * (1 + polls))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--polls", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        name, url, jobs = given.alone
        print(asyncio.run(CLIENTS[name](url, int(jobs))))
        return
    print(f"{given.jobs} jobs, {given.polls} polls each, {given.rounds} rounds")
    measures = {name: partial(measure, name, given.jobs, given.polls) for name in CLIENTS}
    show(alternating(given.rounds, measures), "ms CPU per request")


if __name__ == "__main__":
    main()
