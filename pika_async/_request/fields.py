"""A request from what users pass: a request, a prompt, and fields by keyword."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

import attrs

from pika_async._checks import FieldError
from pika_async._request.request import (
    GenerationRequest,
    IngredientsMode,
    Resolution,
    of_prompt,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pika_async._request.camera import Camera
    from pika_async._request.effects import Pikaffect
    from pika_async._request.media import Media


class RequestFields(TypedDict, total=False):
    """The fields of a :class:`GenerationRequest` but its prompt, as keyword arguments."""

    image: Media | None
    video: Media | None
    pikaffect: Pikaffect | str | None
    model: str | None
    resolution: Resolution | None
    duration: int | None
    keyframes: Sequence[Media]
    keyframe_seconds: int | Sequence[int] | None
    ingredients: Sequence[Media]
    ingredients_mode: IngredientsMode | None
    region: str | None
    mask: Media | None
    aspect_ratio: float | str | None
    frame_rate: int | None
    camera: Camera | None
    guidance_scale: float | None
    motion: int | None
    negative_prompt: str
    seed: int | None
    extend: bool
    extra: Mapping[str, Any]
    metadata: Mapping[str, str]


_NAMES: Final = frozenset(RequestFields.__annotations__)


def as_request(
    request: GenerationRequest | str, fields: RequestFields | None = None
) -> GenerationRequest:
    """A request from what users pass: a request or its prompt, and fields that replace others.

    Raises:
        FieldError: A field is not allowed, or it is neither a request nor a prompt.
        TypeError: There is no such field.
    """
    given: dict[str, Any] = {**fields} if fields else {}
    for name in given:
        if name not in _NAMES:
            raise TypeError(
                f"{name!r} is no field of a request; its fields are {', '.join(sorted(_NAMES))}"
            )
    if isinstance(request, GenerationRequest):
        return attrs.evolve(request, **given) if given else request
    if isinstance(request, str):
        return GenerationRequest(request, **given) if given else of_prompt(request)
    raise FieldError("request", request, "a GenerationRequest or a prompt as text")
