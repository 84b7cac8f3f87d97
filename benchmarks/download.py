"""CPU per megabyte of a download that is on the disk when it ends, against a hand-written loop.

    python -m benchmarks.download [--megabytes 200] [--rounds 9]

All write beside the target, sync the file and move it into place. The loop takes pieces of 1 MiB,
which costs least, or of 64 KiB, as many examples do. CPU is user + system time of the client's
process, its threads included; what arrived is compared in size. Each has downloaded a small file
before, as whoever downloads a video has asked for it before, so that what is loaded at the first
use is not counted. The folder is the one that tempfile chooses (set TMPDIR for another disk).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rig.clients import alternating, our_client, session_by_hand
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, cpu_seconds, service
from benchmarks.rig.rows import Row, ratio
from pika_async import Video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import aiohttp

QUICK = {"rounds": 1}

_MEGABYTE = 10**6
_PIECE = bytes(2**20)
# What does not begin as a video does is refused.
_BEGINNING = b"\0\0\0\x18ftypisom\0\0\2\0isommp41"


async def loop_by_hand(small: str, url: str, folder: str, piece: int) -> float:
    async with session_by_hand() as session:
        await by_hand(session, small, Path(folder, "small.mp4"), piece)
        begun = cpu_seconds()
        await by_hand(session, url, Path(folder, "panda.mp4"), piece)
        return cpu_seconds() - begun


async def by_hand(session: aiohttp.ClientSession, url: str, target: Path, piece: int) -> None:
    part = target.with_suffix(".part")
    async with session.get(url) as response:
        response.raise_for_status()
        with part.open("wb") as file:
            async for chunk in response.content.iter_chunked(piece):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    part.rename(target)


async def large_pieces(small: str, url: str, folder: str) -> float:
    return await loop_by_hand(small, url, folder, 2**20)


async def small_pieces(small: str, url: str, folder: str) -> float:
    return await loop_by_hand(small, url, folder, 2**16)


async def pika_async_client(small: str, url: str, folder: str) -> float:
    async with our_client(url, 1.0) as client:
        await client.download(video_at(small), Path(folder, "small.mp4"))
        begun = cpu_seconds()
        await client.download(video_at(url), Path(folder, "panda.mp4"))
        return cpu_seconds() - begun


def video_at(url: str) -> Video:
    return Video(id="1", job_id="1", url=url)


LARGE = "loop, pieces of 1 MiB"
SMALL = "loop, pieces of 64 KiB"
OURS = "pika_async"
CLIENTS = {LARGE: large_pieces, SMALL: small_pieces, OURS: pika_async_client}


def measure(client: str, megabytes: int) -> float:
    """CPU milliseconds a megabyte."""
    size = megabytes * _MEGABYTE
    with tempfile.TemporaryDirectory() as folder, videos_served() as origin:
        small, url = f"{origin}/{_MEGABYTE}", f"{origin}/{size}"
        seconds = float(alone(CLIENTS[client], small, url, folder))
        assert Path(folder, "panda.mp4").stat().st_size == size
    return 1000 * seconds / megabytes


@contextmanager
def videos_served() -> Iterator[str]:
    """The origin of videos, each as many bytes long as its path says."""
    with service("download", "--serve") as host:
        assert host.stdout is not None
        yield f"http://127.0.0.1:{host.stdout.readline().strip()}"


async def serve() -> None:
    """Send as many bytes as the path says."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        size = int(asked.split(b" ", 2)[1].strip(b"/"))
        head = "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
        writer.write(f"{head}Content-Length: {size}\r\nConnection: close\r\n\r\n".encode())
        writer.write(_BEGINNING)
        for sent in range(len(_BEGINNING), size, len(_PIECE)):
            writer.write(_PIECE[: size - sent])
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


def run(*, megabytes: int = 200, rounds: int = 9) -> list[Row]:
    measures = {name: partial(measure, name, megabytes) for name in CLIENTS}
    figures = alternating(rounds, measures)
    about = f", {megabytes} MB"
    rows = [Row(name + about, "ms a MB", tuple(taken)) for name, taken in figures.items()]
    for loop, target in ((LARGE, "download"), (SMALL, None)):
        rows.append(ratio(OURS + about, figures[OURS], figures[loop], f"× {loop}", target))
    speeds = [
        Row(name + about, "MB per CPU second", tuple(1000 / one for one in taken))
        for name, taken in figures.items()
    ]
    return rows + speeds


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve())
    else:
        main()
