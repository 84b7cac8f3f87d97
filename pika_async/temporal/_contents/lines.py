"""From what somebody wants to the lines of pages: checked, one page at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from pika_async._batch.source import taker
from pika_async._checks import FieldError
from pika_async._request.fields import as_request
from pika_async._request.parts import MEDIA_FIELDS
from pika_async.temporal._contents.formats import check_page, located, request_line
from pika_async.temporal._contents.media import Files

if TYPE_CHECKING:
    from pika_async._batch.source import Requests
    from pika_async._request.request import GenerationRequest


class Lines:
    """The lines of one preparation."""

    def __init__(self, requests: Requests) -> None:
        self._take = taker(requests)
        self._files = Files()

    async def of_page(self, page: int, first: int, size: int) -> list[bytes]:
        """The next ones, so many at most; fewer, and none, at the end.

        Args:
            page: The page.
            first: The index of its first request in the campaign.
            size: How many it has.

        Raises:
            FieldError: A request is not allowed, holds bytes, names a file that cannot be read or
                is no image or video, or is too large for a page.
        """
        lines: list[bytes] = []
        total = 0
        while len(lines) < size:
            try:
                given = await self._take()
            except StopAsyncIteration:
                break
            line = await self._line(given, first + len(lines))
            total += len(line)
            check_page(total, page, size)
            lines.append(line)
        return lines

    async def _line(self, given: GenerationRequest | str, index: int) -> bytes:
        try:
            request = _with_absolute_paths(as_request(given))
            digests = await self._files.digests(request)
        except FieldError as error:
            raise located(error, index) from None
        return request_line(request, index, digests)


def _with_absolute_paths(request: GenerationRequest) -> GenerationRequest:
    """A request whose media every machine finds by the same absolute path."""
    found: dict[str, Any] = {}
    for name in MEDIA_FIELDS:
        value = getattr(request, name)
        kept = tuple(map(_absolute, value)) if isinstance(value, tuple) else _absolute(value)
        if kept != value:
            found[name] = kept
    return attrs.evolve(request, **found) if found else request


def _absolute(medium: Any) -> Any:
    if not isinstance(medium, Path):
        return medium
    # resolve() would follow links that lead elsewhere on another machine.
    return Path(os.path.abspath(medium))  # noqa: PTH100
