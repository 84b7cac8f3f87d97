"""Whether a request may go out over the connection that it was given.

HTTP/1.1 tells which answer is for which request by their order alone
(https://www.rfc-editor.org/rfc/rfc9112#section-9.3). So whatever comes while nobody has asked, a
second copy of an answer from a proxy, say, or a time-out that it tells before it closes, is taken
for the answer to the next request: two submits would then have one job, or one that is under way
would be sent again. aiohttp looks at a connection when it is given back, and not when it is taken.

A submit is also kept off a connection whose end has come: over an old one it was not read yet,
since the event loop was held up; over a new one it is how a load balancer says that nobody is there
behind it. What is sent there is lost, and nobody could tell that from a job that has begun.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

import aiohttp

from pika_async._wire.transport.problems import HungUpError

if TYPE_CHECKING:
    import asyncio

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

# Connections that have had a request, by their ids while they live: a WeakSet takes longer to ask.
# Over a new one a service may speak first, to say that it is overloaded.
_used: Final[dict[int, ref[ResponseHandler]]] = {}

# Linux tells the end from bytes that are to be read: over a new connection those may be TLS's.
_THE_END: Final[int] = getattr(select, "POLLRDHUP", 0)
_ANYTHING: Final[int] = getattr(select, "POLLIN", 0)


class StaleConnectionError(aiohttp.ServerDisconnectedError):
    """The connection is of no use; nothing was sent over it, and it is closed."""


class Request(aiohttp.ClientRequest):
    """A request that goes out over no connection on which something has come unasked.

    One class for all: with another one for submits, CPython would specialize the code of aiohttp
    for the one and for the other in turns, which costs a submit more than these checks.
    """

    def send(self, conn: Connection) -> Any:
        """See ``ClientRequest``, whose coroutine it gives: one of its own would cost each poll.

        Raises:
            StaleConnectionError: Another connection is needed.
            HungUpError: A new one has been closed already.
        """
        protocol = conn.protocol
        assert protocol is not None  # noqa: S101 - it is connected
        # What costs nothing may be lost.
        is_cheap = self.method == "GET"
        if id(protocol) not in _used:
            _remember(protocol)
            if not is_cheap and _has_ended(protocol):
                raise HungUpError("it accepts connections and closes them")
        elif protocol.should_close or (not is_cheap and _has_come(protocol, _ANYTHING)):
            raise StaleConnectionError("something had come that nobody had asked for")
        return aiohttp.ClientRequest.send(self, conn)


def _remember(protocol: ResponseHandler) -> None:
    key = id(protocol)
    _used[key] = ref(protocol, lambda _: _used.pop(key, None))


def _has_ended(protocol: ResponseHandler) -> bool:
    return is_over(protocol.transport) or bool(_THE_END and _has_come(protocol, _THE_END))


def is_over(transport: asyncio.BaseTransport | None) -> bool:
    """Whether nothing can be sent over it any more."""
    return transport is None or transport.is_closing()


def _has_come(protocol: ResponseHandler, what: int) -> bool:
    """Whether that waits to be read by the event loop."""
    transport = protocol.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None:
        return False
    if not hasattr(select, "poll"):  # pragma: no cover - Windows, where any descriptor will do
        return bool(select.select([sock.fileno()], [], [], 0)[0])
    waiting = select.poll()
    waiting.register(sock.fileno(), what)
    return bool(waiting.poll(0))
