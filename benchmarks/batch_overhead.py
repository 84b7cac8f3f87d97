"""CPU per request of a batch, against a hand-written aiohttp loop, and how it grows.

    python -m benchmarks.batch_overhead [--jobs 1000] [--rounds 3] [--growth-rounds 3]

First a batch of 1,000 jobs, all in flight, polled every second until they are finished at the
twelfth poll; with and without a journal. Then 100 jobs against 10,000, these polled more seldom so
that one core is enough, and only four times: the ratio of the CPU per request is the growth, the
loop's own and ours.
CPU is user + system time of the client's process, the journal's thread included, from the first
submit to the last result.
"""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rig.clients import alternating, batch, job_by_hand, our_client, session_by_hand
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, connections_possible, cpu_seconds
from benchmarks.rig.rows import Row, compared, ratio
from benchmarks.rig.server import server

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = {"rounds": 1, "polls": 4, "growth_rounds": 0}

_FEW = 100
_SELDOM_POLLS = 4
# As many polls a second as 10,000 jobs every five seconds.
_POLLS_A_SECOND = 2000


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
_GROWING = ("loop", "batch")


def measure(client: str, jobs: int, polls: int, interval: float) -> float:
    """CPU milliseconds per request."""
    with server(polls) as url:
        seconds = float(alone(CLIENTS[client], url, jobs, interval))
    return 1000 * seconds / (jobs * (1 + polls))


def run(
    *,
    jobs: int = 1000,
    polls: int = 12,
    rounds: int = 3,
    growth_rounds: int = 3,
    many: int = 10_000,
) -> list[Row]:
    rows = []
    if rounds:
        possible = connections_possible(jobs)
        measures = {name: partial(measure, name, possible, polls, 1.0) for name in CLIENTS}
        figures = alternating(rounds, measures)
        targets = {"batch": "cpu"}
        rows += compared(figures, "ms a request", targets=targets, about=f", {possible:,} jobs")
    if growth_rounds:
        rows += growth(growth_rounds, connections_possible(many))
    return rows


def growth(rounds: int, many: int) -> list[Row]:
    seldom = max(1.0, many / _POLLS_A_SECOND)
    measures = {
        f"{name}, {jobs}": partial(measure, name, jobs, _SELDOM_POLLS, interval)
        for name in _GROWING
        for jobs, interval in ((_FEW, 1.0), (many, seldom))
    }
    figures = alternating(rounds, measures)
    at_many = {name: figures[f"{name}, {many}"] for name in _GROWING}
    targets = {"batch": "cpu-many"}
    rows = compared(at_many, "ms a request", targets=targets, about=f", {many:,} jobs")
    growths = {
        name: ratio(
            f"growth of {name} to {many:,} jobs",
            taken,
            figures[f"{name}, {_FEW}"],
            f"× at {_FEW}",
            "growth" if name == "batch" else None,
        )
        for name, taken in at_many.items()
    }
    ours, loop = growths["batch"], growths["loop"]
    over = ratio(ours.what, ours.figures, loop.figures, "× loop's growth", "growth-loop")
    return [*rows, *growths.values(), over]


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
