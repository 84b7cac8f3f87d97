"""A loop that was held up: what has come meanwhile is read before anyone is told of a silence.

Its clock is moved by hand, so nothing here depends on how fast the machine is. On uvloop, whose
clock cannot be, the time that a request has is made longer until it suffices.
"""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
import time
from contextlib import ExitStack, asynccontextmanager
from types import SimpleNamespace

import aiohttp
import anyio
import pytest
from support.elsewhere import answering
from support.elsewhere import hold_up as hold_up_for_real
from support.held_loop import hold_up, on_a_held_loop, running

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


async def sent(transport, server, _):
    return (await transport.send(request(server))).body


async def sent_with_less_time(transport, server, seconds):
    return (await transport.send(request(server), timeout=seconds / 2)).body


async def posted(transport, server, _):
    return (await transport.post(request(server, b"{}"), Departure())).body


async def posted_at_length(transport, server, _):
    return (await transport.post(request(server, bytes(3 * PIECE)), Departure())).body


async def downloaded(transport, server, seconds):
    async with transport.stream(server.url, {}, silence=seconds / 2) as answer:
        return b"".join([piece async for piece in answer.chunks])


WAYS = [sent, sent_with_less_time, posted, posted_at_length, downloaded]


@asynccontextmanager
async def each_way(*, tls=False, silent=False, seconds=SECONDS):
    """A transport, and a server for each way to use it: one hold-up for all of them."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        clock = SimpleNamespace(monotonic=loop.time, time=time.time)
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(transport_module, "time", clock)
        servers = {way: stack.enter_context(answering(tls=tls, silent=silent)) for way in WAYS}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            transport = Transport(session=session, request_timeout=seconds)
            await transport.open()
            try:
                yield transport, servers
            finally:
                await transport.close()


def begun(transport, servers, seconds=SECONDS):
    """Each way, with so many seconds for its request, or half of them."""
    return [
        asyncio.ensure_future(way(transport, server, seconds)) for way, server in servers.items()
    ]


async def ends(tasks):
    """How each way ended, by its name."""
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return {way.__name__: end for way, end in zip(WAYS, found, strict=True)}


def have_come(servers):
    """Whether all requests have arrived whole."""
    return all(server.arrived for server in servers.values())


def are_answered(servers):
    """Let the servers answer; whether all answers have left."""
    for server in servers.values():
        server.may_answer.set()
    return all(server.has_answered_all for server in servers.values())


plain_and_tls = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
sockets_or_timers_first = pytest.mark.parametrize(
    "timers_first", [False, True], ids=["sockets first", "timers first"]
)
ALL_READ = {way.__name__: BODY for way in WAYS}


@plain_and_tls
@sockets_or_timers_first
@on_a_held_loop
async def test_an_answer_that_lies_in_the_socket_is_read_although_its_time_is_over(
    tls,
    timers_first,  # noqa: ARG001 - the loop is one of that kind
):
    """Also on a loop that finds the timer before it looks at the socket."""
    async with each_way(tls=tls) as (transport, servers):
        for server in servers.values():
            server.may_answer.clear()
        tasks = begun(transport, servers)
        await hold_up(
            2 * SECONDS,
            after=lambda: have_come(servers),
            until=lambda: are_answered(servers),
        )
        assert await ends(tasks) == ALL_READ


@plain_and_tls
@pytest.mark.parametrize("turns", range(6))
@on_a_held_loop
async def test_a_loop_that_is_held_up_while_it_connects_loses_nothing(tls, turns):
    """At each of its first turns: it has asked for a connection, and it has one.

    Of a download, which costs nothing, the connection may be one that broke off, and is asked for
    anew by whoever wants the file.
    """
    async with each_way(tls=tls) as (transport, servers):
        tasks = begun(transport, servers)
        left = iter(range(turns))
        await hold_up(2 * SECONDS, after=lambda: next(left, None) is None, until=lambda: True)
        found = await ends(tasks)
        if isinstance(found["downloaded"], TransportTimeoutError):
            found["downloaded"] = BODY
            servers[downloaded].arrived += 1
        assert found == ALL_READ
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
                    assert await sent(transport, server, None) == BODY
                else:
                    with pytest.raises(TransportTimeoutError):
                        await sent(transport, server, None)
            finally:
                await transport.close()
    assert clock.given_up == 1


@plain_and_tls
@on_a_held_loop
async def test_a_silence_is_one_although_the_loop_was_held_up(tls):
    """It ends as long again later as the loop was late, and no later."""
    loop = running()
    async with each_way(tls=tls, silent=True) as (transport, servers):
        start = loop.time()
        tasks = begun(transport, servers)
        await hold_up(2 * SECONDS, after=lambda: have_come(servers), until=lambda: True)
        loop.leaps = True
        found = await ends(tasks)
        assert loop.time() - start < 4 * SECONDS
    assert {name: type(end) for name, end in found.items()} == dict.fromkeys(
        found, TransportTimeoutError
    )
    assert {end.started for end in found.values()} == {Started.MAYBE}


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
def test_on_uvloop_which_looks_at_its_timers_first_it_is_read_too():
    """Where a machine is too slow for the requests to arrive in time, they have more time."""
    import uvloop  # noqa: PLC0415 - where it is installed

    async def held_up(seconds):
        async with each_way(seconds=seconds) as (transport, servers):
            for server in servers.values():
                server.may_answer.clear()
            start = time.monotonic()
            tasks = begun(transport, servers, seconds)
            # Nobody tells.
            while not have_come(servers):
                await anyio.sleep(0.001)
                # The first timer fires at a half, unless the loop looks at it late.
                if time.monotonic() - start > seconds / 3:
                    are_answered(servers)
                    await ends(tasks)
                    return None
            hold_up_for_real(2 * seconds, until=lambda: are_answered(servers))
            return await ends(tasks)

    found, seconds = None, SECONDS
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        while found is None:
            found = runner.run(held_up(seconds))
            seconds *= 3
    assert found == ALL_READ
