"""What fal is sent: the input of one endpoint, no envelope."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any, Final

from pika_async._checks import FieldError
from pika_async._request.effects import Pikaffect, nearest_effect, unknown_effect
from pika_async._request.kinds import kind_of
from pika_async.dialects._extra import merged
from pika_async.dialects._fields import (
    check_among,
    check_needed,
    check_taken,
    is_full_path,
    said,
)
from pika_async.dialects.fal.models import DEFAULT_SECONDS, is_misspelt, model_of
from pika_async.dialects.fal.paths import checked_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._request.request import GenerationRequest

ASPECT_RATIOS: Final = {
    name: int(name.partition(":")[0]) / int(name.partition(":")[2])
    for name in ("16:9", "9:16", "1:1", "4:5", "5:4", "3:2", "2:3")
}
DURATIONS: Final = (5, 10)
LONGEST_KEYFRAMES: Final = 25
EFFECTS: Final = (
    Pikaffect.CAKE_IFY,
    Pikaffect.CRUMBLE,
    Pikaffect.CRUSH,
    Pikaffect.DECAPITATE,
    Pikaffect.DEFLATE,
    Pikaffect.DISSOLVE,
    Pikaffect.EXPLODE,
    Pikaffect.EYE_POP,
    Pikaffect.INFLATE,
    Pikaffect.LEVITATE,
    Pikaffect.MELT,
    Pikaffect.PEEL,
    Pikaffect.POKE,
    Pikaffect.SQUISH,
    Pikaffect.TA_DA,
    Pikaffect.TEAR,
)
# 1.78 and 0.67 are how people write 16:9 and 2:3.
_NEARLY: Final = 0.005
_SEED_BITS: Final = 31
_ONE_TO_ONE: Final[Mapping[str, str]] = {
    "image": "image_url",
    "video": "video_url",
    "ingredients_mode": "ingredients_mode",
    "region": "modify_region",
    "resolution": "resolution",
    "duration": "duration",
    "seed": "seed",
}
_NAMED: Final = frozenset(_ONE_TO_ONE) | {
    "negative_prompt",
    "pikaffect",
    "aspect_ratio",
    "keyframes",
    "keyframe_seconds",
    "ingredients",
}


def check(request: GenerationRequest) -> None:
    """Refuse what the endpoint that makes it has no place for.

    Raises:
        FieldError: Names the field, the value and what is allowed.
    """
    if is_full_path(request) and not is_misspelt(request.model):
        _check_full_path(request)
        return
    model, who = model_of(request), str(kind_of(request))
    check_taken(request, model.takes, f"{who} at fal")
    if "pikaffect" in model.takes:
        check_needed(request, "image", who)
        _check_effect(request.pikaffect)
    check_among("resolution", request.resolution, model.resolutions, f"{who} at fal")
    check_among("duration", request.duration, DURATIONS, "fal")
    _ratio_name(request)
    _check_steps(request)


def _check_full_path(request: GenerationRequest) -> None:
    # What the endpoint takes is for it to say; here, only what has no name to be sent under.
    checked_path("model", str(request.model))
    for name, value in said(request):
        if name not in _NAMED:
            problem = (
                "endpoints that are given by their path have no common name for this field; put "
                "it into extra, under the name that this endpoint has for it"
            )
            raise FieldError(name, value, "nothing here", problem=problem)
    if request.keyframes and request.ingredients:
        problem = "fal's endpoints have one list of images; give keyframes or ingredients"
        raise FieldError("ingredients", "given", "nothing beside keyframes", problem=problem)
    _ratio_name(request)


def _check_effect(effect: object) -> None:
    if effect not in EFFECTS:
        near = nearest_effect(str(effect))
        raise unknown_effect(effect, EFFECTS, nearest=near if near in EFFECTS else None)


def _ratio_name(request: GenerationRequest) -> str | None:
    ratio = request.aspect_ratio
    if ratio is None:
        return None
    for name, value in ASPECT_RATIOS.items():
        if math.isclose(ratio, value, rel_tol=_NEARLY):
            return name
    raise FieldError("aspect_ratio", ratio, ", ".join(ASPECT_RATIOS), verb="are")


def _check_steps(request: GenerationRequest) -> None:
    seconds = steps_of(request)
    if sum(seconds) > LONGEST_KEYFRAMES:
        raise FieldError(
            "keyframe_seconds",
            request.keyframe_seconds,
            f"{LONGEST_KEYFRAMES} seconds in all",
            problem=f"these are {sum(seconds)} seconds in all; allowed are {LONGEST_KEYFRAMES}",
        )


def steps_of(request: GenerationRequest) -> tuple[int, ...]:
    """Seconds between each two keyframes."""
    given = request.keyframe_seconds
    if isinstance(given, tuple):
        return given
    one = given if isinstance(given, int) else DEFAULT_SECONDS
    return (one,) * max(len(request.keyframes) - 1, 0)


def path_of(app: str, request: GenerationRequest) -> str:
    """The path of the endpoint that is asked."""
    if is_full_path(request):
        return str(request.model)
    return f"{app}/{model_of(request).path}"


def body_of(request: GenerationRequest, key: str) -> dict[str, Any]:
    """The JSON object that asks for ``request``, whose media are URLs by now.

    Args:
        request: What is asked for.
        key: What tells this submit from all others; a seed that nobody gave is drawn from it, so
            that the job can be told from its equals in the service's history.
    """
    body: dict[str, Any] = {"prompt": request.prompt}
    for name, spelling in _ONE_TO_ONE.items():
        value = getattr(request, name)
        if value is not None:
            body[spelling] = _as_sent(value)
    if request.negative_prompt:
        body["negative_prompt"] = request.negative_prompt
    if request.pikaffect is not None:
        body["pikaffect"] = str(request.pikaffect)
    if request.aspect_ratio is not None:
        body["aspect_ratio"] = _ratio_name(request)
    if request.keyframes:
        body["image_urls"] = [_as_sent(one) for one in request.keyframes]
        body["transitions"] = [{"duration": seconds} for seconds in steps_of(request)]
    if request.ingredients:
        body["image_urls"] = [_as_sent(one) for one in request.ingredients]
    if _draws(request):
        body["seed"] = drawn_seed(key)
    return merged(body, request.extra)


def seed_sent(request: GenerationRequest, key: str) -> int | None:
    """The seed in the body of this submit: given or drawn."""
    if "seed" in request.extra:
        given = request.extra["seed"]
        return given if type(given) is int else None
    return drawn_seed(key) if _draws(request) else request.seed


def _draws(request: GenerationRequest) -> bool:
    """Whether nobody gave a seed, and the endpoint takes one."""
    takes = not is_full_path(request) and "seed" in model_of(request).takes
    return request.seed is None and takes


def _as_sent(value: object) -> object:
    if isinstance(value, str | int):
        return value
    raise TypeError(f"bring {type(value).__name__} up before encoding the request")


def drawn_seed(key: str) -> int:
    """A seed that is the same for the same submit, and hardly ever that of another."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _SEED_BITS)
