"""The wire: sessions, bounds, and what errors may and may not show."""

from __future__ import annotations

import asyncio
import gc
import gzip
import logging
import math
import socket
import ssl
import struct
import traceback
import warnings
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import anyio
import anyio.lowlevel
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.held_loop import on_a_leaping_loop
from support.virtual_time import in_virtual_time, now

from pika_async import ClientStateError, TransportError, TransportTimeoutError, __version__
from pika_async._bound import Bounds
from pika_async._http import HTTPRequest, HTTPResponse
from pika_async._meaning import Started
from pika_async._wire.departure import Departure
from pika_async._wire.transport import MAX_ANSWER_BYTES, Transport
from pika_async.simulator._listener import Listener

KEY = "sk-secret-0123456789"


def get(url) -> HTTPRequest:
    return HTTPRequest(method="GET", url=str(url), headers={"Authorization": f"Bearer {KEY}"})


def post(url, body=b"{}") -> HTTPRequest:
    return HTTPRequest(
        method="POST", url=str(url), headers={"Authorization": f"Bearer {KEY}"}, body=body
    )


@pytest.fixture
async def serve():
    """Start a server for one handler; returns its URL."""
    servers = []

    async def start(handler) -> str:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{tail:.*}", handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/x"))

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
async def transport():
    transport = Transport(session=None, request_timeout=30.0)
    await transport.open()
    yield transport
    await transport.close()


async def test_an_answer_comes_whole_with_status_and_headers_of_any_case(serve, transport):
    async def handler(_):
        return web.Response(status=418, body=b"short", headers={"X-Odd": "1"})

    response = await transport.send(get(await serve(handler)))
    assert (response.status, response.body) == (418, b"short")
    assert response.headers["x-odd"] == "1"
    assert response.received_at > 1_700_000_000


@pytest.mark.parametrize("is_traced", [False, True])
async def test_a_body_that_came_with_its_head_is_read_whole_and_told_to_those_who_trace(
    serve, is_traced
):
    """A trace of a lent session hears of each body, however it came."""
    heard = []

    async def note(_, __, params):
        heard.append(params.chunk)

    async def handler(_):
        return web.Response(body=b"in one piece")

    trace = aiohttp.TraceConfig()
    trace.on_response_chunk_received.append(note)
    async with aiohttp.ClientSession(trace_configs=[trace] if is_traced else []) as session:
        transport = Transport(session=session, request_timeout=30.0)
        await transport.open()
        url = await serve(handler)
        answers = [(await transport.send(get(url))).body for _ in range(3)]

    assert answers == [b"in one piece"] * 3
    assert heard == answers * is_traced


