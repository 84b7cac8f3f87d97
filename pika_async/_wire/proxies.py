"""Proxies from the environment, and what else of it must not get in between: ``~/.netrc``.

aiohttp reads both with ``trust_env``. Its reading of ``~/.netrc`` would replace the API key, or
bring a password to a media host. So proxies are looked up here, as ``urllib`` does it
(HTTP_PROXY, HTTPS_PROXY, NO_PROXY, and the system's own settings), and given to each request.
"""

from __future__ import annotations

import netrc
import os
import urllib.request
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen

from pika_async._errors import ConfigurationError
from pika_async._wire.endpoint import is_loopback

# A client talks to a handful of hosts; media hosts may have many names.
_REMEMBERED: Final = 1000


@frozen
class Proxy:
    """A proxy, and as whom to ask it.

    Attributes:
        url: With user and password, where it has them.
        host: Its host.
    """

    url: str = field(repr=False)
    host: str


class Proxies:
    """Which requests of a client go through which proxy."""

    def __init__(self, *, trust_env: bool) -> None:
        self._trust_env = trust_env
        self._known: dict[tuple[str, str], dict[str, Any]] = {}

    def options(self, scheme: str, host: str) -> dict[str, Any]:
        """What a request to ``host`` is given to find its way; looked up once. Raises as ``of``."""
        key = scheme, host
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            proxy = self.of(scheme, host)
            known = self._known[key] = {} if proxy is None else {"proxy": proxy.url}
        return known

    def of(self, scheme: str, host: str) -> Proxy | None:
        """The proxy for requests to ``host``, or None.

        Raises:
            ConfigurationError: The environment names a proxy that cannot be used; nothing was
                sent.
        """
        return _looked_up(scheme, host) if self._trust_env else None


def _looked_up(scheme: str, host: str) -> Proxy | None:
    given = urllib.request.getproxies().get(scheme)
    if not given or urllib.request.proxy_bypass(host):
        return None
    proxy = _proxy(scheme, given)
    if (
        scheme == "http"
        and is_loopback(host)
        and not is_loopback(urlsplit(proxy.url).hostname or "")
    ):
        # To this machine the key may travel over plain http; not by way of another.
        return None
    return proxy


def _proxy(scheme: str, given: str) -> Proxy:
    named = f"the environment's {scheme.upper()}_PROXY"
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        _ = parts.port
    except ValueError:
        raise ConfigurationError(f"{named} cannot be read as a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"{named} names a proxy of the kind {parts.scheme!r}, which is not supported; allowed "
            "is http://host:port. Put the service's host into NO_PROXY, or pass trust_env=False, "
            "to go without it"
        )
    return Proxy(f"{parts.scheme}://{parts.netloc}", parts.hostname)


def has_netrc_entry(host: str) -> bool:
    """Whether ``~/.netrc``, or the file that NETRC names, holds a password for ``host``."""
    named = os.environ.get("NETRC")
    try:
        path = Path(named) if named else Path.home() / ("_netrc" if os.name == "nt" else ".netrc")
        return netrc.netrc(path).authenticators(host) is not None
    except (OSError, RuntimeError, netrc.NetrcParseError, UnicodeDecodeError):
        return False
