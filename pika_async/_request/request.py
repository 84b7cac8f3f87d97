"""What a video is asked for with; wrong values are refused here, before money is spent.

Whatever the rest of the package must know of a field stands beside it, as :class:`About`: how the
command line and files of prompts explain it, and whether it holds a medium. A new field is added
here, in :class:`RequestFields` and in the dialects, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Literal, get_args

import attrs
from attrs import field, frozen
from attrs.validators import optional

from pika_async._checks import (
    FieldError,
    flag,
    number_within,
    one_of,
    text,
    whole_from_one_or_none,
    whole_or_none,
)
from pika_async._quick import quick
from pika_async._request.about import explained
from pika_async._request.camera import Camera, check_camera, to_camera
from pika_async._request.effects import Pikaffect, to_pikaffect
from pika_async._request.media import Media, show_media, show_several, to_several
from pika_async._request.numbers import to_number, to_whole_or_none
from pika_async._request.shapes import (
    ASPECT_RATIO_RANGE,
    check_media_of,
    check_medium,
    check_seconds,
    text_or_none,
    to_aspect_ratio,
    to_extra,
    to_metadata,
    to_seconds,
)
from pika_async._request.spelling import to_text

FRAME_RATE_RANGE: Final = (1, 24)
MOTION_RANGE: Final = (0, 4)
GUIDANCE_SCALE_RANGE: Final = (5, 25)
KEYFRAMES_RANGE: Final = (2, 5)

Resolution = Literal["480p", "720p", "1080p"]
IngredientsMode = Literal["precise", "creative"]


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
        pikaffect: An effect, a :class:`Pikaffect` or its name in any case. A name that is like none
            of the known ones is kept, and the service decides.
        model: Model version, as text: ``"2.2"``; None: the service's own. With a ``/`` in it, it is
            the path of any model that the service offers, and goes through unchecked: other
            fields go under the names that the service's Pika models have for them, and what has
            no name there stands in ``extra``.
        resolution: ``"480p"``, ``"720p"`` or ``"1080p"``.
        duration: Length of the video in whole seconds.
        keyframes: 2 to 5 images: a video that passes through them.
        keyframe_seconds: Whole seconds between two keyframes: one number for all, or one for each
            step, one fewer than there are keyframes.
        ingredients: Images whose things appear in the video.
        ingredients_mode: ``"precise"`` or ``"creative"``.
        region: With ``video``: what to swap in it, in words.
        mask: With ``video``: what to swap in it, as an image, given like ``image``.
        aspect_ratio: Width over height, 0.4 to 2.5, or text such as ``"16:9"``. None leaves the
            choice to the service, which takes the image's own with an image.
        frame_rate: Frames per second, 1 to 24; None: the service's own.
        camera: Camera movements; a ``Camera()`` that does nothing counts as None.
        guidance_scale: How closely to follow the prompt, 5 to 25; None: the service's 12.
        motion: How much moves, 0 to 4; None: the service's 1.
        negative_prompt: What to avoid.
        seed: For repeating a video; may exceed 32 bits.
        extend: Make ``video`` longer instead of starting anew.
        extra: Merged into the request body last, nested objects key by key: for whatever is newer
            than this version.
        metadata: The caller's own texts by name, such as a number in a catalogue. They are kept
            with the result, in the journal and in the report, and never sent; requests that
            differ in them alone are the same. Of several such requests in one batch they tell
            a journal which is which.

    What is made follows from what is given: a prompt alone, a video from text; ``image``, a video
    that begins with it; ``pikaffect``, the effect on the image or the video; ``keyframes``;
    ``ingredients``; ``video`` with ``image``, an addition to the video; ``video`` with ``region``
    or ``mask``, a swap in it; ``extend``, a longer one.

    Raises:
        FieldError: Names the field, the value and what is allowed; also a ValueError.
    """

    prompt: str = field(
        metadata=explained("What to show.", "PROMPT"),
        converter=to_text,
        validator=text(empty=False),
    )
    image: Media | None = field(
        metadata=explained("Start from this image.", "FILE_OR_URL", medium="image"),
        kw_only=True,
        default=None,
        validator=check_medium,
        repr=show_media,
    )
    video: Media | None = field(
        metadata=explained("Start from this video.", "FILE_OR_URL", medium="video"),
        kw_only=True,
        default=None,
        validator=check_medium,
        repr=show_media,
    )
    pikaffect: Pikaffect | str | None = field(
        metadata=explained("An effect: Melt, Squish, Explode, …", "EFFECT"),
        kw_only=True,
        default=None,
        converter=to_pikaffect,
    )
    model: str | None = field(
        metadata=explained("Model version.", "VERSION", unsaid="1.5"),
        kw_only=True,
        default=None,
        converter=text_or_none,
        validator=optional(text(empty=False, allowed='a version as text, such as "1.5"')),
    )
    resolution: Resolution | None = field(
        metadata=explained("480p, 720p or 1080p.", "HEIGHT"),
        kw_only=True,
        default=None,
        validator=one_of(*get_args(Resolution)),
    )
    duration: int | None = field(
        metadata=explained("Length of the video, in seconds.", "SECONDS"),
        kw_only=True,
        default=None,
        converter=to_whole_or_none,
        validator=whole_from_one_or_none,
    )
    keyframes: Sequence[Media] = field(
        metadata=explained("Pass through this image; give 2 to 5.", "FILE_OR_URL", medium="image"),
        kw_only=True,
        default=(),
        converter=to_several,
        validator=check_media_of(*KEYFRAMES_RANGE),
        repr=show_several,
    )
    keyframe_seconds: int | Sequence[int] | None = field(
        metadata=explained("Seconds between two keyframes.", "SECONDS"),
        kw_only=True,
        default=None,
        converter=to_seconds,
        validator=check_seconds,
    )
    ingredients: Sequence[Media] = field(
        metadata=explained("Show the things in this image. Repeatable.", "FILE_OR_URL", "image"),
        kw_only=True,
        default=(),
        converter=to_several,
        validator=check_media_of(1, None),
        repr=show_several,
    )
    ingredients_mode: IngredientsMode | None = field(
        metadata=explained("precise or creative.", "MODE"),
        kw_only=True,
        default=None,
        validator=one_of(*get_args(IngredientsMode)),
    )
    region: str | None = field(
        metadata=explained("What to swap in --video, in words.", "WORDS"),
        kw_only=True,
        default=None,
        converter=text_or_none,
        validator=optional(text(empty=False)),
    )
    mask: Media | None = field(
        metadata=explained("What to swap in --video, as an image.", "FILE_OR_URL", medium="image"),
        kw_only=True,
        default=None,
        validator=check_medium,
        repr=show_media,
    )
    aspect_ratio: float | None = field(
        metadata=explained("16:9, 1:1, … or a number from 0.4 to 2.5.", "W:H"),
        kw_only=True,
        default=None,
        converter=to_aspect_ratio,
        validator=number_within(*ASPECT_RATIO_RANGE, whole=False),
    )
    frame_rate: int | None = field(
        metadata=explained("Frames per second, 1 to 24.", "N", unsaid=24),
        kw_only=True,
        default=None,
        converter=to_whole_or_none,
        validator=number_within(*FRAME_RATE_RANGE, whole=True),
    )
    camera: Camera | None = field(
        metadata=explained(
            "zoom=in|out, pan=left|right, tilt=up|down, rotate=cw|ccw. Repeatable.", "MOVE=WHERE"
        ),
        kw_only=True,
        default=None,
        converter=to_camera,
        validator=check_camera,
    )
    guidance_scale: float | None = field(
        metadata=explained("How closely to follow the prompt, 5 to 25.", "N"),
        kw_only=True,
        default=None,
        converter=to_number,
        validator=number_within(*GUIDANCE_SCALE_RANGE, whole=False),
    )
    motion: int | None = field(
        metadata=explained("How much moves, 0 to 4.", "N"),
        kw_only=True,
        default=None,
        converter=to_whole_or_none,
        validator=number_within(*MOTION_RANGE, whole=True),
    )
    negative_prompt: str = field(
        metadata=explained("What to avoid.", "TEXT"),
        kw_only=True,
        default="",
        converter=to_text,
        validator=text(empty=True),
    )
    seed: int | None = field(
        metadata=explained("For repeating a video.", "N"),
        kw_only=True,
        default=None,
        converter=to_whole_or_none,
        validator=whole_or_none,
    )
    extend: bool = field(
        metadata=explained("Make --video longer instead of starting anew."),
        kw_only=True,
        default=False,
        validator=flag,
    )
    extra: Mapping[str, Any] = field(
        metadata=explained(
            "An object merged into the request: for what is newer than this version.", "JSON"
        ),
        kw_only=True,
        factory=dict,
        converter=to_extra,
        hash=False,
    )
    metadata: Mapping[str, str] = field(
        metadata=explained(
            "Your own texts by name; kept with the result, never sent.", "JSON", sent=False
        ),
        kw_only=True,
        factory=dict,
        converter=to_metadata,
        hash=False,
    )

    def __attrs_post_init__(self) -> None:
        for name, needed in _NEEDS.items() if any(_LEANING(self)) else ():
            if getattr(self, name) not in (None, ()) and getattr(self, needed) in (None, ()):
                raise FieldError(
                    name,
                    getattr(self, name),
                    f"{name} together with {needed}",
                    problem=f"it says something of {needed}, which is not given",
                )
        seconds, steps = self.keyframe_seconds, len(self.keyframes) - 1
        if isinstance(seconds, tuple) and len(seconds) != steps:
            raise FieldError(
                "keyframe_seconds",
                seconds,
                "one number, or one for each step between two keyframes",
                problem=f"between {steps + 1} keyframes there are {steps} steps",
            )


# What says something of another field means nothing without it.
_NEEDS: Final = {
    "keyframe_seconds": "keyframes",
    "ingredients_mode": "ingredients",
    "region": "video",
    "mask": "video",
}
# Most requests say nothing of the kind: all fields by one call.
_LEANING: Final = attrgetter(*_NEEDS)


_made: Final = quick(GenerationRequest)
_PROMPT: Final = attrs.fields(GenerationRequest).prompt


def of_prompt(prompt: str) -> GenerationRequest:
    """What ``GenerationRequest(prompt)`` is: where nothing else is said, nothing else is checked.

    Raises:
        FieldError: The prompt is not allowed.
    """
    text_of_it = to_text(prompt)
    check: Any = _PROMPT.validator
    check(None, _PROMPT, text_of_it)
    return _made(text_of_it)
