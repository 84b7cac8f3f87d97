"""The wire: the only module of the client that knows aiohttp.

An error leaves this module as a :class:`TransportError` that says whether the request may have
arrived; nothing that aiohttp raises gets through with request headers, and so the key, in it.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from attrs import frozen
from yarl import URL

from pika_async._errors import (
    ClientStateError,
    ConfigurationError,
    TransportError,
    TransportTimeoutError,
)
from pika_async._http import HTTPResponse
from pika_async._meaning import Started
from pika_async._version import __version__
from pika_async._wire.departure import PIECE, Departure, Step
from pika_async._wire.links import followed, proxy_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async._http import HTTPRequest

# A feed answer is about a kilobyte; what is a thousand times larger is not one.
MAX_ANSWER_BYTES: Final = 1024 * 1024

# SYN is repeated after 1, 3 and 7 s: ten seconds give four tries.
CONNECT_TIMEOUT: Final = 10.0

# From aiohttp 3.12 on, sessions have middlewares; one that retries would pay twice.
_KNOWS_MIDDLEWARES: Final = (
    "middlewares" in inspect.signature(aiohttp.ClientSession._request).parameters  # noqa: SLF001
)
_WITHOUT_MIDDLEWARES: Final[dict[str, Any]] = {"middlewares": ()} if _KNOWS_MIDDLEWARES else {}

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_HEADERS: Final = {
    "User-Agent": f"pika-async/{__version__} aiohttp/{aiohttp.__version__}",
    # Answers are small and videos compressed already; and lengths mean what they say.
    "Accept-Encoding": "identity",
}

# Raised by aiohttp before a connection was had, so before a byte of the request left. TLS and DNS
# failures are subclasses of the first.
_UNREACHED: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)


_NO_LENGTH: Final[dict[str, str]] = {}

# In bytes. By default a header of 8190 is the longest; policies and cookies are longer at times.
_LONG_HEADERS: Final[dict[str, Any]] = {"max_line_size": 65_536, "max_field_size": 65_536}


def _length(body: bytes) -> dict[str, str]:
    # Without it a body that comes piece by piece would be sent in chunks.
    return {"Content-Length": str(len(body))}


# What aiohttp raises where a request or its answer breaks; ValueError: where it cannot be made.
_PROBLEMS: Final = (aiohttp.ClientError, OSError, ValueError)


@frozen(kw_only=True)
class MediaResponse:
    """A media host's answer, its body still on the way."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    received_at: float = 0.0
    """Seconds since the epoch; what a Retry-After date counts from where the answer has no Date."""


