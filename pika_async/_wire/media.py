"""Files of a request, read when it is sent and not when it is built, off the event loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pika_async._checks import FieldError
from pika_async._errors import ConfigurationError
from pika_async._request.media import A_MEDIUM, check_media, why_unreadable
from pika_async._request.parts import MEDIA_FIELDS, has_files, media_of, with_media
from pika_async._settled import in_thread

if TYPE_CHECKING:
    from pika_async._request.request import GenerationRequest


async def with_media_read(request: GenerationRequest) -> GenerationRequest:
    """``request`` with its files read into bytes, off the event loop.

    Raises:
        ConfigurationError: A file is not there, cannot be read, or is no image or video.
    """
    if not has_files(request):
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
    kind = MEDIA_FIELDS[name]
    try:
        content = path.read_bytes()
        check_media(name, kind, content)
    except FieldError as error:
        reason = f"it does not begin like {A_MEDIUM[kind]}"
        raise _unusable(name, path, reason) from error
    except (OSError, ValueError) as error:
        raise _unusable(name, path, why_unreadable(path, error)) from error
    return content


def _unusable(name: str, path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(f"the file {str(path)!r} cannot be used: {reason}.", setting=name)
