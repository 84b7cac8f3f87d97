"""Where the service is and with which key: arguments, environment, default, checked once."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from pika_async._errors import ConfigurationError
from pika_async._http import API_HOST, DEFAULT_PORTS, Endpoint, one_spelling
from pika_async._meaning import Action
from pika_async.dialects import ReadsPlace, url_variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async.dialects import Dialect

# A byte-order mark is left by some editors.
_BLANKS: Final = " \t\r\n\v\f\u00a0\ufeff"

# Straight ones and those that word processors make of them.
_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d"


def endpoint(
    *,
    api_key: str | None,
    base_url: str | None,
    environment: Mapping[str, str],
    dialect: Dialect,
    allow_insecure: bool,
) -> Endpoint:
    """The checked endpoint; arguments win over the environment, which wins over the default.

    With a base URL of the user's own every host of the service is at that one, unless it was named
    too: nothing but what was configured ever sees the key.

    Raises:
        ConfigurationError: No key, a key that cannot be a header, a URL that is none, or a key
            that would travel over plain http to another machine.
    """
    for name, given in (("api_key", api_key), ("base_url", base_url)):
        if given is not None and not isinstance(given, str):
            raise ConfigurationError(
                f"{name}: a {type(given).__name__} is not allowed; allowed is text"
            )
    placed = dialect if isinstance(dialect, ReadsPlace) else None
    own = base_url or (
        environment.get(url_variable(dialect)) if placed is None else placed.base_url(environment)
    )
    named = {} if placed is None else placed.named_hosts
    hosts = {
        name: _checked_url(named.get(name) or own or default, allow_insecure=allow_insecure)
        for name, default in dialect.hosts.items()
    }
    place = hosts.pop(API_HOST)
    # An empty argument is a variable that is not set: another account is not to pay for that.
    key = _key_of(environment, dialect) if api_key is None else api_key
    return Endpoint(base_url=place, api_key=_checked_key(key, dialect, place), hosts=hosts)


def _key_of(environment: Mapping[str, str], dialect: Dialect) -> str | None:
    for names in dialect.key_variables:
        parts = [environment.get(name, "") for name in names]
        if all(part.strip() for part in parts):
            return ":".join(parts)
    return None


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, which together decide who gets the key; empty where it is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", "", None
    default = DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname or "", default if port is None else port


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_key(key: str | None, dialect: Dialect, place: str) -> str:
    key = key or ""
    if not key.strip():
        variables = " or ".join(" with ".join(names) for names in dialect.key_variables)
        raise ConfigurationError(
            f"no API key for the service {dialect.name!r} at {place}: pass api_key=… or set "
            f"{variables} in the environment"
        )
    if key != key.strip(_BLANKS):
        raise ConfigurationError(
            "the API key has blanks or a line break around it, as files and shells leave them: "
            "remove them"
        )
    if key[0] in _QUOTES or key[-1] in _QUOTES:
        raise ConfigurationError(
            "the API key has quotes around it, as files of variables are written: remove them"
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigurationError(
            "the API key holds characters that no key has (spaces, line breaks or non-ASCII): "
            "it was probably copied with something around it"
        )
    return key


def _checked_url(url: str, *, allow_insecure: bool) -> str:
    url = url.strip()
    try:
        problem = _problem(url, urlsplit(url))
    except ValueError:
        # Its text may quote half of a password.
        problem = "its host or port cannot be read"
    if problem:
        # Passwords stand before "@", tokens in queries.
        shown = re.split(r"[?#]", url.rpartition("@")[2])[0]
        raise ConfigurationError(
            f"{shown!r} cannot be used: {problem}; allowed is http(s)://host[:port][/path]",
            setting="base_url",
        )
    parts = urlsplit(url)
    if parts.scheme == "http" and not allow_insecure and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"{url!r} is plain http to another machine: the API key could be read on the way",
            setting="base_url",
            action=Action.ALLOW_INSECURE,
        )
    return one_spelling(url)


def _problem(url: str, parts: SplitResult) -> str:
    problems = {
        "it does not begin with https:// or http://": parts.scheme not in ("http", "https"),
        # Asked of the text itself: urlsplit drops line breaks and tabs.
        "it has spaces or line breaks in it": any(character.isspace() for character in url),
        "it names no host": not parts.hostname,
        "port 0 is no port": parts.port == 0,
        "it holds a user name or password, which would end up in errors and logs": (
            "@" in parts.netloc
        ),
        "it has a query or a fragment": bool(parts.query or parts.fragment),
    }
    return next((problem for problem, found in problems.items() if found), "")
