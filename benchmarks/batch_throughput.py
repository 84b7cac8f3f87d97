"""CPU of 2,000 instant jobs, 64 at once, against a hand-written loop with a semaphore.

    python -m benchmarks.batch_throughput [--jobs 2000] [--at-once 64] [--rounds 5]

Each job is found finished at its first poll, which follows its submit at once. CPU is user + system
time of the client's process, the journal's thread included. The journal is compared with a loop
that writes each job down in SQLite before its submit, after it and at its end, and commits each
time, as safely as the journal does (synchronous=full). Every such write waits for the disk; the
file lies in the folder that tempfile chooses (set TMPDIR for another disk), and what one small
synced write takes there is measured too.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rig.clients import (
    alternating,
    batch,
    job_by_hand,
    our_client,
    result_by_hand,
    session_by_hand,
    submit_by_hand,
)
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, cpu_seconds
from benchmarks.rig.rows import Row, compared, ratio
from benchmarks.rig.server import server

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = {"rounds": 1}


async def loop_by_hand(url: str, jobs: int, at_once: int) -> float:
    semaphore = asyncio.Semaphore(at_once)
    async with session_by_hand() as session:

        async def one() -> None:
            async with semaphore:
                await job_by_hand(session, url, 0.0)

        begun = cpu_seconds()
        await asyncio.gather(*(one() for _ in range(jobs)))
        return cpu_seconds() - begun


async def loop_with_sqlite(url: str, jobs: int, at_once: int) -> float:
    semaphore = asyncio.Semaphore(at_once)
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder, "jobs.db"), isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE jobs (number INTEGER PRIMARY KEY, job TEXT, result TEXT)")
        async with session_by_hand() as session:

            async def one(number: int) -> None:
                async with semaphore:
                    database.execute("INSERT INTO jobs (number) VALUES (?)", (number,))
                    job_id = await submit_by_hand(session, url)
                    database.execute("UPDATE jobs SET job = ? WHERE number = ?", (job_id, number))
                    video = await result_by_hand(session, url, job_id, 0.0)
                    database.execute("UPDATE jobs SET result = ? WHERE number = ?", (video, number))

            begun = cpu_seconds()
            await asyncio.gather(*(one(number) for number in range(jobs)))
            taken = cpu_seconds() - begun
        database.close()
    return taken


async def without_journal(url: str, jobs: int, at_once: int) -> float:
    async with our_client(url, 0.0) as client:
        begun = cpu_seconds()
        await batch(client, jobs, at_once)
        return cpu_seconds() - begun


async def with_journal(url: str, jobs: int, at_once: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with our_client(url, 0.0) as client:
            begun = cpu_seconds()
            await batch(client, jobs, at_once, str(Path(folder, "journal")))
            return cpu_seconds() - begun


CLIENTS = {
    "loop": loop_by_hand,
    "batch": without_journal,
    "loop with SQLite, full": loop_with_sqlite,
    "batch with journal": with_journal,
}


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


def run(*, jobs: int = 2000, at_once: int = 64, rounds: int = 5) -> list[Row]:
    written = synced_write()
    measures = {name: partial(measure, name, jobs, at_once) for name in CLIENTS}
    figures = alternating(rounds, measures)
    about = f", {jobs:,} instant jobs"
    by_hand, ours = "loop with SQLite, full", "batch with journal"
    durable = ratio(
        ours + about, figures[ours], figures[by_hand], f"× {by_hand}", "throughput-journal"
    )
    return [
        *compared(figures, "s", about=about),
        durable,
        Row("a synced write of 4 KB", "ms", (written,)),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
