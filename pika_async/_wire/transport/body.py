"""The body of a request as aiohttp takes it: piece by piece, through the gate of its departure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, SupportsIndex

import aiohttp

from pika_async._wire.departure import Stand
from pika_async._wire.transport.problems import HungUpError
from pika_async._wire.transport.reuse import is_over

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

    from pika_async._wire.departure import Departure


class Body(aiohttp.Payload):
    """A body whose length is known before, and whose departure knows how far it has come.

    An async generator says as much. But asyncio keeps a list of those that run, and aiohttp awaits
    each piece of one in a coroutine of its own.
    """

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to be copied: aioresponses tries that, and would go through all of a client."""
        raise TypeError("the body of a request that is under way cannot be copied")

    def __init__(self, departure: Departure, content: bytes) -> None:
        super().__init__(content)
        self._departure = departure
        self._content = content
        self.hung_up = False
        """Whether the connection had been closed before the first piece, so that none has left."""

    @property
    def size(self) -> int:
        """In bytes: what is of unknown size would be sent in chunks."""
        return len(self._content)

    @property
    def consumed(self) -> bool:
        """Whether it has begun to leave: then aiohttp does not send it again by itself."""
        return self._departure.has_begun

    @property
    def autoclose(self) -> bool:
        """True: there is nothing to be closed."""
        return True

    async def write_with_length(
        self,
        writer: AbstractStreamWriter,
        content_length: int | None,
    ) -> None:
        """Write all of it.

        Raises:
            HungUpError: The connection was closed meanwhile.
        """
        # That of a writer that has none cannot be known.
        has_one = self._departure.stand is Stand.READY and hasattr(writer, "transport")
        if has_one and is_over(writer.transport):
            self.hung_up = True
            raise HungUpError("it closed the connection")
        for piece in self._departure.pieces(self._content):
            await writer.write(piece)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """What aiohttp asked for before 3.12."""
        await self.write_with_length(writer, None)

    async def as_bytes(self, encoding: str = "", errors: str = "") -> bytes:
        """All of it, for whoever signs it; nothing leaves by that."""
        return self._content

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it as text."""
        return self._content.decode(encoding, errors)
