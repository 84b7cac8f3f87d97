"""The wire: the only module of the client that knows aiohttp.

An error leaves this module as a :class:`TransportError` that says whether the request may have
arrived; nothing that aiohttp raises gets through with request headers, and so the key, in it.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from attrs import define, frozen
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp.abc import AbstractStreamWriter

    from pika_async._http import HTTPRequest

# A feed answer is about a kilobyte; what is a thousand times larger is not one.
MAX_ANSWER_BYTES: Final = 1024 * 1024

# SYN is repeated after 1, 3 and 7 s: ten seconds give four tries.
CONNECT_TIMEOUT: Final = 10.0

# What a browser follows is 20; media hosts need one or two.
MAX_MEDIA_REDIRECTS: Final = 5

_UPLOAD_PIECE: Final = 64 * 1024

# From aiohttp 3.12 on, sessions have middlewares; one that retries would pay twice.
_KNOWS_MIDDLEWARES: Final = (
    "middlewares" in inspect.signature(aiohttp.ClientSession._request).parameters  # noqa: SLF001
)
_WITHOUT_MIDDLEWARES: Final[dict[str, Any]] = {"middlewares": ()} if _KNOWS_MIDDLEWARES else {}

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


@define
class Departure:
    """Whether a request has begun to leave; until then, cancelling it costs nothing."""

    begun: bool = False
    called_off: bool = False
    """Set by whoever cancels, so that it cannot begin to leave after all."""
    wanted: Callable[[], bool] = lambda: True
    """Asked at the last moment: whether it may begin to leave."""
    withheld: bool = False
    """It was about to leave, and did not: it was called off or not wanted."""


class _Body(aiohttp.Payload):
    """A request body that notes when it begins to leave, and leaves in pieces."""

    def __init__(self, value: bytes, departure: Departure) -> None:
        # The dialect has set the real type; aiohttp sets one only where there is none.
        super().__init__(value, content_type="application/octet-stream")
        self._size = len(value)
        self._departure = departure

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        text: bytes = self._value
        return text.decode(encoding, errors)

    async def write_with_length(
        self,
        writer: AbstractStreamWriter,
        content_length: int | None,
    ) -> None:
        # aiohttp writes in a task of its own, which may come to run after the cancellation.
        if self._departure.called_off or not self._departure.wanted():
            self._departure.withheld = True
            raise asyncio.CancelledError
        self._departure.begun = True
        if len(self._value) <= _UPLOAD_PIECE:
            await writer.write(self._value)
            return
        view = memoryview(self._value)
        for start in range(0, len(view), _UPLOAD_PIECE):
            await writer.write(view[start : start + _UPLOAD_PIECE])

    async def write(self, writer: AbstractStreamWriter) -> None:
        # What versions of aiohttp before 3.12 call.
        await self.write_with_length(writer, None)


@frozen(kw_only=True)
class MediaResponse:
    """A media host's answer, its body still on the way."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Transport:
    """Sends requests over an owned session, or over a borrowed one that it never closes."""

    def __init__(self, *, session: aiohttp.ClientSession | None, request_timeout: float) -> None:
        self._session = session
        self._owned = session is None
        self._media_session: aiohttp.ClientSession | None = None
        self._request_timeout = request_timeout
        self._submit_bound = _submit_bound(request_timeout)
        self._poll_bound = _poll_bound(request_timeout)

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
            )

    async def close(self) -> None:
        """Close the session if it is ours."""
        if self._media_session is not None:
            await self._media_session.close()
        if self._owned and self._session is not None:
            await self._session.close()

    async def send(
        self,
        request: HTTPRequest,
        *,
        timeout: float | None = None,
        departure: Departure | None = None,
    ) -> HTTPResponse:
        """One API request and its whole answer; redirects are not followed.

        Args:
            request: What to send.
            timeout: Seconds from connect to last byte, if less than the ``request_timeout``;
                for requests without a body, since a submit always gets its full time.
            departure: Told when the request begins to leave.

        Raises:
            TransportError: Not reached, broken off, or larger than an API answer can be.
            ClientStateError: The session is closed.
            asyncio.CancelledError: Also if it was withheld at the last moment.
        """
        session = self._usable()
        body = request.body
        lent: dict[str, Any] = {}
        if body is not None:
            bound = self._submit_bound
            lent = _WITHOUT_MIDDLEWARES
        elif timeout is None or timeout >= self._request_timeout:
            bound = self._poll_bound
        else:
            bound = _poll_bound(max(timeout, 0.001))
        try:
            # Awaited rather than entered: one coroutine less to wake through.
            response = await session.request(
                request.method,
                URL(request.url, encoded=True),
                data=None if body is None else _Body(body, departure or Departure()),
                headers=request.headers if self._owned else {**_HEADERS, **request.headers},
                allow_redirects=False,
                raise_for_status=False,
                timeout=bound,
                **lent,
            )
            async with response:
                return HTTPResponse(
                    status=response.status,
                    headers=response.headers,
                    body=await _read_bounded(response),
                    received_at=time.time(),
                )
        except Exception as error:
            if departure is not None and departure.withheld:
                # aiohttp calls it a broken connection, or raises a bare AttributeError.
                problem = None
            elif isinstance(error, (aiohttp.ClientError, OSError)):
                problem = error
            elif isinstance(error, ValueError):
                # A lent session may have an Authorization of its own, which aiohttp will not mix.
                raise ConfigurationError(f"the lent session cannot be used: {error}") from None
            else:
                raise
        if problem is None:
            raise asyncio.CancelledError("withheld before it began to leave")
        # Raised out here, so that the original and its headers do not stay behind as context.
        raise _translated(problem) from _without_headers(problem)

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        silence: float,
    ) -> AsyncIterator[MediaResponse]:
        """Ask a media host for a file; never with the key.

        Args:
            url: http(s) only, also after redirects, of which five are followed.
            headers: Beside our own.
            silence: Seconds without a byte after which it counts as broken off.

        Raises:
            TransportError: Not reached, broken off, or redirected in circles.
        """
        session = self._session_for_media()
        bound = aiohttp.ClientTimeout(
            total=None, connect=min(CONNECT_TIMEOUT, silence), sock_read=silence
        )
        with _translating():
            response = await session.get(
                # As it came: some signatures cover the very spelling.
                URL(url, encoded=url.isascii() and url.isprintable() and " " not in url),
                headers={**_HEADERS, **headers},
                max_redirects=MAX_MEDIA_REDIRECTS,
                raise_for_status=False,
                timeout=bound,
            )
        async with response:
            yield MediaResponse(
                status=response.status, headers=response.headers, chunks=_chunks(response)
            )

    def _session_for_media(self) -> aiohttp.ClientSession:
        """A session that has no key to give away; over the connections of a lent one."""
        session = self._usable()
        if self._owned:
            return session
        if self._media_session is None:
            self._media_session = aiohttp.ClientSession(
                connector=session.connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=session.trust_env,
            )
        return self._media_session

    def _usable(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            raise ClientStateError("the client is not open, or its session has been closed.")
        return self._session


def _submit_bound(total: float) -> aiohttp.ClientTimeout:
    # The connect bound, which covers name, pool and TLS, must fire first: only then is it certain
    # that nothing had been sent.
    return aiohttp.ClientTimeout(total=total, connect=min(CONNECT_TIMEOUT, total / 2))


def _poll_bound(total: float) -> aiohttp.ClientTimeout:
    # A poll may always be sent again, so it is spared the timer that `connect` starts each time.
    return aiohttp.ClientTimeout(total=total, sock_connect=min(CONNECT_TIMEOUT, total / 2))


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
        raise _translated(error) from _without_headers(error)


def _translated(error: BaseException) -> TransportError:
    reached = not isinstance(error, _UNREACHED)
    started = Started.MAYBE if reached else Started.NO
    what = f"{type(error).__name__}: {_words(error)}"
    if isinstance(error, TimeoutError):
        return TransportTimeoutError(
            f"no whole answer in time ({what})" if reached else f"no connection in time ({what})",
            started=started,
        )
    return TransportError(
        f"the connection broke off ({what})"
        if reached
        else f"the service could not be reached ({what})",
        started=started,
    )


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
