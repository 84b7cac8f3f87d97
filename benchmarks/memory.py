"""Memory of jobs in flight, of a long batch as it goes, and what leaving early costs.

    python -m benchmarks.memory [--in-flight 10000] [--prompts 20000] [--rounds 1]

1. So many jobs in flight that never end, polled every minute: memory per job over the idle client,
   when all have been submitted at once and the pool holds its connections, and, with ``--idle 32``,
   when it has let go of them so many seconds later. The loop's jobs are coroutines in a gather.
   It is what is allocated (every object through malloc, which counts), since what a process has
   resident does not shrink; what that grew to is another figure.
2. So many prompts from a generator, 100 in flight, instant jobs: the memory at each tenth of the
   way, which must not grow; with and without a journal.
3. A batch that is left after ten results: prompts taken, and POSTs sent.

Each in a process of its own, whose first job has been waited for before anything is counted, so
that what is loaded at the first use is not.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import resource
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from benchmarks.rig.clients import PROMPT, batch, job_by_hand, our_client, session_by_hand
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, connections_possible, cpu_seconds
from benchmarks.rig.rows import Row, compared
from benchmarks.rig.server import server
from pika_async import Batch
from pika_async.simulator import Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUICK = {"in_flight": 1000, "prompts": 2000}

_SELDOM = 60.0
_AT_ONCE = 100
_TAKEN_BEFORE_LEAVING = 10


_MALLINFO2 = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Mallinfo2(ctypes.Structure):
    """https://man7.org/linux/man-pages/man3/mallinfo.3.html."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in _MALLINFO2.split())


def allocated() -> int:
    """Bytes that malloc has given and not got back; all of Python's under PYTHONMALLOC=malloc."""
    gc.collect()
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _Mallinfo2
    info = mallinfo2()
    return int(info.uordblks + info.hblkhd)


def resident() -> int:
    """Bytes of this process in memory, less the garbage."""
    gc.collect()
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize()


async def quiet() -> None:
    """Wait until this process has nothing to do but to wait."""
    busy = 1.0
    while busy > 0.01:
        before = cpu_seconds()
        await asyncio.sleep(1.0)  # noqa: TID251 - real time is what is measured
        busy = cpu_seconds() - before


# In flight.


POOLED, UNPOOLED, RESIDENT = "with the pool's connections", "with none", "resident"

Before = tuple[int, int]


def before_jobs() -> Before:
    return allocated(), resident()


async def memory_of(
    running: asyncio.Task[object], jobs: int, idle: float, before: Before
) -> dict[str, float]:
    """KB a job: while the pool holds connections, after it has been ``idle``, and resident."""
    await quiet()
    grown = {POOLED: allocated() - before[0], RESIDENT: resident() - before[1]}
    if idle:
        await asyncio.sleep(idle)  # noqa: TID251 - real time is what is measured
        grown[UNPOOLED] = allocated() - before[0]
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})
    return {what: growth / jobs / 1024 for what, growth in grown.items()}


async def loop_in_flight(url: str, instant: str, jobs: int, idle: float) -> dict[str, float]:
    # Ten thousand connections at once, and jobs that are left behind, make many lines.
    logging.disable()
    async with session_by_hand() as session:
        await job_by_hand(session, instant, 0.0)
        before = before_jobs()

        async def all_of_them() -> None:
            await asyncio.gather(*(job_by_hand(session, url, _SELDOM) for _ in range(jobs)))

        return await memory_of(asyncio.create_task(all_of_them()), jobs, idle, before)


async def batch_in_flight(url: str, instant: str, jobs: int, idle: float) -> dict[str, float]:
    return await ours_in_flight(url, instant, jobs, idle, None)


