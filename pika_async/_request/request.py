"""What a video is asked for with; wrong values are refused here, before money is spent.

Whatever the rest of the package must know of a field stands beside it, as :class:`About`: how the
command line and files of prompts explain it, and whether it holds a medium. A new field is added
here and in the dialects, and nowhere else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs
from attrs import Attribute, field, frozen

from pika_async._checks import (
    FieldError,
    flag,
    number_within,
    one_of,
    text,
    whole_or_none,
)
from pika_async._request.effects import Pikaffect, to_pikaffect
from pika_async._request.media import Media, MediaKind, check_media, show_media
from pika_async._request.numbers import to_number, to_whole, to_whole_or_none
from pika_async._request.spelling import respelled, to_text

ASPECT_RATIO_RANGE: Final = (0.4, 2.5)
FRAME_RATE_RANGE: Final = (1, 24)
MOTION_RANGE: Final = (0, 4)
GUIDANCE_SCALE_RANGE: Final = (5, 25)

_ABOUT: Final = "pika_async"


@frozen(kw_only=True)
class About:
    """What is to be known of a field beside its type."""

    help: str
    """What it does, in a sentence for the command line."""
    metavar: str | None = None
    """What stands for its value there."""
    medium: MediaKind | None = None
    """It is given as a file, bytes or a URL of such a medium."""


def about(attribute: Attribute[Any]) -> About:
    """What is to be known of a field of :class:`GenerationRequest`."""
    known: About = attribute.metadata[_ABOUT]
    return known


def _about(
    help: str,  # noqa: A002 - the name that command lines give it
    metavar: str | None = None,
    medium: MediaKind | None = None,
) -> dict[str, About]:
    return {_ABOUT: About(help=help, metavar=metavar, medium=medium)}


def _check_medium(_: object, attribute: Attribute[Any], value: Any) -> None:
    if value is not None:
        check_media(attribute.name, about(attribute).medium or "image", value)


@frozen(kw_only=True)
class Camera:
    """How the camera moves; None leaves a movement out."""

    zoom: Literal["in", "out"] | None = field(
        default=None, validator=one_of("in", "out", within="camera.")
    )
    pan: Literal["left", "right"] | None = field(
        default=None, validator=one_of("left", "right", within="camera.")
    )
    tilt: Literal["up", "down"] | None = field(
        default=None, validator=one_of("up", "down", within="camera.")
    )
    rotate: Literal["cw", "ccw"] | None = field(
        default=None, validator=one_of("cw", "ccw", within="camera.")
    )


def _to_camera(value: Camera | None) -> Camera | None:
    # A camera that does nothing is sent as none at all, so the two are the same request.
    return None if value is None or value == Camera() else value


def _check_camera(_: object, attribute: Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, Camera):
        raise FieldError(attribute.name, value, "a Camera, such as Camera(zoom='in')")


def _to_aspect_ratio(value: float | str | None) -> float | None:
    if not isinstance(value, str):
        return to_number(value)
    low, high = ASPECT_RATIO_RANGE
    width, separator, height = value.partition(":")
    try:
        ratio = float(width) / float(height) if separator else float(value)
    except (ValueError, ZeroDivisionError):
        ratio = math.nan
    # Checked here too, so that the error shows the text and not what it comes to.
    if not low <= ratio <= high:
        raise FieldError("aspect_ratio", value, f"width:height or a number from {low} to {high}")
    return ratio


def _to_extra(value: Mapping[str, Any]) -> Mapping[str, Any]:
    # A copy, and as JSON reads it: what was validated is what is sent and what is fingerprinted,
    # whatever happens to the caller's dict.
    if value == {}:
        return {}
    allowed = "a mapping with text keys and values that JSON can hold"
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise FieldError("extra", value, allowed, written="an object")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
        copy = respelled(copy)
    except (TypeError, ValueError, RecursionError) as error:
        raise FieldError(
            "extra", value, allowed, problem=f"allowed is {allowed}: {error}"
        ) from error
    return copy


@frozen
class GenerationRequest:
    """One video to make. The prompt is positional, everything else is named.

    Text that differs only in its line ends or in byte-order marks is the same request: all text is
    kept, and sent, with line feeds as its line ends and without U+FEFF, and a prompt without line
    ends behind it.

    Attributes:
        prompt: What to show.
        image: Start from this image: a ``pathlib.Path``, bytes, or an http(s) or data URL. Files
            are read when the request is sent.
        video: Start from this video, given in the same ways.
        pikaffect: An effect, a :class:`Pikaffect` or its name in any case.
        model: Model version, as text.
        aspect_ratio: Width over height, 0.4 to 2.5, or text such as ``"16:9"``. None leaves the
            choice to the service, which takes the image's own with an image.
        frame_rate: Frames per second, 1 to 24.
        camera: Camera movements; a ``Camera()`` that does nothing counts as None.
        guidance_scale: How closely to follow the prompt, 5 to 25; None: the service's 12.
        motion: How much moves, 0 to 4; None: the service's 1.
        negative_prompt: What to avoid.
        seed: For repeating a video; may exceed 32 bits.
        extend: Make ``video`` longer instead of starting anew.
        extra: Merged into the request body last, nested objects key by key: for whatever is newer
            than this version.

    Raises:
        FieldError: Names the field, the value and what is allowed; also a ValueError.
    """

    prompt: str = field(
        metadata=_about("What to show.", "PROMPT"),
        converter=to_text,
        validator=text(empty=False),
    )
    image: Media | None = field(
        metadata=_about("Start from this image.", "FILE_OR_URL", medium="image"),
        kw_only=True,
        default=None,
        validator=_check_medium,
        repr=show_media,
    )
    video: Media | None = field(
        metadata=_about("Start from this video.", "FILE_OR_URL", medium="video"),
        kw_only=True,
        default=None,
        validator=_check_medium,
        repr=show_media,
    )
    pikaffect: Pikaffect | None = field(
        metadata=_about("An effect: Melt, Squish, Explode, …", "EFFECT"),
        kw_only=True,
        default=None,
        converter=to_pikaffect,
    )
    model: str = field(
        metadata=_about("Model version.", "VERSION"),
        kw_only=True,
        default="1.5",
        converter=to_text,
        validator=text(empty=False, allowed='a version as text, such as "1.5"'),
    )
    aspect_ratio: float | None = field(
        metadata=_about("16:9, 1:1, … or a number from 0.4 to 2.5.", "W:H"),
        kw_only=True,
        default=None,
        converter=_to_aspect_ratio,
        validator=number_within(*ASPECT_RATIO_RANGE, whole=False),
    )
    frame_rate: int = field(
        metadata=_about("Frames per second, 1 to 24.", "N"),
        kw_only=True,
        default=24,
        converter=to_whole,
        validator=number_within(*FRAME_RATE_RANGE, whole=True),
    )
    camera: Camera | None = field(
        metadata=_about(
            "zoom=in|out, pan=left|right, tilt=up|down, rotate=cw|ccw. Repeatable.", "MOVE=WHERE"
        ),
        kw_only=True,
        default=None,
        converter=_to_camera,
        validator=_check_camera,
    )
    guidance_scale: float | None = field(
        metadata=_about("How closely to follow the prompt, 5 to 25.", "N"),
        kw_only=True,
        default=None,
        converter=to_number,
        validator=number_within(*GUIDANCE_SCALE_RANGE, whole=False),
    )
    motion: int | None = field(
        metadata=_about("How much moves, 0 to 4.", "N"),
        kw_only=True,
        default=None,
        converter=to_whole_or_none,
        validator=number_within(*MOTION_RANGE, whole=True),
    )
    negative_prompt: str = field(
        metadata=_about("What to avoid.", "TEXT"),
        kw_only=True,
        default="",
        converter=to_text,
        validator=text(empty=True),
    )
    seed: int | None = field(
        metadata=_about("For repeating a video.", "N"),
        kw_only=True,
        default=None,
        converter=to_whole_or_none,
        validator=whole_or_none,
    )
    extend: bool = field(
        metadata=_about("Make --video longer instead of starting anew."),
        kw_only=True,
        default=False,
        validator=flag,
    )
    extra: Mapping[str, Any] = field(
        metadata=_about(
            "An object merged into the request: for what is newer than this version.", "JSON"
        ),
        kw_only=True,
        factory=dict,
        converter=_to_extra,
        hash=False,
    )


_FIELDS: Final = attrs.fields(GenerationRequest)
MEDIA_FIELDS: Final[Mapping[str, MediaKind]] = {
    attribute.name: kind for attribute in _FIELDS if (kind := about(attribute).medium) is not None
}
"""The fields that hold a medium, and which kind."""


def as_request(request: GenerationRequest | str) -> GenerationRequest:
    """A request from what users pass: a request, or its prompt alone.

    Raises:
        FieldError: The prompt is empty, or it is neither.
    """
    if isinstance(request, GenerationRequest):
        return request
    if isinstance(request, str):
        return GenerationRequest(request)
    raise FieldError("request", request, "a GenerationRequest or a prompt as text")
