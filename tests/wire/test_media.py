"""How a media host's answer is handed on, piece by piece."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from unittest.mock import Mock

import aiohttp
import pytest

from pika_async import TransportError
from pika_async._wire.transport.media import _chunks

PIECES = [b"one" * 1000, b"two" * 1000, b"three" * 1000]
SIZE = sum(map(len, PIECES))


def answer(size, pieces=PIECES):
    """An answer whose pieces have all come, and whose end has not."""
    protocol = Mock(_reading_paused=False)
    content = aiohttp.StreamReader(protocol, 2**16, loop=asyncio.get_running_loop())
    for piece in pieces:
        content.feed_data(piece)
    return SimpleNamespace(content=content, content_length=size)


async def test_pieces_are_handed_on_as_they_came():
    """To join what has come would be to copy the video, a tenth of what a download costs."""
    response = answer(SIZE)
    response.content.feed_eof()
    handed_on = [piece async for piece in _chunks(response, 5.0)]
    assert [id(piece) for piece in handed_on] == [id(piece) for piece in PIECES]


async def test_of_a_length_that_nobody_told_what_has_come_is_one_piece():
    """The host says how large its pieces are, and many small ones would cost more than a copy."""
    response = answer(None)
    response.content.feed_eof()
    assert [piece async for piece in _chunks(response, 5.0)] == [b"".join(PIECES)]


@pytest.mark.parametrize("size", [SIZE + 1, None], ids=["told", "not told"])
async def test_what_came_before_the_silence_is_handed_on(size):
    """Then it counts as broken off, and the rest is asked for."""
    response, handed_on = answer(size), []
    with pytest.raises(TransportError):
        async for piece in _chunks(response, 0.01):
            handed_on.append(piece)  # noqa: PERF401 - it raises in the end
    assert b"".join(handed_on) == b"".join(PIECES)
