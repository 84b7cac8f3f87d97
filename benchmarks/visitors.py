"""A web server under load: 500 visitors watch 50 jobs through one process and one client.

    python -m benchmarks.visitors [--visitors 500] [--jobs 50] [--seconds 30] [--staying 1]

The server is examples/web_aiohttp.py as it stands, with the default polling, in a process of its
own. Once the visitors stay until their video is there (``--staying 0`` leaves that out); once each
leaves after one to three seconds and comes back, with the Last-Event-ID, until it is. A poll is one
for all who watch a job.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
from attrs import define, field

from benchmarks.rig.command import command
from benchmarks.rig.processes import connections_possible
from benchmarks.rig.rows import Row
from benchmarks.rig.server import requests_answered, server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUICK = {"visitors": 100, "jobs": 10, "seconds": 1.0, "staying": 0}

_ROOT: Final = Path(__file__).parents[1]
_EXAMPLE: Final = _ROOT / "examples" / "web_aiohttp.py"

# Seconds; one that has not answered by then has ended at its start.
_STARTED_WITHIN: Final = 60.0


@define
class Seen:
    """What the visitors met."""

    first_bytes: list[float] = field(factory=list)
    """Milliseconds from the request for a stream of events to its first byte."""
    visits: int = 0
    played: int = 0
    """Visitors who saw the end."""


@contextmanager
def site(service: str) -> Iterator[tuple[str, int]]:
    """The address of the web server, and its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, str(_EXAMPLE), str(Path(folder, "videos.db")), str(port)],
            # As this process imports what it measures: from the folder, or installed.
            env={
                **os.environ,
                "PIKA_API_KEY": "key",
                "PIKA_BASE_URL": service,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
            stdout=subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait()


def resident(process: int) -> float:
    """MB that a process holds; 0 where the system does not tell."""
    with suppress(OSError):
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
    return 0.0


async def watch(session: aiohttp.ClientSession, address: str, seen: Seen, leaves: bool) -> None:
    """One visitor, until the video is there."""
    chance = random.Random(address)  # noqa: S311 - chance that can be repeated
    last = ""
    while True:
        headers = {"Last-Event-ID": last} if last else {}
        begun = time.perf_counter()
        seen.visits += 1
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(chance.uniform(1.0, 3.0) if leaves else None),
                session.get(f"{address}/events", headers=headers) as answer,
            ):
                answer.raise_for_status()
                first = True
                async for line in answer.content:
                    if first:
                        seen.first_bytes.append(1000 * (time.perf_counter() - begun))
                        first = False
                    if line.startswith(b"id: "):
                        last = line[4:].decode().strip()
                    elif b'"state":{"kind":"succeeded"' in line:
                        seen.played += 1
                        return


async def ready(session: aiohttp.ClientSession, address: str) -> None:
    async with asyncio.timeout(_STARTED_WITHIN):
        while True:
            with suppress(aiohttp.ClientConnectionError):
                async with session.get(address):
                    return
            await asyncio.sleep(0.05)  # noqa: TID251 - the server takes its time to start


async def visit(address: str, visitors: int, jobs: int, leaves: bool) -> Seen:
    """All of them, on as many jobs."""
    seen = Seen()
    unlimited = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=unlimited) as session:
        await ready(session, address)
        addresses = []
        for number in range(jobs):
            asked = {"prompt": f"a red panda {number}"}
            async with session.post(f"{address}/videos", json=asked) as answer:
                addresses.append(f"{address}/videos/{(await answer.json())['id']}")
        await asyncio.gather(
            *(watch(session, addresses[i % jobs], seen, leaves) for i in range(visitors))
        )
    return seen


def measured(visitors: int, jobs: int, seconds: float, *, leaves: bool) -> list[Row]:
    with server(seconds=seconds) as service, site(service) as (address, process):
        before = 0.0

        async def both() -> Seen:
            nonlocal before
            async with aiohttp.ClientSession() as session:
                await ready(session, address)
            before = resident(process)
            return await visit(address, visitors, jobs, leaves)

        seen = asyncio.run(both())
        after = resident(process)
        polls = (requests_answered(service) - jobs) / jobs
    assert seen.played == visitors, f"{seen.played} of {visitors} saw their video"
    first = sorted(seen.first_bytes)
    about = f", {visitors} visitors {'who come and go' if leaves else 'who stay'}, {jobs} jobs"
    return [
        Row(f"polls of a job{about}", "polls", (polls,), note=f"{seen.visits} visits"),
        Row(f"first byte of a stream{about}", "ms", (statistics.median(first),)),
        Row(f"first byte, the slowest in a hundred{about}", "ms", (first[-len(first) // 100],)),
        Row(f"memory of the server, grown by{about}", "MB", (after - before,)),
    ]


def run(
    *, visitors: int = 500, jobs: int = 50, seconds: float = 30.0, staying: int = 1
) -> list[Row]:
    for package in ("aiohttp_sse", "aiosqlite"):
        # The server is a process of its own, which would only not start.
        importlib.import_module(package)
    possible = connections_possible(visitors)
    ways = (False, True) if staying else (True,)
    return [row for leaves in ways for row in measured(possible, jobs, seconds, leaves=leaves)]


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