class Transport:
    """Sends requests over an owned session, or over a borrowed one that it never closes."""

    def __init__(self, *, session: aiohttp.ClientSession | None, request_timeout: float) -> None:
        self._session = session
        self._owned = session is None
        self._media_session: aiohttp.ClientSession | None = None
        self._request_timeout = request_timeout
        self._submit_bound = _submit_bound(request_timeout)
        self._poll_bound = _poll_bound(request_timeout)
        # Only while a long body leaves; see `_long_post`.
        self._unbound = aiohttp.ClientTimeout(total=None, connect=_connect_bound(request_timeout))

    async def open(self) -> None:
        """Make the session, unless one was lent."""
        if self._owned:
            self._session = aiohttp.ClientSession(
                # Without limits: the pool must never be what a job waits for. The keep-alive of
                # 35 s outlasts the longest interval between polls and stays below the idle
                # time-out of common servers (60 s), so that a submit rarely meets a connection
                # that is being closed.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=35.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS,
                **_LONG_HEADERS,
            )

    async def close(self) -> None:
        """Close the session if it is ours."""
        if self._media_session is not None:
            await self._media_session.close()
        if self._owned and self._session is not None:
            await self._session.close()

    async def send(self, request: HTTPRequest, *, timeout: float | None = None) -> HTTPResponse:
        """One request that costs nothing, and its whole answer; redirects are not followed.

        Args:
            request: What to send.
            timeout: Seconds from connect to last byte, if less than the ``request_timeout``.

        Raises:
            TransportError: Not reached, broken off, or larger than an API answer can be.
            ClientStateError: The session is closed.
        """
        if timeout is None or timeout >= self._request_timeout:
            bound = self._poll_bound
        else:
            bound = _poll_bound(max(timeout, 0.001))
        try:
            return await self._answer(request, request.body, bound, _NO_LENGTH)
        except _PROBLEMS as error:
            problem = _usable(error)
        # Raised out here, so that the original and its headers do not stay behind as context.
        raise _translated(problem, _started(problem)) from _without_headers(problem)

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
        pieces = departure.pieces(body)
        try:
            if len(body) <= PIECE:
                response = await self._answer(
                    request, pieces, self._submit_bound, _length(body), **_WITHOUT_MIDDLEWARES
                )
            else:
                response = await self._long_post(request, pieces, _length(body), departure)
        except _PROBLEMS as error:
            problem = None if departure.is_withdrawn else _usable(error)
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
        started = Started.NO if partly else _started(problem)
        raise _translated(problem, started) from _without_headers(problem)

    async def _long_post(
        self,
        request: HTTPRequest,
        pieces: AsyncIterator[bytes],
        length: dict[str, str],
        departure: Departure,
    ) -> HTTPResponse:
        now = asyncio.get_running_loop().time
        begun = now()

        def moved() -> None:
            # The last pieces wait in the system's buffers when all is handed over: a line that took
            # long for what has left takes as long again for those.
            rest = now() - begun if departure.may_have_started else 0.0
            silence.reschedule(now() + self._request_timeout + rest)

        async with asyncio.timeout(self._request_timeout) as silence:
            departure.moved = moved
            return await self._answer(
                request, pieces, self._unbound, length, **_WITHOUT_MIDDLEWARES
            )

    async def _answer(
        self,
        request: HTTPRequest,
        body: bytes | AsyncIterator[bytes] | None,
        bound: aiohttp.ClientTimeout,
        length: dict[str, str],
        **options: Any,
    ) -> HTTPResponse:
        session = self._usable()
        headers = {**request.headers, **length} if length else request.headers
        # Awaited rather than entered: one coroutine less to wake through.
        response = await session.request(
            request.method,
            URL(request.url, encoded=True),
            data=body,
            headers=headers if self._owned else {**_HEADERS, **headers},
            allow_redirects=False,
            raise_for_status=False,
            timeout=bound,
            **options,
        )
        async with response:
            return HTTPResponse(
                status=response.status,
                headers=response.headers,
                body=await _read_bounded(response),
                received_at=time.time(),
            )

    @asynccontextmanager
    async def stream(
        self, url: str, headers: Mapping[str, str], *, silence: float
    ) -> AsyncIterator[MediaResponse]:
        """Ask a media host for a file; never with the key.

        Args:
            url: http(s) only, also after redirects, of which five are followed; it goes out byte
                for byte, and so do they.
            headers: Beside our own.
            silence: Seconds without a byte after which it counts as broken off.

        Raises:
            TransportError: Not reached, broken off, or redirected in circles or to no http(s) link.
        """
        bound = aiohttp.ClientTimeout(
            total=None, connect=min(CONNECT_TIMEOUT, silence), sock_read=silence
        )
        session = self._session_for_media()
        trust_env = self._usable().trust_env

        async def ask(link: URL) -> tuple[aiohttp.ClientResponse, str | None]:
            with _translating():
                response = await session.get(
                    link,
                    headers={**_HEADERS, **headers},
                    # Followed by us: aiohttp spells them in its own way.
                    allow_redirects=False,
                    raise_for_status=False,
                    timeout=bound,
                    proxy=proxy_of(link) if trust_env else None,
                )
            leads_on = response.headers.get("Location") if response.status in _REDIRECTS else None
            if leads_on is not None:
                response.release()
            return response, leads_on

        async with await followed(url, ask) as response:
            yield MediaResponse(
                status=response.status,
                headers=response.headers,
                chunks=_chunks(response),
                received_at=time.time(),
            )

    def _session_for_media(self) -> aiohttp.ClientSession:
        """A session that has no key to give away, nor a password from ~/.netrc."""
        session = self._usable()
        if self._media_session is None:
            self._media_session = aiohttp.ClientSession(
                connector=session.connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                **_LONG_HEADERS,
            )
        return self._media_session

    def _usable(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            raise ClientStateError("the client is not open, or its session has been closed.")
        return self._session


def _submit_bound(total: float) -> aiohttp.ClientTimeout:
    # The connect bound, which covers name, pool and TLS, must fire first: only then is it certain
    # that nothing had been sent.
    return aiohttp.ClientTimeout(total=total, connect=_connect_bound(total))


def _connect_bound(total: float) -> float:
    return min(CONNECT_TIMEOUT, total / 2)


def _poll_bound(total: float) -> aiohttp.ClientTimeout:
    # A poll may always be sent again, so it is spared the timer that `connect` starts each time.
    return aiohttp.ClientTimeout(total=total, sock_connect=_connect_bound(total))


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    declared = response.content_length
    packed = "Content-Encoding" in response.headers
    if declared is not None and declared <= MAX_ANSWER_BYTES and not packed:
        return await response.read()
    pieces = bytearray()
    if declared is None or packed:
        async for piece in response.content.iter_any():
            pieces += piece
            if len(pieces) > MAX_ANSWER_BYTES:
                break
        else:
            return bytes(pieces)
    response.close()
    raise TransportError(
        f"the answer (HTTP {response.status}) is larger than {MAX_ANSWER_BYTES} bytes, "
        "which no answer of the API is"
    )


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    with _translating():
        async for piece in response.content.iter_any():
            yield piece


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        raise _translated(error, _started(error)) from _without_headers(error)


def _usable(error: BaseException) -> BaseException:
    if isinstance(error, ValueError):
        # A lent session may have an Authorization of its own, which aiohttp will not mix.
        raise ConfigurationError(f"the lent session cannot be used: {error}") from None
    return error


def _started(error: BaseException) -> Started:
    """Whether a request without a departure may have arrived."""
    return Started.NO if isinstance(error, _UNREACHED) else Started.MAYBE


def _translated(error: BaseException, started: Started) -> TransportError:
    what = f"{type(error).__name__}: {_words(error)}"
    late = isinstance(error, TimeoutError)
    if isinstance(error, _UNREACHED):
        problem = "no connection in time" if late else "the service could not be reached"
    elif started is Started.NO:
        problem = "the connection broke off before the whole request had left"
    else:
        problem = "no whole answer in time" if late else "the connection broke off"
    cls = TransportTimeoutError if late else TransportError
    return cls(f"{problem} ({what})", started=started)


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{error.status} {error.message}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port}: {error.os_error}"
    return str(error) or "no further words"


def _without_headers(error: BaseException) -> BaseException:
    # aiohttp keeps the request's headers on this one and shows them in its repr.
    if isinstance(error, aiohttp.ClientResponseError):
        return ConnectionError(f"{type(error).__name__}: {_words(error)}")
    # Its frames hold them too, for whoever prints tracebacks with locals.
    below: BaseException | None = error
    while below is not None:
        below.__traceback__ = None
        below = below.__cause__ or below.__context__
    return error
