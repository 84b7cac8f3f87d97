"""Answers and files that came packed, or say so. Pure.

None is asked for. Some front ends pack answers all the same, and some unpack them and still say
that they are packed. An answer to a submit may name a paid job, so its bytes decide, and not what
is said of them.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from pika_async._errors import TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_GZIP: Final = (b"\x1f\x8b", 31)
# With the frame that the standard wants, and without it, as some servers send it.
_DEFLATE: Final = (15, -15)
# How answers begin that are not packed: JSON, and pages.
_PLAIN: Final = (b"{", b"[", b'"', b"<")
# Bytes of a file that are unpacked at once: what comes may unpack to a thousand times as much.
_PIECE: Final = 1024 * 1024


def unpacked(body: bytes, encoding: str, most: int) -> bytes | None:
    """What was packed; the body itself where it is not, or in a way that is not known.

    Args:
        body: As it came.
        encoding: What its Content-Encoding says.
        most: Bytes of the largest answer that is believed.

    Returns:
        None where it unpacks to more than that.
    """
    start, window = _GZIP
    windows: tuple[int, ...] = ()
    if body.startswith(start):
        windows = (window,)
    elif "deflate" in encoding.lower() and body.lstrip()[:1] not in _PLAIN:
        windows = _DEFLATE
    for one in windows:
        unpacker = zlib.decompressobj(wbits=one)
        try:
            whole = unpacker.decompress(body, most + 1)
        except zlib.error:
            continue
        if len(whole) > most:
            return None
        if unpacker.eof:
            return whole
    return body


async def unpacked_pieces(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a file, unpacked where its first bytes say that it is packed.

    Raises:
        TransportError: It is packed, and damaged or cut off.
    """
    start, window = _GZIP
    head = b""
    async for piece in pieces:
        head += piece
        if len(head) >= len(start):
            break
    if not head.startswith(start):
        yield head
        async for piece in pieces:
            yield piece
        return
    unpacker = zlib.decompressobj(wbits=window)
    for one in _slices(unpacker, head):
        yield one
    async for piece in pieces:
        for one in _slices(unpacker, piece):
            yield one
    if not unpacker.eof:
        raise TransportError("the packed file was cut off")


def _slices(unpacker: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    try:
        while packed and not unpacker.eof:
            yield unpacker.decompress(packed, _PIECE)
            packed = unpacker.unconsumed_tail
    except zlib.error as error:
        raise TransportError(f"the packed file is damaged: {error}") from error
