"""The models of Pika's own API: what each takes, and a request as the body that each takes.

The service's schemas are strict, so a body holds nothing but what is in its model's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from attrs import field, frozen

from pika_async._checks import FieldError
from pika_async._request.kinds import Kind, kind_of
from pika_async._request.parts import media_of
from pika_async.dialects._fields import (
    check_among,
    check_needed,
    check_sizes,
    check_taken,
    is_full_path,
    said,
)
from pika_async.dialects.pika.effects import check_effect

if TYPE_CHECKING:
    from pika_async._request.media import MediaKind
    from pika_async._request.request import GenerationRequest

VERSION: Final = "2.5"
MOST_BYTES: Final[Mapping[MediaKind, int]] = {"image": 20 * 1024**2, "video": 50 * 1024**2}
"""The service says 20 MB and 50 MB; what lies between the two meanings of that is its to decide."""
_RESOLUTIONS: Final = ("720p", "1080p")
_STEP_SECONDS: Final = (1, 10)
_STEP_SECONDS_OF_SEVERAL: Final = (1, 5)

# What the service calls a field of a request, at every model that has it.
_NAMES: Final = {
    "image": "image",
    "video": "video",
    "keyframes": "images",
    "pikaffect": "pikaffect",
    "region": "modify_region_roi",
    "mask": "modify_region_mask",
    "negative_prompt": "negative_prompt",
    "seed": "seed",
    "resolution": "resolution",
    "duration": "duration_s",
    "keyframe_seconds": "transition_duration_s",
}
_COMMON: Final = ("negative_prompt", "seed", "resolution")


@frozen
class Model:
    """One model of Pika's own."""

    path: str
    """Its API id, which also stands in the path."""
    takes: tuple[str, ...]
    """The fields of a request that it has a place for, beside the prompt."""
    needs: tuple[str, ...] = field(default=(), kw_only=True)
    """Those of them that it cannot do without."""
    durations: tuple[int, ...] = field(default=(), kw_only=True)
    """The lengths that it makes, in seconds; empty: not documented, the service decides."""
    prompt: str | None = field(default="prompt", kw_only=True)
    """What it calls the prompt; None: it takes none."""


_SWAP: Final = ("video", "image", "region", "mask", "duration", *_COMMON)
_ADDITION: Final = Model(
    "pika/pikadditions/video-to-video",
    ("video", "image", "duration", *_COMMON),
    needs=("video",),
    durations=(5, 10),
)
MODELS: Final[Mapping[Kind, Model]] = {
    Kind.TEXT_TO_VIDEO: Model(
        "pika/pika-2.5/text-to-video", ("duration", *_COMMON), durations=(5,)
    ),
    Kind.IMAGE_TO_VIDEO: Model(
        "pika/pika-2.5/image-to-video",
        ("image", "duration", *_COMMON),
        needs=("image",),
        durations=(5, 10),
    ),
    Kind.KEYFRAMES: Model(
        "pika/pikaframes/image-to-video",
        ("keyframes", "keyframe_seconds", *_COMMON),
        needs=("keyframes",),
    ),
    Kind.ADDITION: _ADDITION,
    # The image is optional there: what is added may be told in words alone.
    Kind.VIDEO_TO_VIDEO: _ADDITION,
    Kind.SWAP: Model("pika/pikaswaps/video-to-video", _SWAP, needs=("video",)),
    Kind.EFFECT_ON_IMAGE: Model(
        "pika/pikaffects/image-to-video",
        ("pikaffect", "image", "seed"),
        needs=("pikaffect", "image"),
        prompt="prompt_override",
    ),
    Kind.EFFECT_ON_VIDEO: Model(
        "pika/pikaffects/video-to-video",
        ("pikaffect", "video", "seed"),
        needs=("pikaffect", "video"),
        prompt=None,
    ),
}
"""The model for each kind of request; there is none for ingredients and extensions."""


def check(request: GenerationRequest) -> None:
    """Refuse what the model that the request asks for has no place for.

    Raises:
        FieldError: Names the field, the value and what is allowed.
    """
    _check_addresses(request)
    check_sizes(request, MOST_BYTES)
    if is_full_path(request):
        _check_full_path(request)
        return
    check_among("model", request.model, (VERSION,), "Pika's own API")
    kind = kind_of(request)
    model = MODELS.get(kind)
    if model is None:
        name = kind.given[0]
        problem = f"Pika's own API has no model for {kind}"
        raise FieldError(name, _shown(getattr(request, name)), "nothing here", problem=problem)
    check_taken(request, model.takes, str(kind))
    for name in model.needs:
        check_needed(request, name, str(kind))
    check_among("resolution", request.resolution, _RESOLUTIONS, "Pika's own API")
    if model.durations:
        check_among("duration", request.duration, model.durations, str(kind))
    _check_steps(request)
    if request.region is not None and request.mask is not None:
        problem = "the service takes region or mask, and not both"
        raise FieldError("mask", _shown(request.mask), "nothing beside region", problem=problem)
    if request.pikaffect is not None:
        check_effect(request.pikaffect, on_video=request.video is not None)
    if model.prompt is None:
        _check_no_words(request)


