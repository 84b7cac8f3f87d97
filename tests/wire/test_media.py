"""How a media host's answer is handed on, piece by piece."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from unittest.mock import Mock

import aiohttp
import pytest

from pika_async import TransportError
from pika_async._bound import Bounds
from pika_async._wire.transport import media
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
    handed_on = [piece async for piece in _chunks(response, Bounds(5.0))]
    assert [id(piece) for piece in handed_on] == [id(piece) for piece in PIECES]


async def test_of_a_length_that_nobody_told_what_has_come_is_one_piece():
    """The host says how large its pieces are, and many small ones would cost more than a copy."""
    response = answer(None)
    response.content.feed_eof()
    assert [piece async for piece in _chunks(response, Bounds(5.0))] == [b"".join(PIECES)]


@pytest.mark.parametrize("size", [SIZE + 1, None], ids=["told", "not told"])
async def test_what_came_before_the_silence_is_handed_on(size):
    """Then it counts as broken off, and the rest is asked for."""
    response, handed_on = answer(size), []
    with pytest.raises(TransportError):
        async for piece in _chunks(response, Bounds(0.01)):
            handed_on.append(piece)  # noqa: PERF401 - it raises in the end
    assert b"".join(handed_on) == b"".join(PIECES)


async def test_an_answer_that_is_left_leaves_no_timer_behind(monkeypatch):
    """Else each download keeps one for as long as its host might have been silent."""
    response = answer(SIZE)
    vars(response).update(status=200, headers={})
    silences = Bounds(3600.0)
    monkeypatch.setattr(media, "Bounds", lambda _: silences)

    async def found(*_):
        return nullcontext(response)

    monkeypatch.setattr(media, "followed", found)
    async with media.streamed(Mock(), "https://x/1.mp4", {}, 3600.0) as got:
        assert await anext(got.chunks) == PIECES[0]
        timer = silences._timer
        assert timer is not None
        assert not timer.cancelled()
    assert timer.cancelled()
