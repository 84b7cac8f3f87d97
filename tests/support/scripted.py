"""A service whose answers are written down byte for byte, on a real socket."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from attrs import define, field

from pika_async import FixedPolling, PikaClient, RetryPolicy
from pika_async.dialects import Fal, Gateway, Pika

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DIALECTS = {"gateway": Gateway, "pika": Pika, "fal": Fal}


def reply(
    body: Any = b"", status: int = 200, *, length: int | None = None, **headers: str
) -> bytes:
    """An answer; bytes as they are, anything else as JSON. ``length``: what it says of its own."""
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = {"Content-Type": "application/json", **named}
    lines["Content-Length"] = str(len(content) if length is None else length)
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + content


_NOWHERE = reply({"status": "NOT_FOUND"}, 404)


@define
class Scripted:
    """What each path is answered: each answer once, the last one for ever; None: a reset.

    All other paths are answered with 404.
    """

    url: str
    answers: dict[str, list[bytes | None]] = field(factory=dict)
    asked: list[str] = field(factory=list)
    """Method and path of each request."""

    def answer(self, path: str, *answers: bytes | None) -> None:
        """Answer requests whose path ends so."""
        self.answers[path] = list(answers)

    def count(self, path: str) -> int:
        return sum(one.endswith(path) for one in self.asked)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve_one(reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        await reader.readexactly(int(headers.get("content-length", 0)))
        method, target, _ = first.split(" ")
        self.asked.append(f"{method.upper()} {target}")
        path = max((one for one in self.answers if target.endswith(one)), key=len, default=None)
        script = [_NOWHERE] if path is None else self.answers[path]
        said = script.pop(0) if len(script) > 1 else script[0]
        if said is None:
            writer.transport.abort()
            return False
        writer.write(said)
        return True


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    """A service that listens until the end, or until nothing has come of a test for 30 s."""
    service = Scripted("")
    server = await asyncio.start_server(service.serve, "127.0.0.1")
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        with anyio.fail_after(30):
            yield service
    finally:
        server.close()


def client_of(
    service: Scripted, name: str = "gateway", *, every: float = 0.01, **retry: float
) -> PikaClient:
    """A client of it that looks often."""
    return PikaClient(
        "key-0123456789",
        base_url=service.url,
        dialect=DIALECTS[name](),
        polling=FixedPolling(every),
        retry=RetryPolicy(**{"initial": 0.01, "maximum": 0.05, **retry}),
    )
