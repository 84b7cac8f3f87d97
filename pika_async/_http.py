"""A request and a response as plain values: what dialects make and read, and transports carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

API_HOST: Final = "api"
"""The name of the host that every service has: the one that takes submits."""


def _names_only(headers: Mapping[str, str]) -> str:
    return f"<{', '.join(headers)}>"


@frozen(kw_only=True)
class Endpoint:
    """Where the service is and as whom to talk to it."""

    base_url: str
    """Of the host "api". No slash at the end; may carry a path."""
    api_key: str = field(repr=False)
    hosts: Mapping[str, str] = field(factory=dict)
    """The base URLs of the service's other hosts, by the names that its dialect gives them."""

    def url_of(self, host: str) -> str:
        """The base URL of a named host.

        Raises:
            KeyError: The service has no such host.
        """
        return self.base_url if host == API_HOST else self.hosts[host]


@frozen(kw_only=True)
class HTTPRequest:
    """One request, and for whom it is: the key travels to named hosts of the service alone."""

    method: str
    url: str
    # Values stay out of the repr: one of them is the key.
    headers: Mapping[str, str] = field(repr=_names_only)
    body: bytes | None = field(default=None, repr=False)
    host: str | None = API_HOST
    """The host of the service that the URL must lie at; None: any, and then without the key."""


@frozen(kw_only=True)
class HTTPResponse:
    """One whole answer."""

    status: int
    headers: Mapping[str, str]
    """Looked up without regard to case."""
    body: bytes
    received_at: float = 0.0
    """Seconds since the epoch; what a Retry-After date counts from where the answer has no Date."""