async def journalled_in_flight(url: str, instant: str, jobs: int, idle: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return await ours_in_flight(url, instant, jobs, idle, str(Path(folder, "journal")))


async def ours_in_flight(
    url: str, instant: str, jobs: int, idle: float, journal: str | None
) -> dict[str, float]:
    logging.disable()
    async with our_client(instant, 0.0) as client:
        # What is loaded at the first use belongs to the idle client.
        await batch(client, 1, 1, journal and f"{journal}-first")
    async with our_client(url, _SELDOM) as client:
        before = before_jobs()
        return await memory_of(
            asyncio.create_task(batch(client, jobs, jobs, journal)), jobs, idle, before
        )


IN_FLIGHT = {
    "loop": loop_in_flight,
    "batch": batch_in_flight,
    "batch with journal": journalled_in_flight,
}


def measure_in_flight(name: str, jobs: int, idle: float) -> dict[str, float]:
    with server() as url, server(1) as instant:
        found: dict[str, float] = alone(
            IN_FLIGHT[name], url, instant, jobs, idle, PYTHONMALLOC="malloc"
        )
    return found


def rows_in_flight(jobs: int, rounds: int, idle: float) -> list[Row]:
    found: dict[str, list[dict[str, float]]] = {name: [] for name in IN_FLIGHT}
    for _ in range(rounds):
        for name, measured in found.items():
            measured.append(measure_in_flight(name, jobs, idle))
    rows = []
    for what in found["loop"][0]:
        figures = {name: [one[what] for one in every] for name, every in found.items()}
        rows += compared(figures, "KB a job", about=f", {jobs:,} in flight, {what}")
    held = f"batch, {jobs:,} in flight, {POOLED}"
    return [
        evolve(row, target="memory") if (row.what, row.unit) == (held, "KB a job") else row
        for row in rows
    ]


# As it goes.


async def curve(url: str, prompts: int, journal: str | None) -> list[float]:
    """Megabytes at each tenth of the way, from the first result on."""
    found = []
    async with our_client(url, 0.0) as client:
        texts = (f"{PROMPT} {number}" for number in range(prompts))
        async with Batch(client, texts, max_in_flight=_AT_ONCE, journal=journal) as running:
            done = 0
            async for result in running:
                result.unwrap()
                if done % (prompts // 10) == 0:
                    found.append(resident() / 1024**2)
                done += 1
            found.append(resident() / 1024**2)
    return found


async def long_batch(url: str, prompts: int, journalled: bool) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        return await curve(url, prompts, str(Path(folder, "journal")) if journalled else None)


def rows_as_it_goes(prompts: int) -> list[Row]:
    rows = []
    for journalled in (False, True):
        with server(1) as url:
            found: list[float] = alone(long_batch, url, prompts, journalled)
        name = "batch with journal" if journalled else "batch"
        what = f"{name}, {prompts:,} prompts, {_AT_ONCE} in flight, resident at each tenth"
        curve_shown = " ".join(f"{memory:.1f}" for memory in found)
        rows.append(Row(what, "MB", tuple(found), note=curve_shown))
    return rows


# Leaving.


async def leave(at_once: int) -> list[int]:
    """Prompts taken and POSTs sent when it is left, and at the end."""
    logging.disable()
    taken = 0

    def prompts() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield f"{PROMPT} {taken}"

    async with Simulator(duration=Polls(1)) as sim, our_client(sim.url, 0.0) as client:
        async with Batch(client, prompts(), max_in_flight=at_once) as running:
            for _ in range(_TAKEN_BEFORE_LEAVING):
                (await anext(running)).unwrap()
            taken_then, sent_then = taken, len(sim.submissions)
        return [taken_then, sent_then, taken, len(sim.submissions)]


def rows_of_leaving(at_once: int) -> list[Row]:
    taken_then, sent_then, taken, sent = alone(leave, at_once)
    what = f"left after {_TAKEN_BEFORE_LEAVING} results, {at_once} in flight"
    return [
        Row(what, "prompts taken", (taken,), note=f"{taken_then} until then"),
        Row(what, "POSTs sent", (sent,), note=f"{sent_then} until then"),
    ]


def run(
    *,
    in_flight: int = 10_000,
    prompts: int = 20_000,
    # What is allocated is the same in each, within two in a hundred.
    rounds: int = 1,
    # Both pools close what has been idle for 15 s, at most as long again later.
    idle: float = 0.0,
) -> list[Row]:
    rows = rows_of_leaving(16) + rows_of_leaving(64)
    if rounds:
        rows += rows_in_flight(connections_possible(in_flight), rounds, idle)
    if prompts:
        rows += rows_as_it_goes(prompts)
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
