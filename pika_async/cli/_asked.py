"""From the options of ``generate`` to a request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pika_async import Camera, GenerationRequest
from pika_async.cli._exits import UsageError
from pika_async.cli._prompt_fields import medium
from pika_async.cli._words import for_shell

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOVEMENTS = {"zoom": "in, out", "pan": "left, right", "tilt": "up, down", "rotate": "cw, ccw"}


def requested(
    prompt: str,
    *,
    image: str | None,
    video: str | None,
    camera: Iterable[str],
    extra: str | None,
    **fields: Any,
) -> GenerationRequest:
    """The request.

    Raises:
        UsageError: Something in it is not allowed.
    """
    if fields.get("extend") and video is None:
        raise UsageError("--extend makes a video longer: give that one with --video.")
    try:
        return GenerationRequest(
            prompt,
            image=None if image is None else medium(image),
            video=None if video is None else medium(video),
            camera=_camera(camera),
            extra=_extra(extra),
            **fields,
        )
    except ValueError as error:
        raise UsageError(f"{for_shell(str(error)).rstrip('.')}.") from error


def _camera(movements: Iterable[str]) -> Camera | None:
    found: dict[str, Any] = {}
    for movement in movements:
        name, _, direction = movement.partition("=")
        if name not in _MOVEMENTS:
            allowed = "; ".join(f"{known}={values}" for known, values in _MOVEMENTS.items())
            raise UsageError(f"--camera {movement!r} is not allowed; allowed are {allowed}.")
        if not direction:
            raise UsageError(f"--camera {name}: say where, {name}={_MOVEMENTS[name]}.")
        if name in found:
            raise UsageError(f"--camera {name} was given twice.")
        found[name] = direction
    return Camera(**found) if found else None


def _extra(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--extra {text!r} is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise UsageError(f"--extra {text!r} is no JSON object, such as '{{\"name\": 1}}'.")
    return value
