"""The media of a request, whichever fields hold them: all of them, and all replaced at once."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from pika_async._request.about import about
from pika_async._request.media import check_file
from pika_async._request.request import GenerationRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pika_async._request.media import Media, MediaKind

MEDIA_FIELDS: Final[Mapping[str, MediaKind]] = {
    attribute.name: kind
    for attribute in attrs.fields(GenerationRequest)
    if (kind := about(attribute).medium) is not None
}
"""The fields that hold media, and which kind."""


# Most requests hold none, and each is asked several times: all fields by one call.
_ALL_MEDIA: Final = attrgetter(*MEDIA_FIELDS)


def has_media(request: GenerationRequest) -> bool:
    """Whether it holds any."""
    return any(_ALL_MEDIA(request))


def media_of(request: GenerationRequest) -> Iterator[tuple[str, Media]]:
    """Each medium with the name of its field, always in the same order."""
    for name, given in zip(MEDIA_FIELDS, _ALL_MEDIA(request), strict=True):
        if isinstance(given, tuple):
            for one in given:
                yield name, one
        elif given is not None:
            yield name, given


def has_bytes(request: GenerationRequest) -> bool:
    """Whether it holds media as bytes, which take time to digest and to encode."""
    return has_media(request) and any(isinstance(one, bytes) for _, one in media_of(request))


def has_files(request: GenerationRequest) -> bool:
    """Whether some of its media are files, whose content is not known before they are read."""
    return has_media(request) and any(isinstance(one, Path) for _, one in media_of(request))


def check_files(request: GenerationRequest) -> None:
    """Refuse files of ``request`` that could not be sent now. Blocks.

    Raises:
        FieldError: Names the field, the file, why it cannot be used, and what is allowed.
    """
    for name, medium in media_of(request):
        if isinstance(medium, Path):
            check_file(name, MEDIA_FIELDS[name], medium)


def with_media(request: GenerationRequest, media: Iterable[Media]) -> GenerationRequest:
    """``request`` with these media, in the order of :func:`media_of`."""
    coming = iter(media)
    changed: dict[str, Any] = {}
    for name in MEDIA_FIELDS:
        given = getattr(request, name)
        if isinstance(given, tuple):
            if given:
                changed[name] = tuple(next(coming) for _ in given)
        elif given is not None:
            changed[name] = next(coming)
    return attrs.evolve(request, **changed)
