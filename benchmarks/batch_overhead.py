"""CPU per request of a batch, against a hand-written aiohttp loop, and how it grows.

    python -m benchmarks.batch_overhead [--jobs 1000] [--rounds 5] [--growth-rounds 3]

First a batch of 1,000 jobs, all in flight, polled every second until they are finished at the
twelfth poll; with and without a journal. Then, polled more seldom so that one core is enough, 100
jobs against 10,000: the ratio of the CPU per request is the growth, the loop's own and ours.
CPU is user + system time of the client's process, the journal's thread included, from the first
submit to the last result.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measuring import (
    alone,
    alternating,
    batch,
    connections_possible,
    cpu_seconds,
    job_by_hand,
    our_client,
    server,
    session_by_hand,
    show,
    spread,
)

_POLLS = 12
_FEW, _MANY = 100, 10_000
_SELDOM = 5.0
_SELDOM_POLLS = 6


async def loop_by_hand(url: str, jobs: int, interval: float) -> float:
    async with session_by_hand() as session:
        begun = cpu_seconds()
        await asyncio.gather(*(job_by_hand(session, url, interval) for _ in range(jobs)))
        return cpu_seconds() - begun


async def without_journal(url: str, jobs: int, interval: float) -> float:
    async with our_client(url, interval) as client:
        begun = cpu_seconds()
        await batch(client, jobs, jobs)
        return cpu_seconds() - begun


async def with_journal(url: str, jobs: int, interval: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with our_client(url, interval) as client:
            begun = cpu_seconds()
            await batch(client, jobs, jobs, str(Path(folder, "journal")))
            return cpu_seconds() - begun


CLIENTS = {"loop": loop_by_hand, "batch": without_journal, "batch with journal": with_journal}


def measure(client: str, jobs: int, polls: int, interval: float) -> float:
    """CPU milliseconds per request."""
    connections_possible(jobs)
    with server(polls) as url:
        seconds = float(alone("batch_overhead", client, url, jobs, interval))
    return 1000 * seconds / (jobs * (1 + polls))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--growth-rounds", type=int, default=3)
    parser.add_argument("--alone", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        name, url, jobs, interval = given.alone
        print(asyncio.run(CLIENTS[name](url, int(jobs), float(interval))))
        return
    if given.rounds:
        print(f"{given.jobs} jobs in flight, a poll a second, {given.rounds} rounds", flush=True)
        measures = {name: partial(measure, name, given.jobs, _POLLS, 1.0) for name in CLIENTS}
        show(alternating(given.rounds, measures), "ms CPU per request")
    if given.growth_rounds:
        growth(given.growth_rounds)


def growth(rounds: int) -> None:
    many = connections_possible(_MANY)
    if many < _MANY:
        print(f"the limit of open files allows only {many} connections instead of {_MANY}")
    print(f"growth from {_FEW} to {many} in flight, {rounds} rounds", flush=True)
    measures = {
        f"{name}, {jobs}": partial(measure, name, jobs, _SELDOM_POLLS, _SELDOM)
        for name in CLIENTS
        for jobs in (_FEW, many)
    }
    figures = alternating(rounds, measures)
    for name in CLIENTS:
        few, all_of_them = figures[f"{name}, {_FEW}"], figures[f"{name}, {many}"]
        print(f"{name:>22}: {spread(all_of_them, few)} × that of {_FEW}")
    show({name: figures[f"{name}, {many}"] for name in CLIENTS}, f"ms CPU per request at {many}")


if __name__ == "__main__":
    main()
