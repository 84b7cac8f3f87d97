"""The files of a campaign: what they held when it was prepared, and whether they still do."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pika_async._checks import FieldError
from pika_async._errors import ConfigurationError
from pika_async._request.media import check_file, why_unreadable
from pika_async._request.parts import MEDIA_FIELDS, media_of
from pika_async._settled import in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pika_async import GenerationRequest, PikaError
    from pika_async._request.media import MediaKind


MOST_KNOWN: Final = 10_000
"""Files whose digests are kept in memory: a campaign may have millions, each of one prompt."""


class ExchangedError(ConfigurationError):
    """A file of a request is another one than when its campaign was prepared."""


class Files:
    """The files of one preparation. One is not read again while it is among the last that were."""

    def __init__(self) -> None:
        self._digests: dict[tuple[MediaKind, Path], str] = {}

    async def digests(self, request: GenerationRequest) -> tuple[str | None, ...]:
        """SHA-256 of each medium of a request, hexadecimal, in their order; None for a link.

        Raises:
            FieldError: A file cannot be read, or is no image or video.
        """
        return tuple([await self._digest(*medium) for medium in media_of(request)])

    async def _digest(self, name: str, medium: object) -> str | None:
        if not isinstance(medium, Path):
            return None
        known = MEDIA_FIELDS[name], medium
        if known not in self._digests:
            self._digests[known] = await in_thread(_checked, name, medium)
        digest = self._digests[known]
        if len(self._digests) > MOST_KNOWN:
            del self._digests[next(iter(self._digests))]
        return digest


def check_same(
    request: GenerationRequest, content: GenerationRequest, digests: Sequence[str | None]
) -> None:
    """Refuse a request that has another file than it was prepared with. Takes time: it digests.

    Args:
        request: The request, with the paths of its files.
        content: The same, with what they hold.
        digests: As they were prepared; empty where nobody has noted them.

    Raises:
        ExchangedError: Names the file.
    """
    if not digests:
        return
    media = zip(media_of(request), media_of(content), digests, strict=True)
    for (name, medium), (_, held), digest in media:
        if digest is None or not (isinstance(medium, Path) and isinstance(held, bytes)):
            continue
        if hashlib.sha256(held).hexdigest() != digest:
            raise _exchanged(name, medium)


def blamed(
    error: PikaError | FieldError, request: GenerationRequest, digests: Sequence[str | None]
) -> PikaError | FieldError:
    """Why a request was not sent: ``error``, or one of its files that was exchanged. Blocks.

    A copy that is still on its way to a machine is no image yet: that is no fault of the prompt.

    Args:
        error: What was told.
        request: The request, with the paths of its files.
        digests: As they were prepared; empty where nobody has noted them.
    """
    if not digests or not isinstance(error, FieldError | ConfigurationError):
        return error
    for (name, medium), digest in zip(media_of(request), digests, strict=True):
        # What cannot be read is told already.
        with suppress(OSError):
            if digest is not None and isinstance(medium, Path) and _digest_of(medium) != digest:
                return _exchanged(name, medium)
    return error


def _exchanged(name: str, path: Path) -> ExchangedError:
    return ExchangedError(f"{str(path)!r} holds something else", setting=name)


def _checked(name: str, path: Path) -> str:
    check_file(name, MEDIA_FIELDS[name], path)
    try:
        return _digest_of(path)
    except OSError as error:
        allowed = "the path of a file that can be read"
        problem = f"the file cannot be read: {why_unreadable(path, error)}"
        raise FieldError(name, str(path), allowed, problem=problem) from error


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
