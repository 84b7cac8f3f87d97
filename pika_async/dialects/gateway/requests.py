"""The gateway's JSON as attrs classes, both ways; field names as on the wire stand only here.

Fields, defaults and their contradictions: the create and query pages of the gateway's published
specification, https://api.yescale.io (``POST /pika/generate``, ``GET /pika/feed/{task_id}``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import cattrs
from attrs import define, field
from cattrs.gen import make_dict_structure_fn, override

from pika_async._quick import quick
from pika_async._request.camera import Camera
from pika_async._states import Video
from pika_async.dialects._answers import shown

if TYPE_CHECKING:
    from pika_async._request.request import GenerationRequest


@define(kw_only=True)
class Parameters:
    """``options.parameters``: required, may be empty."""

    guidance_scale: float | None = None
    motion: int | None = None
    negative_prompt: str | None = None
    seed: int | None = None


@define(kw_only=True)
class Options:
    """``options``: optional on one page, required on another, so always sent."""

    aspect_ratio: float | None = None
    frame_rate: int | None = None
    camera: Camera = field(factory=Camera)
    parameters: Parameters = field(factory=Parameters)
    extend: bool = False


@define(kw_only=True)
class SubmitBody:
    """The body of a create. A key that is there must not be empty, so unused ones are left out."""

    pikaffect: str | None = None
    prompt_text: str
    model: str
    image: str | None = None
    video: str | None = None
    options: Options


_made_video: Final = quick(Video)


def _text(value: Any) -> str | None:
    return shown(value) if isinstance(value, str) and value else None


def _link(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    # Nobody can be asked for a link with half a character in it.
    return value if value.isascii() or shown(value, len(value)) == value else None


def _number(value: Any) -> float | None:
    if type(value) is int:
        return value
    if not isinstance(value, float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds(value: Any) -> float | None:
    number = _number(value)
    try:
        return None if number is None else float(number)
    except OverflowError:
        return None


def _whole(value: Any) -> int | None:
    # Seeds exceed what a float holds exactly, so digits never pass through one.
    if isinstance(value, str):
        with suppress(ValueError):
            return int(value)
    number = _number(value)
    return None if number is None else int(number)


def percent(value: object) -> int | None:
    """``progress``, 0 to 100, with or without a percent sign; None where it is no number.

    It is always percent: 0.5 is half a percent, and never one half.
    """
    if isinstance(value, str):
        value = value.rstrip("% \N{FULLWIDTH PERCENT SIGN}")
    if type(value) is int and 0 <= value <= 100:
        return value
    number = _number(value)
    return None if number is None else max(0, min(100, int(number)))


def _make_create_converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    # Numbers stay as they came: 12 is not 12.0 on the wire.
    converter.register_structure_hook(float, lambda value, _: value)
    names: dict[type, dict[str, Any]] = {
        Parameters: {
            "guidance_scale": override(rename="guidanceScale"),
            "negative_prompt": override(rename="negativePrompt"),
        },
        Options: {
            "aspect_ratio": override(rename="aspectRatio"),
            "frame_rate": override(rename="frameRate"),
        },
        SubmitBody: {"prompt_text": override(rename="promptText")},
    }
    for cls, overrides in names.items():
        converter.register_structure_hook(cls, make_dict_structure_fn(cls, converter, **overrides))
    return converter


_CREATES = _make_create_converter()


def submit_json(
    request: GenerationRequest,
    *,
    model: str,
    frame_rate: int,
    image: str | None,
    video: str | None,
) -> dict[str, Any]:
    """The JSON object of a create, without what is None; what ``submit_body`` reads.

    Written out: each submit makes one, and by way of a ``SubmitBody`` it costs many times as much.
    """
    options: dict[str, Any] = {}
    if request.aspect_ratio is not None:
        options["aspectRatio"] = request.aspect_ratio
    options["frameRate"] = frame_rate
    options["camera"] = {} if request.camera is None else _camera(request.camera)
    options["parameters"] = _parameters(request)
    options["extend"] = request.extend
    body: dict[str, Any] = {}
    if request.pikaffect is not None:
        body["pikaffect"] = str(request.pikaffect)
    body["promptText"] = request.prompt
    body["model"] = model
    if image is not None:
        body["image"] = image
    if video is not None:
        body["video"] = video
    body["options"] = options
    return body


def _parameters(request: GenerationRequest) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if request.guidance_scale is not None:
        parameters["guidanceScale"] = request.guidance_scale
    if request.motion is not None:
        parameters["motion"] = request.motion
    parameters["negativePrompt"] = request.negative_prompt
    if request.seed is not None:
        parameters["seed"] = request.seed
    return parameters


def _camera(camera: Camera) -> dict[str, Any]:
    moves = {"zoom": camera.zoom, "pan": camera.pan, "tilt": camera.tilt, "rotate": camera.rotate}
    return {name: where for name, where in moves.items() if where is not None}


def submit_body(value: Mapping[str, Any]) -> SubmitBody:
    """The create that a JSON object spells."""
    return _CREATES.structure(value, SubmitBody)


def video_of(item: Mapping[str, Any], *, job_id: str, name: str, raw: Mapping[str, Any]) -> Video:
    """One element of ``videos``; the service promises none of its fields.

    Written out: each job has one, and by way of a converter it costs many times as much.

    Args:
        item: The element as it came.
        job_id: The job.
        name: What the video is called where it has no id.
        raw: The element as the video keeps it.
    """
    told = item.get
    return _made_video(
        id=_text(told("id")) or name,
        job_id=job_id,
        url=_link(told("resultUrl")) or _link(told("video_url")) or _link(told("url")) or "",
        share_url=_link(told("sharingUrl")),
        poster_url=_link(told("videoPoster")),
        thumbnail_url=_link(told("imageThumb")),
        duration=_seconds(told("duration")),
        seed=_whole(told("seed")),
        raw=raw,
    )


def reason_of(item: Mapping[str, Any]) -> str | None:
    """Why a video failed, where its element says so: as a text, or as an object with one."""
    error = item.get("error")
    return _text(error.get("message") if isinstance(error, dict) else error)


def left_over(value: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What ``value`` says beyond ``known``: the ``extra`` that would bring it back."""
    result: dict[str, Any] = {}
    for key, item in value.items():
        below = known.get(key)
        if isinstance(item, Mapping) and isinstance(below, Mapping):
            if rest := left_over(item, below):
                result[key] = rest
        elif key not in known or item != below:
            result[key] = item
    return result
