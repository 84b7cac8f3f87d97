"""What the endpoints want in a body. fal looks when the job runs, and never at the submit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_DURATIONS: Final = (5, 10)
_NEEDED: Final = {
    "text-to-video": ("prompt",),
    "image-to-video": ("image_url", "prompt"),
    "pikascenes": ("image_urls", "prompt"),
    "pikaframes": ("image_urls",),
    "pikaffects": ("image_url", "pikaffect"),
    "pikadditions": ("video_url", "image_url"),
    "pikaswaps": ("video_url",),
}
_ALLOWED: Final[Mapping[str, tuple[object, ...]]] = {
    "duration": _DURATIONS,
    "resolution": ("480p", "720p", "1080p"),
    "aspect_ratio": ("16:9", "9:16", "1:1", "4:5", "5:4", "3:2", "2:3"),
    "ingredients_mode": ("precise", "creative"),
}


def complaints(endpoint: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is wrong with a body, as the model says it; empty where nothing is."""
    missing = [
        _item(name, "Field required", "missing")
        for name in _NEEDED.get(endpoint.rpartition("/")[2], ())
        if not body.get(name)
    ]
    wrong = [
        _item(name, f"Input should be one of {allowed}", "enum")
        for name, allowed in _ALLOWED.items()
        if name in body and body[name] not in allowed
    ]
    seed = body.get("seed")
    if seed is not None and type(seed) is not int:
        wrong.append(_item("seed", "Input should be a valid integer", "int_type"))
    return missing + wrong


def _item(name: str, message: str, kind: str) -> dict[str, Any]:
    return {"loc": ["body", name], "msg": message, "type": kind}
