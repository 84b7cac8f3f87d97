"""Requests and their whole answers.

An error leaves this package as a :class:`TransportError` that says whether the request may have
arrived.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp.hdrs import CONTENT_ENCODING

from pika_async._bound import Bounds
from pika_async._errors import TransportError
from pika_async._http import HTTPResponse
from pika_async._meaning import Started
from pika_async._memory import FOR_ANSWERS, keep_freed
from pika_async._quick import quick
from pika_async._wire.departure import PIECE, Departure, Step
from pika_async._wire.transport.body import Body
from pika_async._wire.transport.limit import ConnectionLimit
from pika_async._wire.transport.media import MediaResponse, streamed
from pika_async._wire.transport.packing import unpacked
from pika_async._wire.transport.problems import (
    PROBLEMS,
    HungUpError,
    no_thread,
    started_by,
    translated,
    usable,
    without_headers,
)
from pika_async._wire.transport.reuse import StaleConnectionError
from pika_async._wire.transport.sessions import (
    HEADERS,
    Sessions,
    connect_bound,
    unbound,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    from pika_async._bound import Bound
    from pika_async._http import HTTPRequest

# A feed answer is about a kilobyte, but some gateways echo the request with its media.
MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024

# From aiohttp 3.12 on, sessions have middlewares; one that retries would pay twice.
_KNOWS_MIDDLEWARES: Final = (
    "middlewares" in inspect.signature(aiohttp.ClientSession._request).parameters  # noqa: SLF001
)
_WITHOUT_MIDDLEWARES: Final[dict[str, Any]] = {"middlewares": ()} if _KNOWS_MIDDLEWARES else {}

_PROXY_WANTS_CREDENTIALS: Final = 407

# Seconds. Connecting that was given up later than that was given up by a loop that was held up.
_LATE: Final = 0.05

# Seconds. Whoever has no deadline waits in line no longer than that.
_LONGEST: Final = 86_400.0

_response: Final = quick(HTTPResponse)


class Transport:
    """Sends requests over an owned session, or over a borrowed one that it never closes."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None,
        request_timeout: float,
        trust_env: bool = True,
        most_polls: int | None = None,
    ) -> None:
        """How requests are sent.

        Args:
            session: One that was lent; None: sessions of its own.
            request_timeout: Seconds for each request.
            trust_env: Take proxies from the environment.
            most_polls: So many at once, over as many connections; None: no bound.
        """
        self._sessions = Sessions(session, trust_env=trust_env)
        self._request_timeout = request_timeout
        self._bounds = Bounds(request_timeout)
        self._connecting = connect_bound(request_timeout)
        self._connect_bounds = Bounds(self._connecting)
        self._polls = unbound(self._connecting)
        self._submits = unbound()
        # Of the polls alone: submits are few at once, since the brake lets them go one by one.
        self._limit = ConnectionLimit(most_polls)

    async def open(self) -> None:
        """Make the sessions, unless one was lent."""
        keep_freed(FOR_ANSWERS)
        await self._sessions.open()

    async def close(self) -> None:
        """Close the sessions that are ours, and leave no timer behind."""
        await self._sessions.close()
        self._bounds.close()
        self._connect_bounds.close()

    async def send(self, request: HTTPRequest, *, timeout: float | None = None) -> HTTPResponse:
        """One request that costs nothing, and its whole answer; redirects are not followed.

        Args:
            request: What to send.
            timeout: Seconds for all of it, the wait for a connection too. From connect to last byte
                it has the ``request_timeout`` at most.

        Raises:
            TransportError: Not reached, broken off, or larger than an API answer can be.
            ClientStateError: The session is closed.
        """
        body = request.body
        try:
            if body is not None and len(body) > PIECE:
                session = self._sessions.for_polls()
                return await self._leave(session, request, body, Departure())
            with self._bounds.of(None if timeout is None else max(timeout, 0.001)) as bound:
                if not self._limit.take():
                    await self._turn(bound, timeout)
                let_go = time.monotonic()
                try:
                    while True:
                        # Asked for now: whoever waited in line may find that it has been closed.
                        session = self._sessions.for_polls()
                        began = time.monotonic()
                        try:
                            return await self._answer(session, request, body, self._polls)
                        except aiohttp.ConnectionTimeoutError:
                            if not self._was_held_up(began):
                                raise
                        except StaleConnectionError:
                            # aiohttp takes another one by itself, but no third one.
                            continue
                finally:
                    self._limit.give_back(time.monotonic() - let_go)
        except PROBLEMS as error:
            problem = usable(error)
        # Raised out here, so that the original and its headers do not stay behind as context.
        raise translated(problem, started_by(problem)) from without_headers(problem)

    async def _turn(self, bound: Bound, timeout: float | None) -> None:
        """Wait in line for a connection, for ``timeout`` at most, and bound the request anew."""
        # No part of the ``request_timeout``: that others wait says nothing of the service.
        now = asyncio.get_running_loop().time
        end = now() + (_LONGEST if timeout is None else timeout)
        bound.move(end)
        await self._limit.wait()
        bound.move(min(end, now() + self._request_timeout))

    async def post(self, request: HTTPRequest, departure: Departure) -> HTTPResponse:
        """The one request that costs money, and its whole answer; redirects are not followed.

        Up to one piece it is bounded as a whole by the ``request_timeout``, from connect to last
        byte. A longer body is bounded by silence while it leaves: a slow line is no broken one.

        Args:
            request: What to send.
            departure: Knows at each moment how far the body has come.

        Raises:
            TransportError: Not reached, broken off, or larger than an API answer can be. Its
                ``started`` is NO unless the whole body had left.
            ClientStateError: The session is closed.
            asyncio.CancelledError: Also if it was withdrawn.
        """
        body = request.body or b""
        session = self._sessions.for_submits()
        try:
            response = await self._leave(session, request, body, departure, **_WITHOUT_MIDDLEWARES)
        except PROBLEMS as error:
            problem = None if departure.is_withdrawn else usable(error)
        except Exception:
            if not departure.is_withdrawn:
                raise
            problem = None
        else:
            departure.take(Step.ANSWER)
            return response
        if problem is None:
            raise asyncio.CancelledError("withdrawn before it began to leave")
        # A body that had begun to leave and had not left whole was never a request.
        partly = departure.has_begun and not departure.may_have_started
        started = Started.NO if partly else started_by(problem)
        raise translated(problem, started) from without_headers(problem)

    async def _leave(
        self,
        session: aiohttp.ClientSession,
        request: HTTPRequest,
        body: bytes,
        departure: Departure,
        **options: Any,
    ) -> HTTPResponse:
        """Send what has a departure, which tells when it is connected, and how far it has come."""
        now = asyncio.get_running_loop().time
        begun = now()
        is_long = len(body) > PIECE

        def moved() -> None:
            if not is_long:
                bound.move(begun + self._request_timeout)
                return
            # The last pieces wait in the system's buffers when all is handed over: a line that took
            # long for what has left takes as long again for those.
            rest = now() - begun if departure.may_have_started else 0.0
            bound.move(now() + self._request_timeout + rest)

        bound = self._connect_bounds.of()
        departure.moved = moved
        try:
            with bound:
                while True:
                    leaving = Body(departure, body)
                    try:
                        return await self._answer(
                            session, request, leaving, self._submits, **options
                        )
                    except StaleConnectionError:
                        # It is closed, and nothing has left; in the end there is a new one.
                        continue
                    except aiohttp.ClientError as error:
                        if not leaving.hung_up:
                            raise
                        raise HungUpError("it closed the connection") from error
        except TimeoutError as error:
            # Only of our own time-out is it known that it was one of connecting.
            if bound.expired and not departure.has_begun:
                raise aiohttp.ConnectionTimeoutError(
                    f"not connected within {self._connecting:g} s"
                ) from error
            raise
        finally:
            # It holds this frame, and so the answer.
            departure.moved = None

    def _was_held_up(self, began: float) -> bool:
        """Whether connecting was given up late, by a loop that had not looked meanwhile."""
        return time.monotonic() - began > self._connecting + _LATE

    async def _answer(
        self,
        session: aiohttp.ClientSession,
        request: HTTPRequest,
        body: bytes | Body | None,
        bound: aiohttp.ClientTimeout,
        **options: Any,
    ) -> HTTPResponse:
        url, ours = self._sessions.way_to(request.url)
        headers = request.headers
        try:
            # Awaited rather than entered: one coroutine less to wake through.
            response = await session.request(
                request.method,
                url,
                data=body,
                headers=headers if self._sessions.owned else {**HEADERS, **headers},
                allow_redirects=False,
                timeout=bound,
                **ours,
                **options,
            )
        except AttributeError:
            # What older versions raise where their session is closed before they have connected.
            if not session.closed:
                raise
            raise aiohttp.ClientConnectionError("the session was closed") from None
        except RuntimeError as error:
            raise no_thread(error) from None
        return _response(
            status=response.status,
            headers=response.headers,
            body=(
                response.content.read_nowait()
                if _is_here(response, session)
                # It gives the connection back at its end, and closes it where it breaks off.
                else await (response.read() if _is_usual(response) else _read_bounded(response))
            ),
            received_at=time.time(),
        )

    def stream(
        self, url: str, headers: Mapping[str, str], *, silence: float
    ) -> AbstractAsyncContextManager[MediaResponse]:
        """Ask a media host for a file; see :func:`streamed`."""
        return streamed(self._sessions, url, headers, silence)


