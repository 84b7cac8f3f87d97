"""CPU per megabyte of a download that is on the disk when it ends, against a hand-written loop.

    python -m benchmarks.download [--megabytes 200] [--rounds 5]

Both write beside the target, sync the file and move it into place. CPU is user + system time of
the client's process, its threads included; what arrived is compared in size. The folder is the one
that tempfile chooses (set TMPDIR for another disk).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rig.clients import alternating, our_client, session_by_hand
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, cpu_seconds, service
from benchmarks.rig.rows import Row, compared
from pika_async import Video

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = {"rounds": 2}

_MEGABYTE = 10**6
# What one takes from an example: large enough that the loop's own cost is small.
_CHUNK = 1024 * 1024
_PIECE = bytes(2**20)
# What does not begin as a video does is refused.
_BEGINNING = b"\0\0\0\x18ftypisom\0\0\2\0isommp41"


async def loop_by_hand(url: str, folder: str) -> float:
    target, part = Path(folder, "panda.mp4"), Path(folder, "panda.mp4.part")
    async with session_by_hand() as session:
        begun = cpu_seconds()
        async with session.get(url) as response:
            response.raise_for_status()
            with part.open("wb") as file:  # noqa: ASYNC230 - as one writes it by hand
                async for chunk in response.content.iter_chunked(_CHUNK):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        part.rename(target)  # noqa: ASYNC240 - the same
        return cpu_seconds() - begun


async def pika_async_client(url: str, folder: str) -> float:
    video = Video(id="1", job_id="1", url=url)
    async with our_client(url, 1.0) as client:
        begun = cpu_seconds()
        await client.download(video, Path(folder, "panda.mp4"))
        return cpu_seconds() - begun


CLIENTS = {"loop": loop_by_hand, "pika_async": pika_async_client}


def measure(client: str, megabytes: int) -> float:
    """CPU milliseconds a megabyte."""
    size = megabytes * _MEGABYTE
    with tempfile.TemporaryDirectory() as folder, service("download", "--serve", str(size)) as host:
        assert host.stdout is not None
        url = f"http://127.0.0.1:{host.stdout.readline().strip()}/panda.mp4"
        seconds = float(alone(CLIENTS[client], url, folder))
        assert Path(folder, "panda.mp4").stat().st_size == size
    return 1000 * seconds / megabytes


async def serve(size: int) -> None:
    """Send so many bytes to everyone who asks for anything."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
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


def run(*, megabytes: int = 200, rounds: int = 5) -> list[Row]:
    measures = {name: partial(measure, name, megabytes) for name in CLIENTS}
    figures = alternating(rounds, measures)
    about = f", {megabytes} MB"
    rows = compared(figures, "ms a MB", targets={"pika_async": "download"}, about=about)
    speeds = [
        Row(name + about, "MB per CPU second", tuple(1000 / one for one in taken))
        for name, taken in figures.items()
    ]
    return rows + speeds


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    else:
        main()
