"""Answers to a submit that break off after all has been said: no job that was paid for is lost."""

from __future__ import annotations

import asyncio
import gzip
import traceback
from contextlib import asynccontextmanager

import aiohttp
import pytest
from support.wire import KEY

from pika_async import (
    PikaClient,
    QuotaExceededError,
    SubmissionUncertainError,
    TransportError,
)
from pika_async._http import HTTPRequest
from pika_async._wire.departure import Departure
from pika_async._wire.transport import Transport
from pika_async._wire.transport.came import Came

JOB = b'{"id": "job-1"}'
REFUSAL = b'{"error": {"message": "no money", "code": "insufficient_user_quota"}}'


def chunked(body: bytes, status: str = "200 OK") -> bytes:
    """An answer in chunks, without the one that says that this was all."""
    head = f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"%x\r\n%s\r\n" % (len(body), body)


def announced(body: bytes, *headers: str) -> bytes:
    """An answer that announces more than it has."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body) + 50}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def service(answer: bytes, *, closes: bool):
    """The base URL of a service that answers each request so, and closes or falls silent."""
    silent = []

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await reader.read(65_536)
        writer.write(answer)
        await writer.drain()
        writer.close() if closes else silent.append(writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for writer in silent:
            writer.close()
        server.close()


@pytest.mark.parametrize("closes", [True, False], ids=["closes", "falls silent"])
@pytest.mark.parametrize(
    "answer",
    [
        chunked(JOB),
        announced(JOB),
        announced(gzip.compress(JOB), "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n" + JOB,
    ],
    ids=["no last chunk", "announces more", "announces more, packed", "announces nothing"],
)
async def test_a_job_that_was_named_is_known(answer, closes):
    """Whoever was told the whole answer has its job, however the connection ends."""
    async with (
        service(answer, closes=closes) as url,
        PikaClient(KEY, base_url=url, request_timeout=0.2) as client,
    ):
        assert (await client.submit("a red panda")).id == "job-1"


async def test_over_a_lent_session_too():
    """A session of the caller's own loses no job either."""
    async with (
        service(chunked(JOB), closes=True) as url,
        aiohttp.ClientSession() as session,
        PikaClient(KEY, base_url=url, session=session) as client,
    ):
        assert (await client.submit("a red panda")).id == "job-1"


async def test_a_refusal_that_was_told_is_a_refusal():
    """A submit that the service has refused is not called uncertain."""
    async with (
        service(chunked(REFUSAL, "403 Forbidden"), closes=True) as url,
        PikaClient(KEY, base_url=url) as client,
    ):
        with pytest.raises(QuotaExceededError, match="no money"):
            await client.submit("a red panda")


@pytest.mark.parametrize(
    "body", [JOB[:-1], b"", b"[1]", b"7", b"null", b"[" * 100_000], ids=lambda body: str(body)[:12]
)
async def test_what_was_cut_is_uncertain(body):
    """Half an answer names no job, and neither does what is no object."""
    async with (
        service(announced(body), closes=True) as url,
        PikaClient(KEY, base_url=url) as client,
    ):
        with pytest.raises(SubmissionUncertainError, match="broke off"):
            await client.submit("a red panda")


async def test_an_error_holds_nothing_of_the_answer():
    """What is kept with an error is small, and holds no request, and so no key."""
    async with service(announced(JOB[:-1]), closes=True) as url:
        transport = Transport(session=None, request_timeout=30.0)
        await transport.open()
        request = HTTPRequest(method="POST", url=url, headers={}, body=b"{}")
        with pytest.raises(TransportError) as caught:
            await transport.post(request, Departure())
        await transport.close()
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    held = [value for frame in frames for value in frame.f_locals.values()]
    came = [value for value in held if isinstance(value, Came)]
    assert [(one.head, one.pieces) for one in came] == [(None, bytearray())]
    assert not any(isinstance(value, aiohttp.ClientResponse) for value in held)
