"""Wall time of 2,000 instant jobs, 64 at once, against a hand-written loop with a semaphore.

    python -m benchmarks.batch_throughput [--jobs 2000] [--at-once 64] [--rounds 7]

Each job is found finished at its first poll, which follows its submit at once. Every write to the
journal waits for the disk; it lies in the folder that tempfile chooses (set TMPDIR for another
disk), and what one small synced write takes there is measured too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.measuring import (
    alone,
    alternating,
    batch,
    job_by_hand,
    our_client,
    server,
    session_by_hand,
    show,
)


async def loop_by_hand(url: str, jobs: int, at_once: int) -> float:
    semaphore = asyncio.Semaphore(at_once)
    async with session_by_hand() as session:

        async def one() -> None:
            async with semaphore:
                await job_by_hand(session, url, 0.0)

        begun = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(jobs)))
        return time.perf_counter() - begun


async def without_journal(url: str, jobs: int, at_once: int) -> float:
    async with our_client(url, 0.0) as client:
        begun = time.perf_counter()
        await batch(client, jobs, at_once)
        return time.perf_counter() - begun


async def with_journal(url: str, jobs: int, at_once: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with our_client(url, 0.0) as client:
            begun = time.perf_counter()
            await batch(client, jobs, at_once, str(Path(folder, "journal")))
            return time.perf_counter() - begun


CLIENTS = {"loop": loop_by_hand, "batch": without_journal, "batch with journal": with_journal}


def measure(client: str, jobs: int, at_once: int) -> float:
    """Seconds."""
    with server(1) as url:
        return float(alone("batch_throughput", client, url, jobs, at_once))


def synced_write() -> float:
    """Milliseconds, the median of some."""
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(50):
            file.write(bytes(4096))
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begun)
    return 1000 * statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--alone", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        name, url, jobs, at_once = given.alone
        print(asyncio.run(CLIENTS[name](url, int(jobs), int(at_once))))
        return
    print(
        f"{given.jobs} instant jobs, {given.at_once} at once, {given.rounds} rounds, "
        f"a synced write takes {synced_write():.2f} ms",
        flush=True,
    )
    measures = {name: partial(measure, name, given.jobs, given.at_once) for name in CLIENTS}
    show(alternating(given.rounds, measures), "s")


if __name__ == "__main__":
    main()
