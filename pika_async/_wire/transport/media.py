"""A media host's answer as it comes, piece by piece; the key never travels there."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Final

from aiohttp.hdrs import CONTENT_ENCODING
from attrs import frozen

from pika_async._bound import Bound, Bounds
from pika_async._wire.links import followed
from pika_async._wire.transport.packing import unpacked_pieces
from pika_async._wire.transport.problems import translating
from pika_async._wire.transport.sessions import CONNECT_TIMEOUT, HEADER_BOUNDS, HEADERS, unbound

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

    from pika_async._wire.transport.sessions import Sessions

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@frozen(kw_only=True)
class MediaResponse:
    """A media host's answer, its body still on the way."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    received_at: float = 0.0
    """Seconds since the epoch; what a Retry-After date counts from where the answer has no Date."""


@asynccontextmanager
async def streamed(
    sessions: Sessions, url: str, headers: Mapping[str, str], silence: float
) -> AsyncIterator[MediaResponse]:
    """Ask a media host for a file; never with the key.

    Args:
        sessions: The client's.
        url: http(s) only, also after redirects, of which five are followed; it goes out byte
            for byte, and so do they.
        headers: Beside our own.
        silence: Seconds without a byte after which it counts as broken off.

    Raises:
        TransportError: Not reached, broken off, or redirected in circles or to no http(s) link.
    """
    connecting = min(CONNECT_TIMEOUT, silence)
    session = sessions.for_media()

    async def ask(link: URL) -> tuple[aiohttp.ClientResponse, str | None]:
        with translating(), Bound(connecting + silence):
            response = await session.get(
                link,
                headers={**HEADERS, **headers},
                # Followed by us: aiohttp spells them in its own way.
                allow_redirects=False,
                raise_for_status=False,
                timeout=unbound(connecting),
                **HEADER_BOUNDS,
                **sessions.media_way_to(link),
            )
        leads_on = response.headers.get("Location") if response.status in _REDIRECTS else None
        if leads_on is not None:
            response.release()
        return response, leads_on

    async with await followed(url, ask) as response:
        with closing(Bounds(silence)) as silences:
            yield MediaResponse(
                status=response.status,
                headers=response.headers,
                chunks=_unpacked(response, _chunks(response, silences)),
                received_at=time.time(),
            )


def _unpacked(
    response: aiohttp.ClientResponse, chunks: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    return unpacked_pieces(chunks) if CONTENT_ENCODING in response.headers else chunks


async def _chunks(response: aiohttp.ClientResponse, silences: Bounds) -> AsyncIterator[bytes]:
    content = response.content
    with translating():
        if response.content_length is not None:
            # As they came: all that has come, as one piece, would be a copy of the whole video.
            while piece := await _next(content, silences):
                yield piece
        else:
            # Of a length that nobody told, in as many pieces as the host pleases: those are joined.
            while piece := content.read_nowait() or await _all(content, silences):
                yield piece


# Bound only while it waits for the host: the disk may take its time.


async def _next(content: aiohttp.StreamReader, silences: Bounds) -> bytes:
    with silences.of():
        piece, _ = await content.readchunk()
    return piece


async def _all(content: aiohttp.StreamReader, silences: Bounds) -> bytes:
    with silences.of():
        return await content.readany()
