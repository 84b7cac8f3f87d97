"""A loop that was held up: what has come meanwhile is read before anyone is told of a silence."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl

import aiohttp
import pytest
from support.elsewhere import answering, hold_up

from pika_async import TransportTimeoutError
from pika_async._http import HTTPRequest
from pika_async._meaning import Started
from pika_async._wire.departure import PIECE, Departure
from pika_async._wire.transport import Transport

SECONDS = 0.3
BODY = b'{ "}'


def request(server, body=None) -> HTTPRequest:
    return HTTPRequest(
        method="GET" if body is None else "POST", url=server.url, headers={}, body=body
    )


async def sent(transport, server):
    return (await transport.send(request(server))).body


async def sent_with_less_time(transport, server):
    return (await transport.send(request(server), timeout=SECONDS / 2)).body


async def posted(transport, server):
    return (await transport.post(request(server, b"{}"), Departure())).body


async def posted_at_length(transport, server):
    return (await transport.post(request(server, bytes(3 * PIECE)), Departure())).body


async def downloaded(transport, server):
    async with transport.stream(server.url, {}, silence=SECONDS / 2) as answer:
        return b"".join([piece async for piece in answer.chunks])


WAYS = [sent, sent_with_less_time, posted, posted_at_length, downloaded]


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
async def wire(request):
    """A transport, and whether it goes over TLS."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        transport = Transport(session=session, request_timeout=SECONDS)
        await transport.open()
        yield transport, request.param
        await transport.close()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_an_answer_that_lies_in_the_socket_is_read_although_its_time_is_over(way, wire):
    transport, tls = wire
    with answering(tls=tls) as server:
        server.may_answer.clear()

        def let_answer():
            server.may_answer.set()
            return server.has_answered_all

        _, body = await asyncio.gather(
            hold_up(2 * SECONDS, after=lambda: server.arrived, until=let_answer),
            way(transport, server),
        )
    assert body == BODY


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_loop_that_is_held_up_while_it_connects_loses_nothing(way, wire):
    transport, tls = wire
    with answering(tls=tls) as server:
        begun = asyncio.ensure_future(way(transport, server))
        await hold_up(2 * SECONDS, after=lambda: True, until=lambda: True)
        assert await begun == BODY
        assert server.arrived == 1


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_silence_is_one_although_the_loop_was_held_up(way, wire):
    transport, tls = wire
    loop = asyncio.get_running_loop()
    with answering(silent=True, tls=tls) as server:
        begun = loop.time()
        with pytest.raises(TransportTimeoutError) as caught:
            await asyncio.gather(
                hold_up(2 * SECONDS, after=lambda: server.arrived, until=lambda: True),
                way(transport, server),
            )
        assert caught.value.started is Started.MAYBE
        # As long again as the loop was late, and no more.
        assert loop.time() - begun < 6 * SECONDS


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_on_uvloop_which_looks_at_its_timers_first_it_is_read_too(way):
    import uvloop  # noqa: PLC0415 - where it is installed

    async def held_up(server):
        transport = Transport(session=None, request_timeout=SECONDS)
        await transport.open()
        try:
            return (
                await asyncio.gather(
                    way(transport, server),
                    hold_up(
                        2 * SECONDS,
                        after=lambda: server.arrived,
                        until=lambda: server.may_answer.set() or server.has_answered_all,
                    ),
                )
            )[0]
        finally:
            await transport.close()

    with answering() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        server.may_answer.clear()
        assert runner.run(held_up(server)) == BODY
