"""What a submitted body must look like: the strict schemas of Pika's own models (WIRE-PIKA 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from attrs import field, frozen

Check: TypeAlias = Callable[[Any], str | None]

_MOST_STEP_SECONDS: Final = 10
_MOST_STEP_SECONDS_OF_SEVERAL: Final = 5
_IMAGES: Final = (2, 5)


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else "Input should be a text"


def _any_text(value: Any) -> str | None:
    return None if isinstance(value, str) else "Input should be a text"


def _whole(value: Any) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return None if whole else "Input should be an integer"


def _address(value: Any) -> str | None:
    good = isinstance(value, str) and value.startswith(("https://", "http://"))
    return None if good else "Input should be an http(s) URL"


def _addresses(value: Any) -> str | None:
    low, high = _IMAGES
    if not (isinstance(value, list) and low <= len(value) <= high):
        return f"Input should be a list of {low} to {high} URLs"
    return next(filter(None, map(_address, value)), None)


def _among(*allowed: Any) -> Check:
    def check(value: Any) -> str | None:
        good = value in allowed and not isinstance(value, bool)
        return None if good else f"Input should be one of {', '.join(map(str, allowed))}"

    return check


def _step(value: Any) -> str | None:
    good = _whole(value) is None and 1 <= value <= _MOST_STEP_SECONDS
    return None if good else f"Input should be an integer from 1 to {_MOST_STEP_SECONDS}"


_COMMON: Final[Mapping[str, Check]] = {
    "negative_prompt": _any_text,
    "seed": _whole,
    "resolution": _among("720p", "1080p"),
}


@frozen
class Schema:
    """The schema and the list price of one model."""

    required: tuple[str, ...]
    fields: Mapping[str, Check]
    """Each field with what is wrong with a value of it."""
    prices: Mapping[str, int]
    """Micro-dollars for each second, by resolution."""
    seconds: int = field(default=5, kw_only=True)
    """How long a video is where nothing is said."""


_TEXT: Final = Schema(
    ("prompt",),
    {"prompt": _text, "duration_s": _among(5), **_COMMON},
    {"720p": 40_000, "1080p": 90_000},
)
_PER_VIDEO: Final = {"720p": 30_000, "1080p": 30_000}
SCHEMAS: Final[Mapping[str, Schema]] = {
    "pika/pika-2.5/text-to-video": _TEXT,
    "pika/pika-2.5/image-to-video": Schema(
        ("image",),
        {"image": _address, "prompt": _text, "duration_s": _among(5, 10), **_COMMON},
        {"720p": 40_000, "1080p": 90_000},
    ),
    "pika/pikaframes/image-to-video": Schema(
        ("images",),
        {"images": _addresses, "prompt": _text, "transition_duration_s": _step, **_COMMON},
        {"720p": 40_000, "1080p": 60_000},
    ),
    "pika/pikadditions/video-to-video": Schema(
        ("video", "prompt"),
        {
            "video": _address,
            "prompt": _text,
            "image": _address,
            "duration_s": _among(5, 10),
            **_COMMON,
        },
        _PER_VIDEO,
    ),
    "pika/pikaswaps/video-to-video": Schema(
        ("video", "prompt"),
        {
            "video": _address,
            "prompt": _text,
            "image": _address,
            "modify_region_roi": _text,
            "modify_region_mask": _address,
            "duration_s": _whole,
            **_COMMON,
        },
        _PER_VIDEO,
    ),
    "pika/pikaffects/image-to-video": Schema(
        ("pikaffect", "image"),
        {"pikaffect": _text, "image": _address, "prompt_override": _text, "seed": _whole},
        {"1080p": 50_000},
    ),
    "pika/pikaffects/video-to-video": Schema(
        ("pikaffect", "video"),
        {"pikaffect": _text, "video": _address, "seed": _whole},
        {"1080p": 50_000},
    ),
}
"""Pika's own models by API id; those of other vendors take anything here."""


def complaint(api_id: str, body: Mapping[str, Any] | None) -> str | None:
    """Why the service would refuse this body, or None when it would not."""
    if body is None:
        return "Input should be an object"
    schema = SCHEMAS.get(api_id)
    if schema is None:
        return None
    for name in schema.required:
        if name not in body:
            return f"{name}: Field required"
    for name, value in body.items():
        check = schema.fields.get(name)
        trouble = "Extra inputs are not permitted" if check is None else check(value)
        if trouble is not None:
            return f"{name}: {trouble}"
    return _steps(body)


def _steps(body: Mapping[str, Any]) -> str | None:
    seconds = body.get("transition_duration_s", 0)
    if seconds > _MOST_STEP_SECONDS_OF_SEVERAL and len(body.get("images", ())) > 2:
        return f"transition_duration_s: at most {_MOST_STEP_SECONDS_OF_SEVERAL} with 3 images"
    return None


def price(api_id: str, body: Mapping[str, Any]) -> int:
    """The list price of a job in micro-dollars; of other vendors' models that of a short video."""
    schema = SCHEMAS.get(api_id, _TEXT)
    dearest = max(schema.prices.values())
    a_second = schema.prices.get(body.get("resolution", "1080p"), dearest)
    steps = max(len(body.get("images", ())) - 1, 1) if "images" in schema.fields else 1
    seconds = body.get("transition_duration_s", body.get("duration_s", schema.seconds))
    return a_second * int(seconds) * steps
