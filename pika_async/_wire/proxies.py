"""Proxies from the environment, and what else of it must not get in between: ``~/.netrc``.

aiohttp reads both with ``trust_env``. Its reading of ``~/.netrc`` would replace the API key, or
bring a password to a media host. So proxies are looked up here, as ``urllib`` does it
(HTTP_PROXY, HTTPS_PROXY, NO_PROXY, and the system's own settings), and given to each request.
ALL_PROXY, and what other programs understand in NO_PROXY beside names of hosts, is understood too.
"""

from __future__ import annotations

import ipaddress
import netrc
import os
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen

from pika_async._errors import ConfigurationError
from pika_async._wire.endpoint import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        self._known: dict[tuple[str, str, int | None], dict[str, Any]] = {}

    def options(self, scheme: str, host: str, port: int | None = None) -> dict[str, Any]:
        """What a request to ``host`` is given to find its way; looked up once. Raises as ``of``."""
        key = scheme, host, port
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            proxy = self.of(scheme, host, port)
            known = self._known[key] = {} if proxy is None else {"proxy": proxy.url}
        return known

    def of(self, scheme: str, host: str, port: int | None = None) -> Proxy | None:
        """The proxy for requests to ``host``, or None.

        Args:
            scheme: http or https.
            host: A name or an address, without brackets.
            port: Where it is known, exceptions may name it.

        Raises:
            ConfigurationError: The environment names a proxy that cannot be used; nothing was
                sent.
        """
        return _looked_up(scheme, host, port) if self._trust_env else None


def _looked_up(scheme: str, host: str, port: int | None) -> Proxy | None:
    proxies = urllib.request.getproxies()
    given = proxies.get(scheme) or _for_all(proxies.get("all", ""))
    if not given or _is_excepted(host, port, proxies.get("no", "")):
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


def _for_all(given: str) -> str | None:
    """ALL_PROXY, where it names one that can be used.

    Many desktops set it to a SOCKS proxy for other programs, and reach the service without one.
    """
    return given if given and urlsplit(given).scheme in ("http", "https") else None


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    """Whether NO_PROXY, or the system, says that no proxy is asked for ``host``."""
    if urllib.request.proxy_bypass(host):
        return True
    if port is not None and urllib.request.proxy_bypass(f"{host}:{port}"):
        return True
    entries = [entry.strip() for entry in exceptions.lower().split(",")]
    if any(entry.startswith("*.") and host.lower().endswith(entry[1:]) for entry in entries):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # Whole networks: a gateway inside a company has an address of its own there.
    return any(address in network for network in _networks(entries))


def _networks(entries: list[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for entry in entries:
        with suppress(ValueError):
            yield ipaddress.ip_network(entry.strip("[]"), strict=False)


def _proxy(scheme: str, given: str) -> Proxy:
    named, given = f"the environment's {scheme.upper()}_PROXY", given.strip()
    if given[:1] in ("'", '"'):
        # As "docker --env-file" gives them on, where a shell takes them away.
        raise ConfigurationError(f"{named} holds quotes around the address: leave them out")
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        _ = parts.port
    except ValueError:
        raise ConfigurationError(f"{named} cannot be read as a URL") from None
    if not parts.hostname:
        raise ConfigurationError(f"{named} names no host; allowed is http://host:port")
    if parts.scheme not in ("http", "https"):
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
