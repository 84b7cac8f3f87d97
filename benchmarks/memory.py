"""Memory of jobs in flight, of a long batch as it goes, and what leaving early costs.

    python -m benchmarks.memory [--in-flight 10000] [--prompts 100000] [--rounds 3]

1. So many jobs in flight that never end, polled every minute: memory per job over the idle client,
   when all have been submitted at once and the pool holds a connection for nearly each, and when
   it has let go of them. The loop's jobs are coroutines in a gather. It is what is allocated
   (every object through malloc, which counts), since what a process has resident does not shrink;
   what that grew to is the third figure.
2. As many prompts from a generator, 100 in flight, instant jobs: the memory at each tenth of the
   way, which must not grow; with and without a journal.
3. A batch that is left after ten results: prompts taken, and POSTs sent.

Each in a process of its own, whose first job has been waited for before anything is counted, so
that what is loaded at the first use is not.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import logging
import resource
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import (
    NEVER,
    PROMPT,
    alone,
    batch,
    connections_possible,
    cpu_seconds,
    job_by_hand,
    our_client,
    server,
    session_by_hand,
    show,
)
from pika_async import Batch
from pika_async.simulator import Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

_SELDOM = 60.0
# Both pools close what has been idle for 15 s, at most as long again later.
_POOL_EMPTY = 32.0
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


Idle = tuple[int, int]


def idle() -> Idle:
    return allocated(), resident()


async def memory_of(running: asyncio.Task[object], jobs: int, before: Idle) -> list[float]:
    """KB a job: with a pooled connection each, without, and resident."""
    await quiet()
    with_pool = allocated()
    await asyncio.sleep(_POOL_EMPTY)  # noqa: TID251 - real time is what is measured
    grown = [with_pool - before[0], allocated() - before[0], resident() - before[1]]
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})
    return [growth / jobs / 1024 for growth in grown]


async def loop_in_flight(url: str, instant: str, jobs: int) -> list[float]:
    async with session_by_hand() as session:
        await job_by_hand(session, instant, 0.0)
        before = idle()

        async def all_of_them() -> None:
            await asyncio.gather(*(job_by_hand(session, url, _SELDOM) for _ in range(jobs)))

        return await memory_of(asyncio.create_task(all_of_them()), jobs, before)


async def batch_in_flight(url: str, instant: str, jobs: int) -> list[float]:
    return await ours_in_flight(url, instant, jobs, None)


async def journalled_in_flight(url: str, instant: str, jobs: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        return await ours_in_flight(url, instant, jobs, str(Path(folder, "journal")))


async def ours_in_flight(url: str, instant: str, jobs: int, journal: str | None) -> list[float]:
    async with our_client(instant, 0.0) as client:
        # What is loaded at the first use belongs to the idle client.
        await batch(client, 1, 1, journal and f"{journal}-first")
    async with our_client(url, _SELDOM) as client:
        before = idle()
        return await memory_of(
            asyncio.create_task(batch(client, jobs, jobs, journal)), jobs, before
        )


IN_FLIGHT = {
    "loop": loop_in_flight,
    "batch": batch_in_flight,
    "batch with journal": journalled_in_flight,
}


def measure_in_flight(name: str, jobs: int) -> list[float]:
    with server(NEVER) as url, server(1) as instant:
        found: list[float] = alone(
            "memory", "in-flight", name, jobs, url, instant, PYTHONMALLOC="malloc"
        )
    return found


def show_in_flight(jobs: int, rounds: int) -> None:
    possible = connections_possible(jobs)
    if possible < jobs:
        print(f"the limit of open files allows only {possible} connections instead of {jobs}")
    print(f"{possible} jobs in flight, {rounds} rounds, KB a job over the idle client", flush=True)
    found: dict[str, list[list[float]]] = {name: [] for name in IN_FLIGHT}
    for _ in range(rounds):
        for name, measured in found.items():
            measured.append(measure_in_flight(name, possible))
    for place, what in enumerate(("with a pooled connection each", "with none", "resident")):
        print(f"{what}:")
        show({name: [one[place] for one in every] for name, every in found.items()}, "KB")


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


def show_curves(prompts: int) -> None:
    print(f"{prompts} prompts, {_AT_ONCE} in flight, MB at each tenth of the way", flush=True)
    for journalled in (False, True):
        with server(1) as url:
            found: list[float] = alone("memory", "curve", prompts, int(journalled), url)
        name = "batch with journal" if journalled else "batch"
        print(f"{name:>22}: {' '.join(f'{memory:.1f}' for memory in found)}", flush=True)


# Leaving.


async def leave(at_once: int) -> None:
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
        print(
            f"left after {_TAKEN_BEFORE_LEAVING} results, {at_once} in flight: {taken_then} "
            f"prompts taken and {sent_then} POSTs until then, "
            f"{taken} and {len(sim.submissions)} at the end"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, default=10_000)
    parser.add_argument("--prompts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    # Ten thousand connections at once, and jobs that are left behind, make many lines.
    logging.disable()
    match given.alone:
        case ["in-flight", name, jobs, url, instant]:
            print(json.dumps(asyncio.run(IN_FLIGHT[name](url, instant, int(jobs)))))
        case ["curve", prompts, journalled, url]:
            print(json.dumps(asyncio.run(long_batch(url, int(prompts), journalled == "1"))))
        case _:
            for at_once in (16, 64):
                asyncio.run(leave(at_once))
            show_in_flight(given.in_flight, given.rounds)
            show_curves(given.prompts)


if __name__ == "__main__":
    main()
