"""A request and a response as plain values: what dialects make and read, and transports carry."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


def _names_only(headers: Mapping[str, str]) -> str:
    return f"<{', '.join(headers)}>"


@frozen(kw_only=True)
class Endpoint:
    """Where the service is and as whom to talk to it."""

    base_url: str
    """No slash at the end; may carry a path."""
    api_key: str = field(repr=False)


@frozen(kw_only=True)
class HTTPRequest:
    """One API request."""

    method: str
    url: str
    # Values stay out of the repr: one of them is the key.
    headers: Mapping[str, str] = field(repr=_names_only)
    body: bytes | None = field(default=None, repr=False)


@frozen(kw_only=True)
class HTTPResponse:
    """One whole answer."""

    status: int
    headers: Mapping[str, str]
    """Looked up without regard to case."""
    body: bytes
    received_at: float = 0.0
    """Seconds since the epoch; what a Retry-After date counts from where the answer has no Date."""
