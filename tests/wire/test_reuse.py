"""Connections that are used again: an answer belongs to the request that it came for."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from attrs import define, field

from pika_async import TransportError
from pika_async._http import HTTPRequest
from pika_async._meaning import Started
from pika_async._wire.departure import Departure
from pika_async._wire.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


@define(slots=False)
class Server:
    """Answers each request with what was sent, and then does to the connection what a test says."""

    afterwards: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
    spoilt: int = 1
    """To how many connections it does so."""
    greeting: bytes = b""
    url: str = ""
    bodies: list[bytes] = field(factory=list)
    connections: int = 0
    settled: asyncio.Event = field(factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        afterwards = self.afterwards if self.connections <= self.spoilt else None
        if self.greeting:
            writer.write(self.greeting)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                body = await reader.readexactly(int(length or b"0"))
                self.bodies.append(body)
                writer.write(answer(b"to " + (body or head.split()[1])))
                if afterwards is not None:
                    await afterwards(writer)
                    self.settled.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def ask(self, transport: Transport, what: str, *, by_post: bool) -> bytes:
        """The body of the answer to one request."""
        if by_post:
            request = HTTPRequest(method="POST", url=self.url, headers={}, body=what.encode())
            return (await transport.post(request, Departure())).body
        request = HTTPRequest(method="GET", url=f"{self.url}/{what}", headers={})
        return (await transport.send(request)).body


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[Transport]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        transport = Transport(session=None, request_timeout=30.0)
        await transport.open()
        try:
            yield transport
        finally:
            await transport.close()


@pytest.mark.parametrize("by_post", [True, False], ids=["submit", "poll"])
@pytest.mark.parametrize("status", ["200 OK", "429 Too Many Requests", "408 Request Timeout"])
async def test_what_came_while_nobody_had_asked_is_no_answer_to_the_next_request(by_post, status):
    """A proxy that answers twice would name one job to two submits, or have one sent again."""

    async def once_more(writer):
        await asyncio.sleep(0.02)  # noqa: TID251 - behind the answer, which has been read by then
        writer.write(answer(b"to nobody", status))

    server = Server(once_more)
    async with served(server) as transport:
        assert (await server.ask(transport, "one", by_post=by_post)).endswith(b"one")
        await server.settled.wait()
        await asyncio.sleep(0.02)  # noqa: TID251 - until it has come
        assert (await server.ask(transport, "two", by_post=by_post)).endswith(b"two")
    assert server.connections == 2


@pytest.mark.parametrize("by_post", [True, False], ids=["submit", "poll"])
async def test_of_several_connections_each_is_left_on_which_something_has_come(by_post):
    """None of them costs an attempt."""
    come = asyncio.Semaphore(0)

    async def once_more(writer):
        await all_asked.wait()
        writer.write(answer(b"to nobody"))
        come.release()

    all_asked = asyncio.Event()
    server = Server(once_more, spoilt=4)
    async with served(server) as transport:
        await asyncio.gather(*(server.ask(transport, str(n), by_post=by_post) for n in range(4)))
        all_asked.set()
        for _ in range(4):
            await come.acquire()
        await asyncio.sleep(0.02)  # noqa: TID251 - until it has come
        assert (await server.ask(transport, "last", by_post=by_post)).endswith(b"last")
    assert server.connections == 5


async def test_a_submit_does_not_leave_over_a_connection_whose_end_has_come_unread():
    """The loop was held up while the service closed it; what is sent there is lost, or is not."""

    async def close(writer):
        writer.close()

    server = Server(close)
    async with served(server) as transport:
        assert await server.ask(transport, "one", by_post=True) == b"to one"
        await server.settled.wait()
        time.sleep(0.02)  # noqa: TID251, ASYNC251 - the loop reads nothing meanwhile
        assert await server.ask(transport, "two", by_post=True) == b"to two"
    assert server.bodies == [b"one", b"two"]


@pytest.mark.parametrize("turns", [0, 1], ids=["unread", "read"])
async def test_a_submit_over_a_new_connection_that_has_ended_has_started_nothing(
    turns, monkeypatch
):
    """So a load balancer says that nobody is there behind it, while a service restarts."""
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def connect_late(*given, **more):
        transport, protocol = await connect(*given, **more)
        closed.set()
        await over.wait()
        select.select([transport.get_extra_info("socket").fileno()], [], [], 20)
        for _ in range(turns):
            await asyncio.sleep(0)  # noqa: TID251 - the loop reads the end, and closes
        return transport, protocol

    async def close(_, writer):
        await closed.wait()
        writer.close()
        over.set()

    closed, over = asyncio.Event(), asyncio.Event()
    monkeypatch.setattr(loop, "create_connection", connect_late)
    server = Server()
    monkeypatch.setattr(server, "serve", close)
    async with served(server) as transport:
        with pytest.raises(TransportError, match="could not be reached") as caught:
            await server.ask(transport, "one", by_post=True)
    assert caught.value.started is Started.NO


async def test_a_service_that_speaks_first_over_a_new_connection_is_heard():
    """That it is overloaded, say: proxies tell so before they read anything."""
    server = Server(greeting=answer(b"full", "503 Service Unavailable"))
    async with served(server) as transport:
        assert await server.ask(transport, "one", by_post=False) == b"full"
