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
from pika_async._wire.proxies import Proxies, has_netrc_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async._http import HTTPRequest

# A feed answer is about a kilobyte, but some gateways echo the request with its media.
MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024

# aiohttp's own bound is 8,190 bytes for a line; some services send more.
_HEADER_BOUNDS: Final[dict[str, Any]] = {"max_line_size": 65_536, "max_field_size": 65_536}

# Seconds that a connection may have been idle. For polls: longer than the longest interval between
# them, and shorter than the idle time-out of common servers (60 s). For submits, which are not sent
# again where a connection is closed in the same moment: shorter than that of any (5 s are common).
_KEPT_ALIVE: Final = 35.0
_KEPT_ALIVE_FOR_SUBMITS: Final = 2.0

# SYN is repeated after 1, 3 and 7 s: ten seconds give four tries.
CONNECT_TIMEOUT: Final = 10.0

# What a browser follows is 20; media hosts need one or two.
MAX_MEDIA_REDIRECTS: Final = 5

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


_PROXY_WANTS_CREDENTIALS: Final = 407

_NO_LENGTH: Final[dict[str, str]] = {}


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


class Transport:
    """Sends requests over an owned session, or over a borrowed one that it never closes."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None,
        request_timeout: float,
        trust_env: bool = True,
    ) -> None:
        """``trust_env``: take proxies from the environment."""
        self._session = self._submit_session = session
        self._owned = session is None
        # A lent session that trusts the environment looks for proxies by itself.
        self._proxies = Proxies(trust_env=trust_env and not (session and session.trust_env))
        self._checked_hosts: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._media_session: aiohttp.ClientSession | None = None
        self._request_timeout = request_timeout
        self._submit_bound = _submit_bound(request_timeout)
        self._poll_bound = _poll_bound(request_timeout)
        # Only while a long body leaves; see `_long_post`.
        self._unbound = aiohttp.ClientTimeout(total=None, connect=_connect_bound(request_timeout))

    async def open(self) -> None:
        """Make the session, unless one was lent."""
        self._loop = asyncio.get_running_loop()
        if self._owned:
            self._session = _own_session(_KEPT_ALIVE)
            self._submit_session = _own_session(_KEPT_ALIVE_FOR_SUBMITS)

    async def close(self) -> None:
        """Close the sessions that are ours."""
        if self._media_session is not None:
            await self._media_session.close()
        if self._owned and self._session is not None and self._submit_session is not None:
            await self._session.close()
            await self._submit_session.close()

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
        body = request.body
        try:
            if body is not None and len(body) > PIECE:
                return await self._long(self._session, request, body, Departure())
            return await self._answer(self._session, request, body, bound, _NO_LENGTH)
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
        session = self._submit_session
        try:
            if len(body) > PIECE:
                response = await self._long(
                    session, request, body, departure, **_WITHOUT_MIDDLEWARES
                )
            else:
                response = await self._answer(
                    session,
                    request,
                    departure.pieces(body),
                    self._submit_bound,
                    _length(body),
                    **_WITHOUT_MIDDLEWARES,
                )
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

    async def _long(
        self,
        session: aiohttp.ClientSession | None,
        request: HTTPRequest,
        body: bytes,
        departure: Departure,
        **options: Any,
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
                session,
                request,
                departure.pieces(body),
                self._unbound,
                _length(body),
                **options,
            )

    async def _answer(
        self,
        session: aiohttp.ClientSession | None,
        request: HTTPRequest,
        body: bytes | AsyncIterator[bytes] | None,
        bound: aiohttp.ClientTimeout,
        length: dict[str, str],
        **options: Any,
    ) -> HTTPResponse:
        session = self._usable(session)
        url = URL(request.url, encoded=True)
        headers = {**request.headers, **length} if length else request.headers
        # Awaited rather than entered: one coroutine less to wake through.
        response = await session.request(
            request.method,
            url,
            data=body,
            headers=headers if self._owned else {**_HEADERS, **headers},
            allow_redirects=False,
            raise_for_status=False,
            timeout=bound,
            **_HEADER_BOUNDS,
            **self._way_to(url),
            **options,
        )
        async with response:
            if response.status == _PROXY_WANTS_CREDENTIALS:
                raise TransportError(
                    "the proxy wants a user and password (HTTP 407)", started=Started.NO
                )
            return HTTPResponse(
                status=response.status,
                headers=response.headers,
                body=await _read_bounded(response),
                received_at=time.time(),
            )

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
                **_HEADER_BOUNDS,
                **self._way_to(URL(url)),
            )
        async with response:
            yield MediaResponse(
                status=response.status, headers=response.headers, chunks=_chunks(response)
            )

    def _session_for_media(self) -> aiohttp.ClientSession:
        """A session that has no key to give away; over the connections of a lent one."""
        session = self._usable(self._session)
        if self._owned:
            return session
        if self._media_session is None:
            self._media_session = aiohttp.ClientSession(
                connector=session.connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._media_session

    def _usable(self, session: aiohttp.ClientSession | None) -> aiohttp.ClientSession:
        if session is None or session.closed:
            raise ClientStateError("the client is not open, or its session has been closed.")
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise ClientStateError(
                "the client was opened in another event loop, and works in that one alone: open a "
                "client in each asyncio.run, and come back to jobs by their ids"
            )
        return session

    def _way_to(self, url: URL) -> dict[str, Any]:
        """Options that lead through a proxy, where there is one.

        Raises:
            ConfigurationError: The proxy cannot be used, or a lent session would replace the key.
        """
        host = url.raw_host or ""
        if not self._owned and self._session is not None and self._session.trust_env:
            self._check_netrc(host)
        proxy = self._proxies.of(url.scheme, host)
        return {} if proxy is None else {"proxy": proxy.url}

    def _check_netrc(self, host: str) -> None:
        if host in self._checked_hosts:
            return
        if has_netrc_entry(host):
            raise ConfigurationError(
                "the lent session trusts the environment, and ~/.netrc holds a password for "
                f"{host}, which would take the place of the API key: lend a session with "
                "trust_env=False, or none"
            )
        self._checked_hosts.add(host)


def _own_session(kept_alive: float) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # Without limits: the pool must never be what a job waits for.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=kept_alive),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
    )


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
    # What is wrong with a certificate is a ValueError too.
    if not isinstance(error, aiohttp.ClientError | OSError):
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
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered HTTP {error.status} {error.message}".rstrip()
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{error.status} {error.message}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        # Of all that aiohttp raises while it connects, this one alone has no `os_error`.
        return (
            f"{error.host}: its certificate is not trusted here: {error.certificate_error}; "
            "SSL_CERT_FILE names a file with certificates to trust"
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the proxy cannot be reached: {error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port}: {error.os_error}"
    return str(error) or "no further words"


def _without_headers(error: BaseException) -> BaseException:
    # aiohttp keeps the request's headers on the first of these, and a proxy's password on the
    # second, and shows them in their reprs.
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientConnectorError):
        return ConnectionError(f"{type(error).__name__}: {_words(error)}")
    # Its frames hold them too, for whoever prints tracebacks with locals.
    below: BaseException | None = error
    while below is not None:
        below.__traceback__ = None
        below = below.__cause__ or below.__context__
    return error
