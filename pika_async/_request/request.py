"""What a video is asked for with; wrong values are refused here, before money is spent."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from pika_async._request.media import SNIFF_LENGTH, MediaKind, media_type

Media = Path | bytes | str

_A: Final[dict[MediaKind, str]] = {"image": "an image", "video": "a video"}

ASPECT_RATIO_RANGE: Final = (0.4, 2.5)
FRAME_RATE_RANGE: Final = (1, 24)
MOTION_RANGE: Final = (0, 4)
GUIDANCE_SCALE_RANGE: Final = (5, 25)


class Pikaffect(StrEnum):
    """The effects that the gateway, its siblings and Pika's own API are known to accept."""

    TA_DA = "Ta-da"
    DEFLATE = "Deflate"
    CRUMBLE = "Crumble"
    DISSOLVE = "Dissolve"
    SQUISH = "Squish"
    INFLATE = "Inflate"
    MELT = "Melt"
    CRUSH = "Crush"
    CAKE_IFY = "Cake-ify"
    EXPLODE = "Explode"
    LEVITATE = "Levitate"
    DECAPITATE = "Decapitate"
    EYE_POP = "Eye-pop"
    PEEL = "Peel"
    POKE = "Poke"
    TEAR = "Tear"


def _refuse(name: str, value: object, allowed: str) -> ValueError:
    try:
        shown = repr(value)
    except (ValueError, RecursionError):
        # Integers of more than 4300 digits, and what is nested too deeply, have no repr.
        shown = f"this {type(value).__name__}, too large to show,"
    if len(shown) > 200:
        shown = f"{shown[:200]}…"
    return ValueError(f"{name}: {shown} is not allowed; {allowed}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number_within(low: float, high: float, *, whole: bool) -> Any:
    kind = "a whole number" if whole else "a number"

    def check(_: object, attribute: Attribute[Any], value: Any) -> None:
        if value is None:
            if attribute.default is None:
                return
            raise _refuse(attribute.name, value, f"allowed is {kind} from {low} to {high}")
        right_kind = _is_whole(value) if whole else _is_number(value)
        # Written so that NaN, which compares false with everything, is refused too.
        if not (right_kind and low <= value <= high):
            raise _refuse(attribute.name, value, f"allowed is {kind} from {low} to {high}")

    return check


def _text(*, empty: bool) -> Any:
    allowed = "allowed is text" if empty else "allowed is text that is not empty"

    def check(_: object, attribute: Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or not (empty or value.strip()):
            raise _refuse(attribute.name, value, allowed)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _refuse(attribute.name, value, "it holds half a surrogate pair") from None

    return check


def _check_model(_: object, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise _refuse(attribute.name, value, 'allowed is a version as text, such as "1.5"')


def _check_whole(_: object, attribute: Attribute[Any], value: Any) -> None:
    if value is not None and not _is_whole(value):
        raise _refuse(attribute.name, value, "allowed is a whole number")


def _check_flag(_: object, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        raise _refuse(attribute.name, value, "allowed is True or False")


def _one_of(*allowed: str) -> Any:
    def check(_: object, attribute: Attribute[Any], value: Any) -> None:
        if value is not None and value not in allowed:
            raise _refuse(f"camera.{attribute.name}", value, f"allowed are {', '.join(allowed)}")

    return check


@frozen(kw_only=True)
class Camera:
    """How the camera moves; None leaves a movement out."""

    zoom: Literal["in", "out"] | None = field(default=None, validator=_one_of("in", "out"))
    pan: Literal["left", "right"] | None = field(default=None, validator=_one_of("left", "right"))
    tilt: Literal["up", "down"] | None = field(default=None, validator=_one_of("up", "down"))
    rotate: Literal["cw", "ccw"] | None = field(default=None, validator=_one_of("cw", "ccw"))


def _to_camera(value: Camera | None) -> Camera | None:
    # A camera that does nothing is sent as none at all, so the two are the same request.
    return None if value is None or value == Camera() else value


def _check_camera(_: object, attribute: Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, Camera):
        raise _refuse(attribute.name, value, "allowed is a Camera, such as Camera(zoom='in')")


def _to_pikaffect(value: Pikaffect | str | None) -> Pikaffect | None:
    if value is None or isinstance(value, Pikaffect):
        return value
    names = {effect.lower(): effect for effect in Pikaffect}
    if not isinstance(value, str):
        raise _refuse("pikaffect", value, f"allowed are {', '.join(Pikaffect)}")
    effect = names.get(value.strip().lower())
    if effect is None:
        nearest = difflib.get_close_matches(value.lower(), names, n=1, cutoff=0.5)
        hint = f"did you mean {names[nearest[0]].value!r}? " if nearest else ""
        raise _refuse(
            "pikaffect",
            value,
            f"{hint}allowed are {', '.join(Pikaffect)}; "
            "an effect newer than this version goes through extra={'pikaffect': …}",
        )
    return effect


def _to_aspect_ratio(value: float | str | None) -> float | None:
    if not isinstance(value, str):
        return value
    low, high = ASPECT_RATIO_RANGE
    width, separator, height = value.partition(":")
    try:
        ratio = float(width) / float(height) if separator else float(value)
    except (ValueError, ZeroDivisionError):
        ratio = math.nan
    # Checked here too, so that the error shows the text and not what it comes to.
    if not low <= ratio <= high:
        raise _refuse(
            "aspect_ratio", value, f"allowed is width:height or a number from {low} to {high}"
        )
    return ratio


def _check_media(_: object, attribute: Attribute[Any], value: Any) -> None:
    if value is not None:
        check_media(attribute.name, "video" if attribute.name == "video" else "image", value)


def check_media(name: str, kind: MediaKind, value: Any) -> None:
    """Refuse what is no file, bytes or URL of an image or a video.

    Raises:
        ValueError: Names the field, the value and what is allowed.
    """
    if isinstance(value, bytes):
        if _kind_of(value[:SNIFF_LENGTH]) != kind:
            raise _refuse(name, value[:SNIFF_LENGTH], f"these bytes do not begin like {_A[kind]}")
    elif isinstance(value, Path):
        _check_file(name, kind, value)
    elif isinstance(value, str):
        _check_url(name, kind, value)
    else:
        raise _refuse(name, value, "allowed are a pathlib.Path, bytes, or an http(s) or data URL")


def _kind_of(head: bytes) -> str:
    return (media_type(head) or "").partition("/")[0]


def _check_file(name: str, kind: MediaKind, path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(SNIFF_LENGTH)
    except (OSError, ValueError) as error:
        # ValueError: a path with a null character in it.
        problem = getattr(error, "strerror", None) or error
        raise _refuse(name, str(path), f"the file cannot be read: {problem}") from error
    if _kind_of(head) != kind:
        raise _refuse(name, str(path), f"the file does not begin like {_A[kind]}")


def _check_url(name: str, kind: MediaKind, url: str) -> None:
    allowed = "allowed is an http(s) or data URL; for a file pass a pathlib.Path"
    if url[:5].lower() == "data:":
        if not url[5:].lower().startswith(f"{kind}/") or not url.partition(",")[2]:
            raise _refuse(name, url, f"allowed is a data URL of {_A[kind]}: data:{kind}/…;base64,…")
        return
    try:
        parts = urlsplit(url)
        # urlsplit overlooks blanks; a line break copied along with a link costs a video.
        good = parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", url)
        good = good and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise _refuse(name, url, allowed)


def _to_extra(value: Mapping[str, Any]) -> Mapping[str, Any]:
    # A copy, and as JSON reads it: what was validated is what is sent and what is fingerprinted,
    # whatever happens to the caller's dict.
    if value == {}:
        return {}
    allowed = "allowed is a mapping with text keys and values that JSON can hold"
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _refuse("extra", value, allowed)
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise _refuse("extra", value, f"{allowed}: {error}") from error
    return copy


def _show_media(value: Media | None) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, str) and len(value) > 100:
        return f"{value[:80]!r}…"
    return repr(value)


@frozen
class GenerationRequest:
    """One video to make. The prompt is positional, everything else is named.

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
        ValueError: Names the field, the value and what is allowed.
    """

    prompt: str = field(validator=_text(empty=False))
    image: Media | None = field(
        kw_only=True, default=None, validator=_check_media, repr=_show_media
    )
    video: Media | None = field(
        kw_only=True, default=None, validator=_check_media, repr=_show_media
    )
    pikaffect: Pikaffect | None = field(kw_only=True, default=None, converter=_to_pikaffect)
    model: str = field(kw_only=True, default="1.5", validator=_check_model)
    aspect_ratio: float | None = field(
        kw_only=True,
        default=None,
        converter=_to_aspect_ratio,
        validator=_number_within(*ASPECT_RATIO_RANGE, whole=False),
    )
    frame_rate: int = field(
        kw_only=True, default=24, validator=_number_within(*FRAME_RATE_RANGE, whole=True)
    )
    camera: Camera | None = field(
        kw_only=True, default=None, converter=_to_camera, validator=_check_camera
    )
    guidance_scale: float | None = field(
        kw_only=True, default=None, validator=_number_within(*GUIDANCE_SCALE_RANGE, whole=False)
    )
    motion: int | None = field(
        kw_only=True, default=None, validator=_number_within(*MOTION_RANGE, whole=True)
    )
    negative_prompt: str = field(kw_only=True, default="", validator=_text(empty=True))
    seed: int | None = field(kw_only=True, default=None, validator=_check_whole)
    extend: bool = field(kw_only=True, default=False, validator=_check_flag)
    extra: Mapping[str, Any] = field(kw_only=True, factory=dict, converter=_to_extra, hash=False)


def as_request(request: GenerationRequest | str) -> GenerationRequest:
    """A request from what users pass: a request, or its prompt alone.

    Raises:
        ValueError: The prompt is empty, or it is neither.
    """
    if isinstance(request, GenerationRequest):
        return request
    if isinstance(request, str):
        return GenerationRequest(request)
    raise _refuse("request", request, "allowed is a GenerationRequest or a prompt as text")