async def test_an_answer_that_is_to_change_the_protocol_is_closed_and_not_left_to_be_collected(
    transport,
):
    """It has no body, so nobody reads on, and its connection is of no use."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Other\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n")
        await reader.read()
        writer.close()

    # Only then aiohttp tells of what it collects.
    asyncio.get_running_loop().set_debug(True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            response = await transport.send(get(f"http://127.0.0.1:{port}/x"))
            gc.collect()
    assert (response.status, response.body) == (101, b"")
    assert [str(one.message) for one in told if "response" in str(one.message)] == []


async def test_requests_name_the_client_and_ask_for_plain_bytes(serve, transport):
    seen = []

    async def handler(request):
        seen.append(request.headers)
        return web.Response()

    await transport.send(get(await serve(handler)))
    assert seen[0]["User-Agent"].startswith(f"pika-async/{__version__} ")
    assert seen[0]["Accept-Encoding"] == "identity"


async def test_a_lent_session_sends_the_same_headers(serve):
    seen = []

    async def handler(request):
        seen.append(request.headers)
        return web.Response()

    async with aiohttp.ClientSession() as session:
        transport = Transport(session=session, request_timeout=30.0)
        await transport.open()
        await transport.send(get(await serve(handler)))
    assert seen[0]["User-Agent"].startswith("pika-async/")
    assert seen[0]["Authorization"] == f"Bearer {KEY}"


async def test_connections_are_kept_alive(serve, transport):
    peers = set()

    async def handler(request):
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response()

    url = await serve(handler)
    for _ in range(5):
        await transport.send(get(url))
    assert len(peers) == 1


async def test_once_it_is_closed_no_timer_is_left(serve, monkeypatch):
    """A web server that opens a client for each visitor would have thousands of them."""

    async def handler(_):
        return web.Response()

    url = await serve(handler)
    loop, timers = asyncio.get_running_loop(), []
    call_at = loop.call_at

    def kept(when, callback, *given, **more):
        timer = call_at(when, callback, *given, **more)
        if isinstance(getattr(callback, "__self__", None), Bounds):
            timers.append(timer)
        return timer

    monkeypatch.setattr(loop, "call_at", kept)
    transport = Transport(session=None, request_timeout=30.0)
    await transport.open()
    await transport.send(get(url))
    await transport.post(post(url), Departure())
    assert not any(timer.cancelled() for timer in timers)
    await transport.close()
    assert [timer.cancelled() for timer in timers] == [True, True]


async def test_no_connection_limit_makes_a_job_wait(transport):
    everyone = asyncio.Event()
    arrived = 0

    async def handler(_):
        nonlocal arrived
        arrived += 1
        if arrived == 450:
            everyone.set()
        await everyone.wait()
        return web.Response()

    # One that lets as many connect at once: else the system makes some of them try again.
    server = Listener(handler, "127.0.0.1", 0)
    await server.accept()
    try:
        with anyio.fail_after(20):
            await asyncio.gather(*(transport.send(get(f"{server.url}/")) for _ in range(450)))
    finally:
        await server.close()


async def test_who_waits_for_a_connection_learns_that_the_client_was_closed(
    serve, transport, monkeypatch
):
    """As whoever asks after that does: by the error that says so, and at once."""
    monkeypatch.setattr("pika_async._wire.transport.limit.TICK", 60.0)
    arrived = asyncio.Event()

    async def handler(_):
        arrived.set()
        await asyncio.Event().wait()

    url = await serve(handler)
    polls = [asyncio.create_task(transport.send(get(url))) for _ in range(150)]
    await arrived.wait()
    await transport.close()
    problems = await asyncio.gather(*polls, return_exceptions=True)

    kinds = {type(problem) for problem in problems}
    # Whether the first ones had connected by then is chance.
    assert ClientStateError in kinds
    assert kinds <= {TransportError, ClientStateError}


class Answering(Transport):
    """Answers a second after it was asked, over no network; never at /silent."""

    async def _answer(self, session, request, body, bound, length=None, **options):
        await anyio.sleep(math.inf if request.url.endswith("/silent") else 1.0)
        return HTTPResponse(status=200, headers={}, body=b"{}")


@asynccontextmanager
async def over_one_connection(request_timeout):
    transport = Answering(session=None, request_timeout=request_timeout, most_polls=1)
    await transport.open()
    try:
        yield transport
    finally:
        await transport.close()


@in_virtual_time
async def test_the_time_of_a_request_begins_when_it_has_a_connection_and_not_in_line_for_one():
    """Else a crowd that has to wait for connections would pass for a service that is silent."""
    async with over_one_connection(request_timeout=3.0) as transport:
        polls = [asyncio.create_task(transport.send(get("http://a.example/"))) for _ in range(8)]
        answers = await asyncio.gather(*polls)
    assert [answer.status for answer in answers] == [200] * 8


@pytest.mark.parametrize("timeout", [None, 600.0])
@in_virtual_time
async def test_after_the_line_a_request_has_its_whole_time_and_no_more(timeout):
    """Also where that was longer than the time itself."""
    async with over_one_connection(request_timeout=3.0) as transport:
        polls = [asyncio.create_task(transport.send(get("http://a.example/"))) for _ in range(5)]
        await anyio.lowlevel.checkpoint()
        begun = now()
        with pytest.raises(TransportTimeoutError):
            await transport.send(get("http://a.example/silent"), timeout=timeout)
        assert now() - begun == pytest.approx(5.0 + 3.0)
        await asyncio.gather(*polls)


@in_virtual_time
async def test_who_has_less_time_spends_it_in_line_too_and_takes_nobody_s_connection():
    """A deadline is one, wherever the time goes."""
    async with over_one_connection(request_timeout=30.0) as transport:
        first, second, late = (
            asyncio.create_task(transport.send(get("http://a.example/"), timeout=timeout))
            for timeout in (None, 1.5, 1.2)
        )
        begun = now()
        for poll in (second, late):
            with pytest.raises(TransportTimeoutError):
                await poll
        assert now() - begun == pytest.approx(1.5)
        assert (await first).status == 200
        with anyio.fail_after(1.1):
            await transport.send(get("http://a.example/"))


async def test_redirects_are_not_followed(serve, transport):
    async def handler(_):
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    assert (await transport.send(get(await serve(handler)))).status == 302


async def test_a_lent_session_that_raises_for_status_changes_nothing(serve):
    async def handler(_):
        return web.Response(status=500, body=b"why")

    async with aiohttp.ClientSession(raise_for_status=True) as session:
        transport = Transport(session=session, request_timeout=30.0)
        assert (await transport.send(get(await serve(handler)))).body == b"why"


async def test_a_lent_session_is_never_closed():
    async with aiohttp.ClientSession() as session:
        transport = Transport(session=session, request_timeout=30.0)
        await transport.open()
        await transport.close()
        assert not session.closed


async def test_a_closed_session_is_an_error_with_a_sentence():
    transport = Transport(session=None, request_timeout=30.0)
    await transport.open()
    await transport.close()
    with pytest.raises(ClientStateError, match="closed"):
        await transport.send(get("http://127.0.0.1:1/"))


async def test_the_timeout_covers_the_body(serve):
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Length": "10"})
        await response.prepare(request)
        await response.write(b"12345")
        await asyncio.Event().wait()
        return response

    transport = Transport(session=None, request_timeout=0.2)
    await transport.open()
    with pytest.raises(TransportTimeoutError) as caught:
        await transport.send(get(await serve(handler)))
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.started is Started.MAYBE
    await transport.close()


async def test_a_call_may_have_less_time_than_the_client(serve, transport):
    async def handler(_):
        await asyncio.Event().wait()

    with pytest.raises(TransportTimeoutError):
        await transport.send(get(await serve(handler)), timeout=0.1)


@pytest.mark.parametrize("declared", [True, False], ids=["with a length", "chunked"])
async def test_an_answer_larger_than_the_bound_is_refused_unread(serve, transport, declared):
    async def handler(request):
        response = web.StreamResponse()
        if declared:
            response.content_length = 100 * MAX_ANSWER_BYTES
        await response.prepare(request)
        with pytest.raises((ConnectionError, asyncio.CancelledError)):
            for _ in range(100):
                await response.write(bytes(MAX_ANSWER_BYTES))
        raise ConnectionResetError

    with pytest.raises(TransportError, match="larger than") as caught:
        await transport.send(get(await serve(handler)))
    assert caught.value.started is Started.MAYBE


@pytest.mark.parametrize("level", [1, 9], ids=["comes in pieces", "comes with its head"])
async def test_an_answer_that_unpacks_beyond_the_bound_is_refused(serve, transport, level):
    async def handler(_):
        packed = gzip.compress(bytes(2 * MAX_ANSWER_BYTES), compresslevel=level)
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    with pytest.raises(TransportError, match="larger than"):
        await transport.send(get(await serve(handler)))


async def test_an_answer_in_chunks_is_read_whole(serve, transport):
    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10):
            await response.write(b"piece")
        return response

    assert (await transport.send(get(await serve(handler)))).body == b"piece" * 10


async def test_an_answer_that_echoes_megabytes_of_the_request_is_read(serve, transport):
    body = b'{"id": "j1", "input": {"image": "' + b"A" * 6_000_000 + b'"}}'

    async def handler(_):
        return web.Response(body=body)

    assert (await transport.send(get(await serve(handler)))).body == body


@pytest.mark.parametrize("lent", [False, True], ids=["own session", "lent session"])
async def test_a_line_of_9000_bytes_in_the_headers_is_read(serve, transport, lent):
    async def handler(_):
        return web.Response(body=b"{}", headers={"X-Long": "a" * 9_000})

    url = await serve(handler)
    async with aiohttp.ClientSession() as session:
        used = Transport(session=session, request_timeout=30.0) if lent else transport
        assert len((await used.send(get(url))).headers["X-Long"]) == 9_000
        assert (await used.post(post(url), Departure())).status == 200
        async with used.stream(url, {}, silence=5.0) as answer:
            assert answer.status == 200


async def test_a_submit_does_not_go_out_on_a_connection_that_was_idle_for_long(
    serve, transport, monkeypatch
):
    """Some servers close a connection that was idle for two seconds, in the moment of a submit."""
    peers = []

    async def handler(request):
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response()

    url = await serve(handler)
    for _ in range(3):
        await transport.post(post(url), Departure())
    assert len(set(peers)) == 1
    # The clock by which aiohttp knows how long a connection has been idle.
    now = aiohttp.connector.monotonic
    monkeypatch.setattr("aiohttp.connector.monotonic", lambda: now() + 1.9)
    await transport.post(post(url), Departure())
    assert len(set(peers)) == 2


def test_a_client_used_in_a_second_event_loop_says_so():
    transport = Transport(session=None, request_timeout=30.0)

    async def opened():
        await transport.open()

    async def used():
        try:
            with pytest.raises(ClientStateError, match="opened in another event loop"):
                await transport.send(get("http://127.0.0.1:1/"))
        finally:
            await transport.close()

    asyncio.run(opened())
    asyncio.run(used())


async def test_a_certificate_that_is_not_trusted_is_named_with_its_cure():
    async def answer(_, writer):
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("untrusted.pem"))
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    transport = Transport(session=None, request_timeout=30.0)
    await transport.open()
    for submits in (False, True):
        with pytest.raises(TransportError, match="SSL_CERT_FILE") as caught:
            if submits:
                await transport.post(post(f"https://127.0.0.1:{port}/"), Departure())
            else:
                await transport.send(get(f"https://127.0.0.1:{port}/"))
        assert "not trusted" in str(caught.value)
        assert caught.value.started is Started.NO
    await transport.close()
    server.close()


class TestNotReached:
    async def check(self, url, request_timeout=30.0, **session):
        async with aiohttp.ClientSession(**session) as lent:
            transport = Transport(
                session=lent if session else None, request_timeout=request_timeout
            )
            await transport.open()
            departure = Departure()
            with pytest.raises(TransportError) as caught:
                await transport.post(post(url), departure)
            await transport.close()
        assert caught.value.started is Started.NO
        assert not departure.has_begun
        assert caught.value.__cause__ is not None
        return caught.value

    async def test_refused(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            await self.check(f"http://127.0.0.1:{port}/")

    async def test_name_not_resolved(self):
        class Resolver(aiohttp.abc.AbstractResolver):
            async def resolve(self, *_, **__):
                raise OSError(-2, "Name or service not known")

            async def close(self):
                pass

        await self.check("http://api.example/", connector=aiohttp.TCPConnector(resolver=Resolver()))

    async def test_no_thread_to_look_the_name_up_in(self):
        """A container that allows no more threads is a service that is not reached, and no bug."""

        class Resolver(aiohttp.abc.AbstractResolver):
            async def resolve(self, *_, **__):
                raise RuntimeError("can't start new thread")

            async def close(self):
                pass

        connector = aiohttp.TCPConnector(resolver=Resolver())
        async with aiohttp.ClientSession(connector=connector, connector_owner=False) as lent:
            transport = Transport(session=lent, request_timeout=30.0)
            with pytest.raises(TransportError, match="could not be reached.*ulimit -u"):
                async with transport.stream("http://media.example/v.mp4", {}, silence=1.0):
                    pass
            await transport.close()
        error = await self.check("http://api.example/", connector=connector)
        assert "could not be reached" in str(error)

    async def test_tls_failed(self, serve):
        async def handler(_):
            return web.Response()

        url = (await serve(handler)).replace("http://", "https://")
        await self.check(url, connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()))

    async def test_connect_timeout(self):
        with socket.socket() as listener:
            # A full backlog answers no SYN.
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            stuck = [socket.socket() for _ in range(4)]
            try:
                for one in stuck:
                    one.setblocking(False)
                    one.connect_ex(("127.0.0.1", port))
                error = await self.check(f"http://127.0.0.1:{port}/", request_timeout=0.4)
            finally:
                for one in stuck:
                    one.close()
        assert isinstance(error, TransportTimeoutError)

    async def test_pool_timeout(self, serve):
        async def handler(_):
            await asyncio.Event().wait()

        url = await serve(handler)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as lent:
            transport = Transport(session=lent, request_timeout=0.4)
            results = await asyncio.gather(
                transport.post(post(url), Departure()),
                transport.post(post(url), Departure()),
                return_exceptions=True,
            )
        assert [error.started for error in results] == [Started.MAYBE, Started.NO]


class TestWhileABodyLeaves:
    """What broke before the last byte had left was never a request."""

    # More than a system takes in ahead: Linux keeps up to 4 MB for one that sends.
    BODY = b"x" * 16_000_000

    async def posted(self, handler, request_timeout=30.0, body=BODY):
        """The answer to a POST to a server that is a function of its streams."""
        listening = socket.socket()
        # What the system takes in for a server that reads slowly would pass for a fast line.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
        listening.bind(("127.0.0.1", 0))
        server = await asyncio.start_server(handler, sock=listening, limit=16_384)
        port = server.sockets[0].getsockname()[1]
        transport = Transport(session=None, request_timeout=request_timeout)
        await transport.open()
        try:
            return await transport.post(post(f"http://127.0.0.1:{port}/", body), Departure())
        finally:
            await transport.close()
            server.close()

    async def test_a_reset_in_the_middle_started_nothing(self):
        async def reset(reader, writer):
            await reader.read(200_000)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

        with pytest.raises(TransportError, match="before the whole request had left") as caught:
            await self.posted(reset)
        assert caught.value.started is Started.NO

    @on_a_leaping_loop
    async def test_a_server_that_does_not_read_is_silence(self):
        async def deaf(reader, writer):
            reader._transport.pause_reading()
            await done.wait()
            writer.transport.abort()

        done = asyncio.Event()
        with pytest.raises(TransportTimeoutError) as caught:
            await self.posted(deaf, request_timeout=0.3, body=b"x" * 40_000_000)
        done.set()
        assert caught.value.started is Started.NO

    @on_a_leaping_loop
    async def test_a_slow_line_is_no_broken_one(self):
        async def slow(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            missing = len(body)
            while missing > 0:
                # Each piece within the time, all of them together beyond it.
                await anyio.sleep(0.1)
                piece = min(missing, 1_000_000)
                await read(reader, piece)
                missing -= piece
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
            writer.close()

        async def read(reader, piece):
            while piece > 0:
                piece -= len(await reader.read(min(piece, 16_384)))

        body = b"x" * 20_000_000
        loop = asyncio.get_running_loop()
        begun = loop.time()
        answer = await self.posted(slow, request_timeout=1.0, body=body)
        assert answer.body == b"{}"
        assert loop.time() - begun > 1.0

    @on_a_leaping_loop
    async def test_after_the_last_byte_the_answer_has_its_time_and_no_more(self):
        async def silent(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(self.BODY))
            await done.wait()
            writer.close()

        done = asyncio.Event()
        with pytest.raises(TransportTimeoutError) as caught:
            await self.posted(silent, request_timeout=0.4)
        done.set()
        assert caught.value.started is Started.MAYBE


class TestWithdrawn:
    """A body that does not leave after all: nothing was sent, nothing broke."""

    @pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept alive"])
    @pytest.mark.parametrize("called_off", [True, False], ids=["called off", "not wanted"])
    async def test_it_is_a_cancellation(self, serve, transport, called_off, warm):
        bodies = []

        async def handler(request):
            bodies.append(await request.read())
            return web.Response()

        url = await serve(handler)
        if warm:
            await transport.post(post(url), Departure())
        departure = Departure() if called_off else Departure(wanted=lambda: False)
        if called_off:
            assert departure.withdraw()
        task = asyncio.create_task(transport.post(post(url, b"paid"), departure))
        await asyncio.wait({task})
        assert task.cancelled()
        assert departure.is_withdrawn
        assert not departure.has_begun
        await transport.send(get(url))
        assert b"paid" not in bodies


class TestSecrets:
    async def test_a_broken_answer_shows_the_key_nowhere(self):
        async def garbage(reader, writer):
            await reader.read(100)
            writer.write(b"HTTP/9.9 what\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(garbage, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = Transport(session=None, request_timeout=30.0)
        await transport.open()
        with pytest.raises(TransportError) as caught:
            await transport.send(get(f"http://127.0.0.1:{port}/"))
        await transport.close()
        server.close()
        await server.wait_closed()
        shown = "".join(traceback.format_exception(caught.value))
        chain = [caught.value, caught.value.__cause__, caught.value.__context__]
        assert KEY not in shown + "".join(repr(error) for error in chain)
        assert caught.value.started is Started.MAYBE

    async def test_the_frames_behind_an_error_do_not_hold_the_key(self, serve, transport):
        async def handler(request):
            request.transport.abort()
            return web.Response()

        with pytest.raises(TransportError) as caught:
            await transport.post(post(await serve(handler)), Departure())
        below = caught.value.__cause__
        while below is not None:
            assert below.__traceback__ is None
            below = below.__cause__ or below.__context__

    async def test_requests_do_not_show_the_key(self):
        assert KEY not in repr(get("http://127.0.0.1/"))

    async def test_nothing_is_logged_of_a_request(self, serve, transport, caplog):
        caplog.set_level(logging.DEBUG)

        async def handler(_):
            return web.Response()

        await transport.send(get(await serve(handler)))
        assert KEY not in caplog.text
