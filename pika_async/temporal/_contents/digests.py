"""The digests of files that stand beside their paths in a page. Pure.

A path has no content: tomorrow another image may lie there. So whoever prepares a campaign notes
down what the file held, and whoever submits a line compares. Pages of earlier versions have none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pika_async._json import compact
from pika_async._request.parts import MEDIA_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

# Beside "path". Earlier versions read the path, and leave this alone.
_DIGEST: Final = "sha256"


def note(plain: Mapping[str, Any], digests: Sequence[str | None]) -> None:
    """Note down the digests of a request's media, in their order; None: a link, which has none."""
    for medium, digest in zip(_media_in(plain), digests, strict=True):
        if digest is not None:
            medium[_DIGEST] = digest


def noted_in(line: bytes) -> tuple[str | None, ...]:
    """What the line of a request notes of its media; None for what it notes nothing of.

    Raises:
        ValueError: It is no JSON.
    """
    found = (_digest_of(medium) for medium in _media_in(json.loads(line)))
    return tuple(digest if isinstance(digest, str) else None for digest in found)


def without(content: bytes) -> bytes:
    """A page as an earlier version would have written it.

    Raises:
        ValueError: A line is no JSON.
    """
    lines = []
    for line in content.splitlines(keepends=True):
        plain = json.loads(line)
        for medium in _media_in(plain):
            if isinstance(medium, dict):
                medium.pop(_DIGEST, None)
        lines.append(compact(plain).encode() + b"\n")
    return b"".join(lines)


def first_exchanged(before: bytes, now: bytes) -> str | None:
    """The path of a file whose digest differs in two pages, which else are the same; or None."""
    try:
        if without(before) != without(now):
            return None
        one, other = _all_media_in(before), _all_media_in(now)
    except ValueError:
        # One of them is damaged, and no page.
        return None
    for medium, new in zip(one, other, strict=True):
        if (digest := _digest_of(medium)) is not None and digest != _digest_of(new):
            return str(medium["path"])
    return None


def _all_media_in(content: bytes) -> list[Any]:
    return [medium for line in content.splitlines() for medium in _media_in(json.loads(line))]


def _digest_of(medium: Any) -> Any:
    return medium.get(_DIGEST) if isinstance(medium, Mapping) else None


def _media_in(plain: Any) -> Iterator[Any]:
    """In the order of ``media_of``."""
    for name in MEDIA_FIELDS:
        given = plain.get(name) if isinstance(plain, Mapping) else None
        if isinstance(given, list):
            yield from given
        elif given is not None:
            yield given
