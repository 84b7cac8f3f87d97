"""Wall time of 2,000 instant jobs, 64 at once, against a hand-written loop with a semaphore.

    python -m benchmarks.batch_throughput [--jobs 2000] [--at-once 64] [--rounds 7]

Each job is found finished at its first poll, which follows its submit at once. Every write to the
journal waits for the disk; it lies in the folder that tempfile chooses (set TMPDIR for another
disk), and what one small synced write takes there is measured too.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rig.clients import alternating, batch, job_by_hand, our_client, session_by_hand
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone
from benchmarks.rig.rows import Row, compared
from benchmarks.rig.server import server

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = {"rounds": 2}


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
TARGETS = {"batch": "throughput", "batch with journal": "throughput-journal"}


def measure(client: str, jobs: int, at_once: int) -> float:
    """Seconds."""
    with server(1) as url:
        return float(alone(CLIENTS[client], url, jobs, at_once))


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


def run(*, jobs: int = 2000, at_once: int = 64, rounds: int = 7) -> list[Row]:
    written = synced_write()
    measures = {name: partial(measure, name, jobs, at_once) for name in CLIENTS}
    figures = alternating(rounds, measures)
    rows = compared(figures, "s", targets=TARGETS, about=f", {jobs:,} instant jobs")
    return [*rows, Row("a synced write of 4 KB", "ms", (written,))]


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
