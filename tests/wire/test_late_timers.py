"""A loop that was held up: what has come meanwhile is read before anyone is told of a silence."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
import time
from contextlib import ExitStack, asynccontextmanager
from types import SimpleNamespace

import aiohttp
import pytest
from support.elsewhere import answering, hold_up

from pika_async import TransportTimeoutError
from pika_async._http import HTTPRequest
from pika_async._meaning import Started
from pika_async._wire.departure import PIECE, Departure
from pika_async._wire.transport import Transport
from pika_async._wire.transport import transport as transport_module

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


@asynccontextmanager
async def each_way(*, tls=False, silent=False):
    """A transport, and a server for each way to use it: one hold-up for all of them."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with ExitStack() as stack:
        servers = {way: stack.enter_context(answering(tls=tls, silent=silent)) for way in WAYS}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            transport = Transport(session=session, request_timeout=SECONDS)
            await transport.open()
            try:
                yield transport, servers
            finally:
                await transport.close()


def begun(transport, servers):
    return [asyncio.ensure_future(way(transport, server)) for way, server in servers.items()]


async def ends(tasks):
    """How each way ended, by its name."""
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return {way.__name__: end for way, end in zip(WAYS, found, strict=True)}


async def read_although_its_time_is_over(transport, servers):
    for server in servers.values():
        server.may_answer.clear()

    def all_are_answered():
        for server in servers.values():
            server.may_answer.set()
        return all(server.has_answered_all for server in servers.values())

    tasks = begun(transport, servers)
    await hold_up(
        2 * SECONDS,
        after=lambda: all(server.arrived for server in servers.values()),
        until=all_are_answered,
    )
    return await ends(tasks)


plain_and_tls = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
ALL_READ = {way.__name__: BODY for way in WAYS}


@plain_and_tls
async def test_an_answer_that_lies_in_the_socket_is_read_although_its_time_is_over(tls):
    async with each_way(tls=tls) as (transport, servers):
        assert await read_although_its_time_is_over(transport, servers) == ALL_READ


@plain_and_tls
async def test_a_loop_that_is_held_up_while_it_connects_loses_nothing(tls):
    async with each_way(tls=tls) as (transport, servers):
        tasks = begun(transport, servers)
        await hold_up(2 * SECONDS, after=lambda: True, until=lambda: True)
        assert await ends(tasks) == ALL_READ
        assert [server.arrived for server in servers.values()] == [1] * len(WAYS)


@pytest.fixture
def given_up_after(monkeypatch):
    """The first time, connecting is given up after so many seconds; then it is a usual session."""
    clock = SimpleNamespace(monotonic=lambda: clock.now, time=time.time, now=0.0, given_up=0)
    usual = aiohttp.ClientSession.request

    def first(seconds):
        async def connect():
            clock.now += seconds
            clock.given_up += 1
            raise aiohttp.ConnectionTimeoutError

        def request(*args, **options):
            return usual(*args, **options) if clock.given_up else connect()

        monkeypatch.setattr(aiohttp.ClientSession, "request", request)
        monkeypatch.setattr(transport_module, "time", clock)
        return clock

    return first


@pytest.mark.parametrize(("seconds", "again"), [(2.0, False), (3.0, True)])
async def test_connecting_that_was_given_up_late_is_tried_again(given_up_after, seconds, again):
    """Two seconds were allowed; where it took three, the loop was held up, and nobody looked."""
    clock = given_up_after(seconds)
    with answering() as server:
        async with aiohttp.ClientSession() as session:
            transport = Transport(session=session, request_timeout=4.0)
            await transport.open()
            try:
                if again:
                    assert await sent(transport, server) == BODY
                else:
                    with pytest.raises(TransportTimeoutError):
                        await sent(transport, server)
            finally:
                await transport.close()
    assert clock.given_up == 1


@plain_and_tls
async def test_a_silence_is_one_although_the_loop_was_held_up(tls):
    loop = asyncio.get_running_loop()
    async with each_way(tls=tls, silent=True) as (transport, servers):
        start = loop.time()
        tasks = begun(transport, servers)
        await hold_up(
            2 * SECONDS,
            after=lambda: all(server.arrived for server in servers.values()),
            until=lambda: True,
        )
        found = await ends(tasks)
        # As long again as the loop was late, and no more.
        assert loop.time() - start < 6 * SECONDS
    assert {name: type(end) for name, end in found.items()} == dict.fromkeys(
        found, TransportTimeoutError
    )
    assert {end.started for end in found.values()} == {Started.MAYBE}


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
def test_on_uvloop_which_looks_at_its_timers_first_it_is_read_too():
    import uvloop  # noqa: PLC0415 - where it is installed

    async def held_up():
        async with each_way() as (transport, servers):
            return await read_although_its_time_is_over(transport, servers)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(held_up()) == ALL_READ
