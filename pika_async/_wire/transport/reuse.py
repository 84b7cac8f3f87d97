"""Whether a connection that was used before may be used again.

HTTP/1.1 tells which answer is for which request by their order alone
(https://www.rfc-editor.org/rfc/rfc9112#section-9.3). So whatever comes while nobody has asked, a
second copy of an answer from a proxy, say, or a time-out that it tells before it closes, is taken
for the answer to the next request: two submits would then have one job, or one that is under way
would be sent again. aiohttp looks at a connection when it is given back, and not when it is taken.

A submit is also kept off a connection whose end has come and was not read yet, since the event loop
was held up. What is sent there is lost, and nobody could tell that from a job that has begun.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

# A service may speak first over a new connection, to say that it is overloaded.
_used: Final[WeakSet[ResponseHandler]] = WeakSet()


class StaleConnectionError(aiohttp.ServerDisconnectedError):
    """The connection is of no use; nothing was sent over it, and it is closed."""


class Request(aiohttp.ClientRequest):
    """A request that goes out over no connection on which something has come unasked."""

    def send(self, conn: Connection) -> Coroutine[object, object, aiohttp.ClientResponse]:
        """See ``ClientRequest``; no coroutine itself, since there are thousands a second.

        Raises:
            StaleConnectionError: Another connection is needed.
        """
        protocol = conn.protocol
        assert protocol is not None  # noqa: S101 - it is connected
        if protocol not in _used:
            _used.add(protocol)
        elif self._is_stale(protocol):
            raise StaleConnectionError("something had come that nobody had asked for")
        return super().send(conn)

    def _is_stale(self, protocol: ResponseHandler) -> bool:
        return protocol.should_close


class SubmitRequest(Request):
    """One that costs money: it goes out over no connection either on which anything waits."""

    def _is_stale(self, protocol: ResponseHandler) -> bool:
        return super()._is_stale(protocol) or _is_readable(protocol)


def _is_readable(protocol: ResponseHandler) -> bool:
    """Whether bytes, or the end, have come that the event loop has not read yet."""
    transport = protocol.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None:
        return False
    if not hasattr(select, "poll"):  # pragma: no cover - Windows, where any descriptor will do
        return bool(select.select([sock.fileno()], [], [], 0)[0])
    waiting = select.poll()
    waiting.register(sock.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
