"""The sessions of one client, how long they wait, and by which way they go out."""

from __future__ import annotations

import asyncio
import math
from functools import lru_cache
from typing import Any, Final

import aiohttp
from yarl import URL

from pika_async._errors import ClientStateError, ConfigurationError
from pika_async._version import __version__
from pika_async._wire.proxies import Proxies, has_netrc_entry
from pika_async._wire.transport.names import resolver
from pika_async._wire.transport.reuse import Request

# aiohttp's own bound is 8,190 bytes for a line; some services send more.
HEADER_BOUNDS: Final[dict[str, Any]] = {"max_line_size": 65_536, "max_field_size": 65_536}

# Seconds that a connection may have been idle. For polls: longer than the longest interval between
# them, and shorter than the idle time-out of common servers (60 s). For submits, which are not sent
# again where a connection is closed in the same moment: shorter than that of any (gunicorn's: 2 s).
_KEPT_ALIVE: Final = 35.0
_KEPT_ALIVE_FOR_SUBMITS: Final = 1.8

# Bytes. With aiohttp's own 64 KiB the socket is taken off the loop, and put back, for each piece
# that comes.
_MEDIA_BUFFER: Final = 1024 * 1024

# SYN is repeated after 1, 3 and 7 s: ten seconds give four tries.
CONNECT_TIMEOUT: Final = 10.0

# Addresses, of less than a kilobyte each.
_REMEMBERED: Final = 1024

HEADERS: Final = {
    "User-Agent": f"pika-async/{__version__} aiohttp/{aiohttp.__version__}",
    # Answers are small and videos compressed already; and lengths mean what they say.
    "Accept-Encoding": "identity",
}


class Sessions:
    """The sessions that are ours, or the one that was lent and is never closed.

    Attributes:
        owned: Whether they are ours.
        way_to: The address of a request to the service, as it came and taken apart, and what the
            request says beside it: which proxy, and what a lent session may do otherwise by itself.
            ConfigurationError where the proxy cannot be used, or a lent session would replace the
            key.
    """

    def __init__(self, lent: aiohttp.ClientSession | None, *, trust_env: bool) -> None:
        """``trust_env``: take proxies from the environment."""
        self.owned = lent is None
        # What ours do by themselves is not said again with each request.
        self._options: dict[str, Any] = (
            {} if lent is None else {"raise_for_status": False, **HEADER_BOUNDS}
        )
        self._for_polls = self._for_submits = lent
        self._for_media: aiohttp.ClientSession | None = None
        # A lent session that trusts the environment looks for proxies by itself, and for ~/.netrc.
        self._reads_netrc = lent is not None and lent.trust_env
        self._proxies = Proxies(trust_env=trust_env and not self._reads_netrc)
        # Media go over a session of ours, which looks for none by itself.
        self._media_proxies = Proxies(trust_env=lent.trust_env if lent else trust_env)
        self._without_netrc_entry: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Jobs are asked for again and again. yarl remembers a hundred addresses by itself.
        self.way_to = lru_cache(_REMEMBERED)(self._way_to)

    async def open(self) -> None:
        """Make them, unless one was lent.

        Raises:
            ClientStateError: No event loop of asyncio runs here.
        """
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ClientStateError(
                "no event loop of asyncio runs here: the client works within asyncio.run, or "
                "anyio.run with its asyncio backend, and not with trio"
            ) from None
        if self.owned:
            self._for_polls = _own_session(_KEPT_ALIVE)
            self._for_submits = _own_session(_KEPT_ALIVE_FOR_SUBMITS)

    async def close(self) -> None:
        """Close those that are ours."""
        if self._for_media is not None:
            await self._for_media.close()
        if self.owned and self._for_polls is not None and self._for_submits is not None:
            await self._for_polls.close()
            await self._for_submits.close()

    def for_polls(self) -> aiohttp.ClientSession:
        """The session for all that costs nothing.

        Raises:
            ClientStateError: It is not open, or belongs to another event loop.
        """
        return self._usable(self._for_polls)

    def for_submits(self) -> aiohttp.ClientSession:
        """The session for submits: over young connections alone. Raises as for polls."""
        return self._usable(self._for_submits)

    def for_media(self) -> aiohttp.ClientSession:
        """A session that has no key to give away, nor a password from ~/.netrc. As for polls."""
        session = self._usable(self._for_polls)
        if self._for_media is None:
            self._for_media = aiohttp.ClientSession(
                connector=session.connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                request_class=Request,
                read_bufsize=_MEDIA_BUFFER,
                # Stores of files say of videos that they are packed, which are not.
                auto_decompress=False,
            )
        return self._for_media

    def _usable(self, session: aiohttp.ClientSession | None) -> aiohttp.ClientSession:
        if session is None or session.closed:
            raise ClientStateError("the client is not open, or its session has been closed.")
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise ClientStateError(
                "the client was opened in another event loop, and works in that one alone: open a "
                "client in each asyncio.run, and come back to jobs by their ids"
            )
        return session

    def _way_to(self, address: str) -> tuple[URL, dict[str, Any]]:
        url = URL(address, encoded=True)
        host = url.raw_host or ""
        if self._reads_netrc and host not in self._without_netrc_entry:
            _check_netrc(host)
            self._without_netrc_entry.add(host)
        return url, self._options | self._proxies.options(url.scheme, host, url.port)

    def media_way_to(self, link: URL) -> dict[str, Any]:
        """The same for a media host, to which no key travels."""
        return self._media_proxies.options(link.scheme, link.raw_host or "", link.port)


def _check_netrc(host: str) -> None:
    if has_netrc_entry(host):
        raise ConfigurationError(
            "the lent session trusts the environment, and ~/.netrc holds a password for "
            f"{host}, which would take the place of the API key: lend a session with "
            "trust_env=False, or none"
        )


def _own_session(kept_alive: float) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        request_class=Request,
        # Without limits: the pool must never be what a job waits for.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=kept_alive, resolver=resolver()),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=HEADERS,
        # It would lose an answer that says that it is packed, and is not.
        auto_decompress=False,
        **HEADER_BOUNDS,
    )


def connect_bound(total: float) -> float:
    """How many seconds connecting may take of so many in total."""
    return min(CONNECT_TIMEOUT, total / 2)


def unbound(connecting: float | None = None) -> aiohttp.ClientTimeout:
    """No bound of aiohttp's own but for connecting: ours know whether the loop was held up.

    Args:
        connecting: Seconds, without waiting for the pool; None: no bound.
    """
    # It is rounded up to whole seconds otherwise, and nobody knows whether it was late.
    return aiohttp.ClientTimeout(total=None, sock_connect=connecting, ceil_threshold=math.inf)
