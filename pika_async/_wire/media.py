"""Files of a request, read when it is sent and not when it is built, off the event loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pika_async._errors import ConfigurationError
from pika_async._request.media import check_media, why_unreadable
from pika_async._request.parts import MEDIA_FIELDS, has_media, media_of, with_media
from pika_async._settled import in_thread

if TYPE_CHECKING:
    from pika_async._request.request import GenerationRequest


async def with_media_read(request: GenerationRequest) -> GenerationRequest:
    """``request`` with its files read into bytes, off the event loop.

    Raises:
        ConfigurationError: A file has gone or changed into something else since the request was
            built.
    """
    if not has_media(request) or not any(isinstance(one, Path) for _, one in media_of(request)):
        return request
    return await in_thread(_read, request)


def _read(request: GenerationRequest) -> GenerationRequest:
    return with_media(
        request,
        (
            _content(name, medium) if isinstance(medium, Path) else medium
            for name, medium in media_of(request)
        ),
    )


def _content(name: str, path: Path) -> bytes:
    try:
        content = path.read_bytes()
        check_media(name, MEDIA_FIELDS[name], content)
    except (OSError, ValueError) as error:
        reason = why_unreadable(path, error) if isinstance(error, OSError) else error
        raise ConfigurationError(
            f"{str(path)!r} could be used when the request was built, but not now: {reason}.",
            setting=name,
        ) from error
    return content
