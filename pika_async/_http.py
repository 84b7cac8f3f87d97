"""A request and a response as plain values: what dialects make and read, and transports carry."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

from attrs import define, field, frozen

API_HOST: Final = "api"
"""The name of the host that every service has: the one that takes submits."""


DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# Seconds, some thirty years.
_LONGEST: Final = 1e9


def one_spelling(base_url: str) -> str:
    """The one spelling of all base URLs that lead to the same place; what is none stays as it is.

    Scheme and host in small letters, the host in ASCII, no default port, no slash at the end:
    https://www.rfc-editor.org/rfc/rfc3986#section-6.2. Base URLs are compared in this spelling
    alone: what was submitted to a service must be found there again.
    """
    if not base_url.isprintable() or any(mark in base_url for mark in " @?#"):
        return base_url
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return base_url
    if not host:
        return base_url
    if not host.isascii():
        # The host as it is sent. One that cannot be sent is refused elsewhere.
        with suppress(UnicodeError):
            host = host.encode("idna").decode()
    where = f"[{host}]" if ":" in host else host
    if port is not None and port != DEFAULT_PORTS.get(parts.scheme):
        where += f":{port}"
    return f"{parts.scheme}://{where}{parts.path.rstrip('/')}"


def _names_only(headers: Mapping[str, str]) -> str:
    return f"<{', '.join(headers)}>"


@frozen(kw_only=True)
class Endpoint:
    """Where the service is and as whom to talk to it."""

    base_url: str
    """Of the host "api", in its one spelling; may carry a path."""
    api_key: str = field(repr=False)
    hosts: Mapping[str, str] = field(factory=dict)
    """The base URLs of the service's other hosts, by the names that its dialect gives them."""

    def url_of(self, host: str) -> str:
        """The base URL of a named host.

        Raises:
            KeyError: The service has no such host.
        """
        return self.base_url if host == API_HOST else self.hosts[host]


# This and the answer are not frozen: they are made for every look at every job, and each field of a
# frozen class costs some hundreds of instructions.
@define(kw_only=True)
class HTTPRequest:
    """One request, and for whom it is: the key travels to named hosts of the service alone."""

    method: str
    url: str
    # Values stay out of the repr: one of them is the key.
    headers: Mapping[str, str] = field(repr=_names_only)
    body: bytes | None = field(default=None, repr=False)
    host: str | None = API_HOST
    """The host of the service that the URL must lie at; None: any, and then without the key."""


@define(kw_only=True)
class HTTPResponse:
    """One whole answer."""

    status: int
    headers: Mapping[str, str]
    """Looked up without regard to case."""
    body: bytes
    received_at: float = 0.0
    """Seconds since the epoch; what a Retry-After date counts from where the answer has no Date."""


class Answer(Protocol):
    """What the head of an answer tells."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Looked up without regard to case."""
        ...

    @property
    def received_at(self) -> float:
        """Seconds since the epoch."""
        ...


def retry_after(answer: Answer) -> float | None:
    """Seconds that the server asks to wait, from 0; None where it does not say.

    Seconds or an HTTP date, https://www.rfc-editor.org/rfc/rfc9110#field.retry-after. A date
    counts from the server's own Date where there is one, so that a wrong clock here costs nothing.
    """
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        # A number of hundreds of digits is infinity as a float, which JSON cannot hold.
        return min(float(value), _LONGEST)
    then = _http_date(value)
    if then is None:
        return None
    served = _http_date(answer.headers.get("Date", ""))
    base = served.timestamp() if served else answer.received_at
    return max(0.0, then.timestamp() - base)


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
