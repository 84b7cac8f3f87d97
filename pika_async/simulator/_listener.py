"""A port with a handler behind it that can be closed at once, and refused for a while."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import TYPE_CHECKING, Final

import anyio.lowlevel
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# A burst of ten thousand clients connects before the loop comes round to accept the first.
_BACKLOG: Final = 8192
_GRACE: Final = 1.0
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


class Listener:
    """Listens on one port. `port` and `url` stay the same while connections are refused."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        host: str,
        port: int,
    ) -> None:
        self._web_server = web.Server(handler, access_log=None)
        self._socket = _bind(host, port)
        self._server: asyncio.Server | None = None
        self._address: tuple[str, int] = self._socket.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._address[1]}"

    async def accept(self) -> None:
        """Begin to accept connections."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._web_server, sock=self._socket, backlog=_BACKLOG
        )

    async def refuse(self) -> None:
        """Close every connection and refuse new ones, without giving the port away."""
        self._stop()
        # Bound, but not listening: nobody else gets the port and whoever connects is refused.
        self._socket = _bind(*self._address)
        await self._drop_connections()

    async def close(self) -> None:
        """Close every connection, whatever its handler is doing, and give the port back."""
        self._stop()
        await self._drop_connections()
        await self._web_server.shutdown(_GRACE)

    def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._socket.close()

    async def _drop_connections(self) -> None:
        for connection in self._web_server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        # The event loop closes aborted sockets on its next turn and wakes their handlers after.
        for _ in range(2):
            await anyio.lowlevel.checkpoint()


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except BaseException:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def hang_up(request: web.BaseRequest, *, reset: bool) -> None:
    """Drop the connection: with RST at once, or with FIN after what was written has left."""
    transport = request.transport
    if transport is None:
        return
    if reset:
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO
        )
        transport.abort()
    request.protocol.force_close()
