"""Links to media, spelt as they came: some signatures cover the very bytes of a link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urljoin, urlsplit

from yarl import URL

from pika_async._errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# What a browser follows is 20; media hosts need one or two.
MAX_REDIRECTS: Final = 5

_ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"(https?:)//([^/?#]*)", re.IGNORECASE)
_DOTS: Final = re.compile(r"(^|/)\.\.?(/|$)")


_Answer = TypeVar("_Answer")


async def followed(
    url: str, ask: Callable[[URL], Awaitable[tuple[_Answer, str | None]]]
) -> _Answer:
    """The answer at the end of the redirects, of which there may be five.

    Args:
        url: Where they begin.
        ask: Brings an answer, and where it leads if it is a redirect.

    Raises:
        TransportError: There are more of them, or one leads to no http(s) link or away from TLS.
    """
    try:
        link = as_it_came(url)
        for _ in range(MAX_REDIRECTS + 1):
            answer, location = await ask(link)
            if location is None:
                return answer
            link = redirected(link, location)
    except ValueError as error:
        raise TransportError(f"the link cannot be followed: {error}") from None
    raise TransportError(f"the link leads on through more than {MAX_REDIRECTS} redirects")


def as_it_came(link: str) -> URL:
    """A link that is sent byte for byte; only what cannot be sent is percent-encoded.

    Blanks, control characters and what is not ASCII cannot be sent. A fragment is not for servers.

    Raises:
        ValueError: It is no http(s) link.
    """
    link = link.strip().partition("#")[0]
    found = _AUTHORITY.match(link)
    if found is None or not urlsplit(link).hostname:
        raise ValueError(f"{link!r} is no http(s) link")
    scheme, authority = found.groups()
    if not authority.isascii():
        # A host has a spelling of its own for letters: https://www.rfc-editor.org/rfc/rfc5891
        authority = URL(f"{scheme}//{authority}/").raw_authority
    return URL(f"{scheme.lower()}//{authority}{_sendable(link[found.end() :])}", encoded=True)


def redirected(link: URL, location: str) -> URL:
    """Where a ``Location`` leads from ``link``.

    A link over TLS is not led on to a host without it: TLS is what vouches for the bytes that
    come, and the link itself may be a secret.

    Raises:
        ValueError: It leads to no http(s) link, or away from TLS.
    """
    location = location.strip()
    if _ABSOLUTE.match(location):
        there = as_it_came(location)
    elif location.startswith("//"):
        there = as_it_came(f"{link.scheme}:{location}")
    elif location.startswith("/"):
        there = as_it_came(f"{link.scheme}://{link.raw_authority}{location}")
    else:
        there = as_it_came(_beside(link, location))
    if link.scheme == "https" and there.scheme == "http":
        raise ValueError(f"it leads from TLS to {str(there.origin())!r}, which is without")
    return there


def _beside(link: URL, location: str) -> str:
    """A relative reference: https://www.rfc-editor.org/rfc/rfc3986#section-5.2."""
    origin, path = f"{link.scheme}://{link.raw_authority}", link.raw_path
    if not location or location.startswith("#"):
        return str(link)
    if location.startswith("?"):
        return f"{origin}{path}{location}"
    if _DOTS.search(location.partition("?")[0]):
        return urljoin(str(link), location)
    return f"{origin}{path.rpartition('/')[0]}/{location}"


def _sendable(rest: str) -> str:
    # Bytes of a header that are no UTF-8 come as surrogates, and go out as the bytes they were.
    return "".join(
        chr(byte) if 0x20 < byte < 0x7F else f"%{byte:02X}"
        for byte in rest.encode("utf-8", "surrogateescape")
    )
