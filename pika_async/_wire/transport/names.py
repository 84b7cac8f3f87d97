"""Looking up the names of hosts, in threads of our own.

An event loop looks names up in the threads of its default executor. Those are few, and a program
that fills them with work of its own, as ``asyncio.to_thread`` and Django do, has no name looked up
meanwhile: its requests find no connection in time. Work that itself waits for a video would wait
for ever.
"""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp

from pika_async._settled import in_thread

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver


class _Names:
    """What aiohttp's resolver asks of an event loop."""

    async def getaddrinfo(self, host: str, port: int, **asked: int) -> list[Any]:
        """As the loop's own."""
        return await in_thread(partial(socket.getaddrinfo, host, port, **asked))

    async def getnameinfo(self, address: Any, flags: int) -> tuple[str, str]:
        """As the loop's own."""
        return await in_thread(socket.getnameinfo, address, flags)


def resolver() -> AbstractResolver | None:
    """One that has threads of its own; None where aiohttp has one that needs none (aiodns)."""
    if aiohttp.DefaultResolver is not aiohttp.ThreadedResolver:
        return None
    return aiohttp.ThreadedResolver(loop=_Names())  # type: ignore[arg-type]