def _check_addresses(request: GenerationRequest) -> None:
    for name, medium in media_of(request):
        if isinstance(medium, str) and medium[:5].lower() == "data:":
            problem = (
                "the service takes no data URLs; pass the bytes or a pathlib.Path, which are "
                "uploaded first, or an http(s) URL"
            )
            allowed = "a pathlib.Path, bytes, or an http(s) URL"
            raise FieldError(name, _shown(medium), allowed, verb="are", problem=problem)


def _check_full_path(request: GenerationRequest) -> None:
    parts = str(request.model).split("/")
    # Dots would climb to another route, and an empty part is none.
    if not all(part.strip() and part.strip(".") for part in parts):
        raise FieldError("model", request.model, '"2.5", or a path: "vendor/model/function"')
    for name, value in said(request):
        if name not in _NAMES:
            problem = (
                "models that are named by a full path have no common name for this field; put it "
                "into extra, under the name that this model has for it"
            )
            raise FieldError(name, _shown(value), "nothing here", problem=problem)
    _one_step(request)


def _check_steps(request: GenerationRequest) -> None:
    seconds = _one_step(request)
    if seconds is None:
        return
    two = len(request.keyframes) == 2
    low, high = _STEP_SECONDS if two else _STEP_SECONDS_OF_SEVERAL
    if not low <= seconds <= high:
        allowed = f"{low} to {high} seconds" + ("" if two else "; up to 10 with two keyframes")
        raise FieldError("keyframe_seconds", request.keyframe_seconds, allowed)


def _one_step(request: GenerationRequest) -> int | None:
    """The seconds of every step: the service takes one number for all of them."""
    seconds = request.keyframe_seconds
    if seconds is None or isinstance(seconds, int):
        return seconds
    if len(set(seconds)) > 1:
        raise FieldError("keyframe_seconds", seconds, "one number of seconds for all steps")
    return seconds[0]


def _check_no_words(request: GenerationRequest) -> None:
    # A prompt is never dropped silently, and no request is without one.
    effect = str(request.pikaffect)
    if request.prompt.strip().lower() != effect.lower():
        problem = (
            "the service takes no words for an effect on a video; give the name of the effect as "
            f"the prompt: {effect!r}"
        )
        allowed = f"the name of the effect: {effect}"
        raise FieldError("prompt", request.prompt, allowed, problem=problem)


def api_id(request: GenerationRequest) -> str:
    """The service's name for the model that the request asks for."""
    if is_full_path(request):
        return "/".join(part.strip() for part in str(request.model).split("/"))
    return MODELS[kind_of(request)].path


def as_path(identity: str, *, safe: str = "/") -> str:
    """An API id as it stands in a path; with no ``safe`` characters it is one segment of it."""
    return quote(identity, safe=safe, errors="surrogatepass")


def body_of(request: GenerationRequest) -> dict[str, Any]:
    """The JSON object that asks for ``request``, whose media are URLs.

    The model of a full path gets the prompt as ``prompt``, and the other fields that the request
    says something in under the names that Pika's own models have for them.
    """
    name = "prompt" if is_full_path(request) else MODELS[kind_of(request)].prompt
    body: dict[str, Any] = {} if name is None else {name: request.prompt}
    for field_name, value in said(request):
        body[_NAMES[field_name]] = _encoded(request, field_name, value)
    return _merged(body, request.extra)


def _encoded(request: GenerationRequest, name: str, value: Any) -> Any:
    if name == "keyframe_seconds":
        return _one_step(request)
    if name == "keyframes":
        return [_address(medium) for medium in value]
    if name in ("image", "video", "mask"):
        return _address(value)
    return str(value) if isinstance(value, str) else value


def _address(medium: object) -> str:
    if isinstance(medium, str):
        return medium
    raise TypeError(f"upload {_shown(medium)!r} before encoding the request")


def _merged(base: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in extra.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def _shown(value: object) -> object:
    if isinstance(value, tuple):
        return f"{len(value)} files"
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else value
