"""Where the service is and with which key: arguments, environment, default, checked once."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from pika_async._errors import ConfigurationError
from pika_async._http import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_VARIABLE: Final = "PIKA_API_KEY"
URL_VARIABLE: Final = "PIKA_BASE_URL"


def endpoint(
    *,
    api_key: str | None,
    base_url: str | None,
    environment: Mapping[str, str],
    default_base_url: str,
    allow_insecure: bool,
) -> Endpoint:
    """The checked endpoint; arguments win over the environment, which wins over the default.

    Raises:
        ConfigurationError: No key, a key that cannot be a header, a URL that is none, or a key
            that would travel over plain http to another machine.
    """
    url = _checked_url(base_url or environment.get(URL_VARIABLE) or default_base_url)
    key = _checked_key(api_key or environment.get(KEY_VARIABLE))
    parts = urlsplit(url)
    if parts.scheme == "http" and not allow_insecure and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"base_url {url!r} is plain http to another machine: the API key could be read on "
            "the way; use https, or allow_insecure=True if that is what you want"
        )
    return Endpoint(base_url=url, api_key=key)


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, which together decide who gets the key."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_key(key: str | None) -> str:
    # Files and shells leave newlines at the end.
    key = (key or "").strip()
    if not key:
        raise ConfigurationError(
            f"no API key: pass api_key=… or set {KEY_VARIABLE} in the environment"
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigurationError(
            "the API key holds characters that no key has (spaces, line breaks or non-ASCII): "
            "it was probably copied with something around it"
        )
    return key


def _checked_url(url: str) -> str:
    url = url.strip()
    try:
        parts = urlsplit(url)
        problem = _problem(parts)
    except ValueError as error:
        problem = str(error)
    if problem:
        shown = url.rpartition("@")[2] if "@" in url else url
        raise ConfigurationError(
            f"base_url {shown!r} cannot be used: {problem}; allowed is http(s)://host[:port][/path]"
        )
    return url.rstrip("/")


def _problem(parts: SplitResult) -> str:
    if parts.scheme not in ("http", "https"):
        return "it does not begin with https:// or http://"
    if not parts.hostname or any(character.isspace() for character in parts.netloc):
        return "it names no host"
    if parts.port == 0:
        return "port 0 is no port"
    if "@" in parts.netloc:
        return "it holds a user name or password, which would end up in errors and logs"
    if parts.query or parts.fragment or any(character.isspace() for character in parts.path):
        return "it has a query, a fragment or spaces"
    return ""