def _is_here(response: aiohttp.ClientResponse, session: aiohttp.ClientSession) -> bool:
    """Whether the whole body came with the head, as that of almost every poll does.

    Then it is no larger than what is buffered, and the connection has been given back.
    """
    return (
        response.content.is_eof()
        # One that is to speak another protocol from now on is kept, and has to be closed.
        and response.connection is None
        and CONTENT_ENCODING not in response.headers
        and response.status != _PROXY_WANTS_CREDENTIALS
        # Those who trace a session are told of each body that is read.
        and not session.trace_configs
    )


def _is_usual(response: aiohttp.ClientResponse) -> bool:
    """Whether it is known to be no larger than an answer may be."""
    declared = response.content_length
    return (
        declared is not None
        and declared <= MAX_ANSWER_BYTES
        and CONTENT_ENCODING not in response.headers
        and response.status != _PROXY_WANTS_CREDENTIALS
    )


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    async with response:
        if response.status == _PROXY_WANTS_CREDENTIALS:
            raise TransportError(
                "the proxy wants a user and password (HTTP 407)", started=Started.NO
            )
        pieces = bytearray()
        if response.content_length is None or CONTENT_ENCODING in response.headers:
            async for piece in response.content.iter_any():
                pieces += piece
                if len(pieces) > MAX_ANSWER_BYTES:
                    break
            else:
                encoding = response.headers.get(CONTENT_ENCODING, "")
                whole = unpacked(bytes(pieces), encoding, MAX_ANSWER_BYTES)
                if whole is not None:
                    return whole
        response.close()
    raise TransportError(
        f"the answer (HTTP {response.status}) is larger than {MAX_ANSWER_BYTES} bytes, "
        "which no answer of the API is"
    )
