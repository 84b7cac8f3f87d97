"""A service that answers as fast as asyncio can, so that it is not what is measured.

Runs in a process of its own: ``python -m benchmarks.rig.server [--wire gateway] [--polls 12]``
prints its port. Every job is ended at its so many-th poll, or, with ``--seconds``, so long after
its submit; with ``--sigma`` that is the median of log-normal durations, the same ones each time.
``--latency`` is how long every answer is under way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import define, field

from benchmarks.rig.processes import service
from benchmarks.rig.wires import WIRES, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
NEVER = 10**9
"""More polls than anyone sends."""

_COUNT = b"/requests-answered"
_DELAY = b"/mean-delay"


def answer(value: object) -> bytes:
    body = json.dumps(value).encode()
    return HEAD % len(body) + body


@define
class Service:
    """The jobs, whoever asks over whichever connection."""

    wire: Wire
    polls_to_end: int
    seconds: float
    latency: float
    sigma: float = 0.0
    url: str = ""
    answered: int = 0
    _delays: dict[bytes, float] = field(factory=dict)
    _chance: random.Random = field(factory=lambda: random.Random(0))  # noqa: S311
    _polls: dict[bytes, int] = field(factory=dict)
    _ends: dict[bytes, float] = field(factory=dict)

    def answer(self, head: bytes) -> bytes:
        method, path, _ = head.split(b" ", 2)
        if path == _COUNT:
            return answer(self.answered)
        if path == _DELAY:
            return answer(sum(self._delays.values()) / len(self._delays))
        self.answered += 1
        return answer(self._submit() if method == b"POST" else self._look(path))

    def _submit(self) -> Any:
        job_id = b"job-%08d" % len(self._polls)
        self._polls[job_id] = 0
        if self.seconds:
            factor = math.exp(self.sigma * self._chance.gauss(0.0, 1.0))
            self._ends[job_id] = time.monotonic() + self.seconds * factor
        return self.wire.submitted(job_id.decode(), self.url)

    def _look(self, path: bytes) -> Any:
        parts = path.partition(b"?")[0].split(b"/")
        if self.wire.result:
            if parts[-1] != b"status":
                return self.wire.result(parts[-1].decode())
            parts.pop()
        job_id = parts[-1]
        polls = self._polls[job_id] = self._polls[job_id] + 1
        ended = self._has_ended(job_id, polls)
        # Progress goes by polls, and so says nothing of a job that goes by the clock.
        return self.wire.polled(job_id.decode(), 0 if self.seconds else polls, ended)

    def _has_ended(self, job_id: bytes, polls: int) -> bool:
        if self.seconds:
            delay = time.monotonic() - self._ends[job_id]
            if delay >= 0.0:
                self._delays.setdefault(job_id, delay)
            return delay >= 0.0
        return polls >= self.polls_to_end


class Connection(asyncio.Protocol):
    """Pipelined HTTP/1.1, just enough of it."""

    def __init__(self, jobs: Service) -> None:
        self._service = jobs
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            size = 0
            if head.startswith(b"POST"):
                lowered = head.lower()
                start = lowered.index(b"content-length:") + 15
                size = int(lowered[start:].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + size:
                return
            self._buffer = self._buffer[end + 4 + size :]
            self._reply(self._service.answer(head))

    def _reply(self, data: bytes) -> None:
        if self._service.latency:
            loop = asyncio.get_running_loop()
            loop.call_later(self._service.latency, self._transport.write, data)
        else:
            self._transport.write(data)


@contextmanager
def server(
    polls: int = NEVER,
    *,
    wire: str = "gateway",
    seconds: float = 0.0,
    latency: float = 0.0,
    sigma: float = 0.0,
) -> Iterator[str]:
    """The URL of a service in another process, whose jobs end at their ``polls``-th poll."""
    options = {
        "--polls": polls,
        "--wire": wire,
        "--seconds": seconds,
        "--latency": latency,
        "--sigma": sigma,
    }
    words = [str(word) for option in options.items() for word in option]
    with service("rig.server", *words) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"


def requests_answered(url: str) -> int:
    """How many requests the service at ``url`` has answered, this one left out."""
    return int(_told(url, _COUNT))


def mean_delay(url: str) -> float:
    """Seconds from the end of a job to the first look that saw it, over all jobs that ended."""
    return float(_told(url, _DELAY))


def _told(url: str, path: bytes) -> bytes:
    connection = HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request("GET", path.decode())
        return connection.getresponse().read()
    finally:
        connection.close()


async def serve(jobs: Service) -> None:
    listening = await asyncio.get_running_loop().create_server(
        lambda: Connection(jobs), "127.0.0.1", 0, backlog=20_000
    )
    port = listening.sockets[0].getsockname()[1]
    jobs.url = f"http://127.0.0.1:{port}"
    print(port, flush=True)
    await listening.serve_forever()


def parsed() -> Service:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wire", choices=WIRES, default="gateway")
    parser.add_argument("--polls", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--sigma", type=float, default=0.0)
    given = parser.parse_args()
    return Service(WIRES[given.wire], given.polls, given.seconds, given.latency, given.sigma)


if __name__ == "__main__":
    asyncio.run(serve(parsed()))
