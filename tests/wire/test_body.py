"""The body of a request, as aiohttp asks for it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from pika_async._wire.departure import PIECE, Departure, Stand, WithdrawnError
from pika_async._wire.transport.body import Body
from pika_async._wire.transport.problems import HungUpError


class _Line:
    def __init__(self) -> None:
        self.written: list[bytes] = []

    async def write(self, piece: bytes) -> None:
        self.written.append(piece)


def line() -> Any:
    """What a body is written to, as far as it asks for it."""
    return _Line()


def test_its_size_is_known_so_that_it_is_not_sent_in_chunks():
    assert Body(Departure(), b"paid").size == 4


@pytest.mark.parametrize("size", [0, 1, PIECE, 2 * PIECE + 1])
async def test_it_is_written_whole_through_its_departure(size):
    departure, writer = Departure(), line()
    body = bytes(index % 251 for index in range(size))
    await Body(departure, body).write_with_length(writer, size)
    assert b"".join(writer.written) == body
    assert departure.stand is Stand.WHOLE


async def test_older_versions_of_aiohttp_write_the_same():
    departure, writer = Departure(), line()
    await Body(departure, b"paid").write(writer)
    assert writer.written == [b"paid"]
    assert departure.stand is Stand.WHOLE


async def test_what_was_called_off_is_not_written():
    departure, writer = Departure(), line()
    departure.withdraw()
    with pytest.raises(WithdrawnError):
        await Body(departure, b"paid").write_with_length(writer, 4)
    assert writer.written == []


class _Transport:
    def __init__(self, *, closing: bool) -> None:
        self.is_closing = lambda: closing


@pytest.mark.parametrize("transport", [None, _Transport(closing=True)], ids=["gone", "closing"])
async def test_nothing_of_it_leaves_over_a_connection_that_is_closed(transport):
    departure, writer = Departure(), line()
    writer.transport = transport
    body = Body(departure, b"paid")
    with pytest.raises(HungUpError):
        await body.write_with_length(writer, 4)
    assert body.hung_up
    assert (writer.written, departure.stand) == ([], Stand.READY)


async def test_it_leaves_over_a_connection_that_is_open():
    departure, writer = Departure(), line()
    writer.transport = _Transport(closing=False)
    await Body(departure, b"paid").write_with_length(writer, 4)
    assert (writer.written, departure.stand) == ([b"paid"], Stand.WHOLE)


async def test_what_has_begun_to_leave_is_not_sent_again_by_aiohttp_itself():
    body = Body(Departure(), b"paid")
    assert not body.consumed
    await body.write_with_length(line(), 4)
    assert body.consumed


async def test_whoever_signs_it_sees_all_of_it_and_nothing_leaves():
    departure = Departure()
    body = Body(departure, b"paid")
    assert await body.as_bytes() == b"paid"
    assert body.decode() == "paid"
    assert departure.stand is Stand.READY


def test_there_is_nothing_to_be_closed():
    assert Body(Departure(), b"paid").autoclose


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_cannot_be_copied(copied):
    """It would go out twice; and mocks of aiohttp would copy the whole client with it."""
    with pytest.raises(TypeError, match="cannot be copied"):
        copied(Body(Departure(), b"{}"))
