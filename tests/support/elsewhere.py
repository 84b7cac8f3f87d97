"""Servers in threads of their own: they go on while the event loop of the test is held up."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pika_async.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CERTIFICATE = Path(__file__).parent.parent / "wire" / "untrusted.pem"


class Answering(ThreadingHTTPServer):
    """Answers every request in three pieces, each a packet of its own.

    Attributes:
        arrived: How many requests have come whole.
        answered: How many answers have left whole.
        may_answer: Answers wait for it.
    """

    daemon_threads = False

    def __init__(self, *, silent: bool = False, tls: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arrived = self.answered = 0
        self.silent = silent
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.over = threading.Event()
        self.scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            # Each handler shakes hands by itself, or one that is left would hold up all.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/x"

    @property
    def has_answered_all(self) -> bool:
        return self.answered == self.arrived


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Answering

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.arrived += 1
        self.close_connection = True
        if self.server.silent:
            self.server.over.wait()
            return
        self.server.may_answer.wait()
        for piece in (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"{", b' "}'):
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(0.01)  # noqa: TID251 - or they were one packet
        self.server.answered += 1

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server asks for

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def answering(**options: bool) -> Iterator[Answering]:
    server = Answering(**options)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def simulator_elsewhere(**options: Any) -> Iterator[Simulator]:
    """A simulator on the event loop of another thread."""
    sim = Simulator(**options)
    loop, up, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with sim:
            up.set()
            await over.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    up.wait()
    try:
        yield sim
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def hold_up(seconds: float, *, until: Callable[[], object]) -> None:
    """Let the event loop stand still for ``seconds``, and until ``until()``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end or not until():
        assert time.monotonic() < end + 60, "what is waited for does not come"
        time.sleep(0.005)  # noqa: TID251 - this is what is under test
