"""Downloads from the simulator's media host, or from a script of answers; waits take no time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio.lowlevel
from attrs import define, field
from support.wire import KEY

from pika_async import FixedPolling, PikaClient, RetryPolicy, TransportError, Video
from pika_async._download.downloader import Downloader
from pika_async._events import Event
from pika_async._log import Teller
from pika_async._wire.transport import MediaResponse
from pika_async.simulator import Fault, Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Enough that a cut leaves something on either side of the writer's buffer.
SIZE = 3_000_000

# The least that begins as a video does.
CLIP = b"\0\0\0\x14ftypisom\0\0\0\0isom"
NEWER = b"\0\0\0\x14ftypmp42\0\0\0\0mp42"
LENGTH = str(len(CLIP))

VIDEO = Video(id="v", job_id="j", url="https://media.example/v.mp4")

QUICK = RetryPolicy(initial=0.0, maximum=0.0, attempts=3)

Answer = tuple[int, dict[str, str], bytes, bool]


@define
class Naps:
    """A sleep that takes no time and is written down."""

    seconds: list[float] = field(factory=list)
    after: Callable[[float], None] = lambda _: None
    """Called after each, with the seconds slept so far."""

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await anyio.lowlevel.checkpoint()
        self.after(sum(self.seconds))


def sleepless(client: PikaClient, after: Callable[[float], None] = lambda _: None) -> Naps:
    """Let the downloads of a client wait without taking time."""
    client._videos.downloader._sleep = naps = Naps(after=after)
    return naps


def client_for(sim: Simulator, silence: float = 30.0, **options: Any) -> PikaClient:
    settings: dict[str, Any] = {
        "polling": FixedPolling(0),
        "retry": QUICK,
        "request_timeout": silence,
    }
    return PikaClient(KEY, base_url=sim.url, **(settings | options))


@asynccontextmanager
async def finished(
    *faults: Fault, size: int | None = SIZE, silence: float = 30.0, **options: Any
) -> AsyncIterator[tuple[Simulator, PikaClient, Video]]:
    """A simulator whose media host has the faults, a client, and a finished video."""
    async with (
        Simulator(faults=faults, duration=Polls(1), media_bytes=size) as sim,
        client_for(sim) as patient,
        client_for(sim, silence, **options) as client,
    ):
        sleepless(client)
        yield sim, client, (await patient.generate("a red panda surfing")).video


@define
class Script:
    """A media host that answers from a list of (status, headers, body, breaks off)."""

    answers: list[Answer]
    asked: list[dict[str, str]] = field(factory=list)
    links: list[str] = field(factory=list)
    naps: Naps = field(factory=Naps)
    events: list[Event] = field(factory=list)
    piece: int = 1024 * 1024
    """Bytes that come at once."""
    pieces_read: int = 0

    @asynccontextmanager
    async def stream(self, link: str, headers: dict[str, str]) -> AsyncIterator[MediaResponse]:
        self.asked.append(headers)
        self.links.append(link)
        # The last answer stays.
        status, sent, body, breaks = self.answers[min(len(self.asked), len(self.answers)) - 1]

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(body), self.piece):
                self.pieces_read += 1
                yield body[start : start + self.piece]
            if breaks:
                raise TransportError("cut")

        yield MediaResponse(status=status, headers=sent, chunks=chunks())

    def downloader(self, **options: Any) -> Downloader:
        given: dict[str, Any] = {
            "stream": self.stream,
            "retry": QUICK,
            "sleep": self.naps,
            "random": lambda: 0.5,
            "tell": Teller(self.events.append),
        }
        return Downloader(**(given | options))


def scripted(*answers: Answer) -> tuple[list[dict[str, str]], Downloader]:
    script = Script(list(answers))
    return script.asked, script.downloader()


def whole(body: bytes = CLIP, **headers: str) -> Answer:
    """The answer that brings a whole file."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return 200, {"Content-Length": str(len(body)), **sent}, body, False
