"""How an answer reaches the client, or breaks on the way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from aiohttp import web
from attrs import frozen
from multidict import CIMultiDict

from pika_async.simulator import _faults
from pika_async.simulator._listener import hang_up
from pika_async.simulator._media import MediaFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async.simulator._faults import Fault
    from pika_async.simulator._jobs import SimulatedJob
    from pika_async.simulator._rows import Does
    from pika_async.simulator._services._service import Reply, Service

_OK: Final = 200
_SILENT: Final = ("reset", "close")
_HANG_UP: Final = ("truncate", "length-too-long", "length-too-short")
_REDIRECTS: Final = ("redirect", "redirect-loop")
_WHOLE: Final = ("answer", "redirect", "redirect-loop", "delay", "other-key")


@frozen
class Answer:
    """An HTTP answer as it should arrive."""

    status: int
    headers: CIMultiDict[str]
    body: bytes | MediaFile
    start: int = 0
    """The first byte of the body to send."""
    stop: int = 0
    """One past the last byte to send."""
    cut_after: int | None = None
    """How many bytes are sent before it breaks off, if it does; None: half of them."""

    @property
    def length(self) -> int:
        """How many bytes of body there are to send."""
        return self.stop - self.start

    def first(self, count: int) -> Iterator[bytes]:
        """The first `count` bytes of what is to be sent."""
        return self._slice(self.start, self.start + count)

    def rest(self, count: int) -> Iterator[bytes]:
        """What is to be sent after the first `count` bytes."""
        return self._slice(self.start + count, self.stop)

    def _slice(self, start: int, stop: int) -> Iterator[bytes]:
        if isinstance(self.body, bytes):
            return iter((self.body[start:stop],))
        return self.body.chunks(start, stop)


def sent_status(answer: Answer, fault: Fault | None) -> int | None:
    """The status that leaves, if any does."""
    return None if fault is not None and fault.row.does in _SILENT else answer.status


async def deliver(
    request: web.BaseRequest, answer: Answer, fault: Fault | None, closing: asyncio.Event
) -> web.StreamResponse:
    """Send the answer, spoilt in the way of the fault; silences end early when `closing` is set."""
    does: Does = "answer" if fault is None else fault.row.does
    seconds = 0.0 if fault is None else fault.seconds
    if does == "delay":
        await _silence(seconds, closing)
    if does in _SILENT or (does == "delay" and closing.is_set()):
        hang_up(request, reset=does == "reset")
        # aiohttp wants a response; it finds the connection gone and drops it.
        return web.Response()
    if isinstance(answer.body, bytes) and does in _WHOLE:
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    return await _stream(request, answer, does, seconds=seconds, closing=closing)


async def _stream(
    request: web.BaseRequest, answer: Answer, does: Does, *, seconds: float, closing: asyncio.Event
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    half = answer.length // 2 if answer.cut_after is None else answer.cut_after
    if does == "no-length":
        response.enable_chunked_encoding()
    else:
        response.content_length = {
            "length-too-long": 2 * answer.length,
            "length-too-short": half,
        }.get(does, answer.length)
    # A client that leaves while it is being answered is no error of the server.
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        if request.method != "HEAD":
            await _write(response, answer.first(half))
            if does == "stall":
                await _silence(seconds, closing)
            if closing.is_set():
                hang_up(request, reset=False)
            else:
                await _second_half(request, response, answer.rest(half), does)
    return response


async def _second_half(
    request: web.BaseRequest, response: web.StreamResponse, pieces: Iterator[bytes], does: Does
) -> None:
    if does == "length-too-short":
        # aiohttp keeps to the length that it announced, so the surplus goes around it.
        for piece in pieces:
            if request.transport is not None:
                request.transport.write(piece)
    elif does != "truncate":
        await _write(response, pieces)
    if does in _HANG_UP:
        hang_up(request, reset=False)


async def _write(response: web.StreamResponse, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        await response.write(piece)


async def _silence(seconds: float, closing: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await closing.wait()


def answer_of(reply: Reply, service: Service, request_id: str) -> Answer:
    """The answer that a service gives, as it should arrive."""
    headers = CIMultiDict(service.headers(request_id))
    headers["Content-Type"] = _faults.JSON
    headers.update(reply.headers)
    body, _ = _faults.encoded(reply.body, service, request_id)
    return Answer(reply.status, headers, body, 0, len(body))


def fault_answer(
    fault: Fault,
    service: Service | None,
    request_id: str,
    location: str,
    job: SimulatedJob | None = None,
) -> Answer:
    """The answer that a fault gives in place of the true one.

    Args:
        fault: What goes wrong.
        service: The service that answers; None for a media host.
        request_id: By what the service names the request.
        location: Where redirects lead.
        job: The job that the request made, if it made one.
    """
    body = fault.row.body if fault.body is None else fault.body
    raw, kind = _faults.encoded(body, service, request_id)
    headers = CIMultiDict[str]()
    if kind is not None:
        headers["Content-Type"] = kind
    if service is not None:
        headers.update(service.headers(request_id))
    if fault.row.does in _REDIRECTS:
        headers["Location"] = location
    named = "" if job is None else job.id
    for name, value in _faults.headers(fault, time.time()).items():
        headers[name] = value.replace("{job_id}", named)
    return Answer(fault.status or fault.row.status or _OK, headers, raw, 0, len(raw))
