"""A request as values that JSON can hold, whole: for queues, databases and other processes.

This is another thing than a record, which a journal keeps: there a medium is a digest, here it can
be sent again.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from pika_async._request.camera import Camera
from pika_async._request.parts import MEDIA_FIELDS
from pika_async._request.request import GenerationRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._request.media import Media, MediaKind

_FIELDS: Final = {attribute.name: attribute for attribute in attrs.fields(GenerationRequest)}

_ALLOWED: Final = 'allowed are {"path": …}, {"url": …} and {"base64": …}'


def request_as_dict(request: GenerationRequest) -> dict[str, Any]:
    """What the request says, by field; a medium is ``{"path"|"url"|"base64": …}``."""
    said = {}
    for name in _FIELDS:
        value = getattr(request, name)
        # A seed of 0 is equal to False, and is said.
        if value is not None and value is not False and value not in ("", (), {}):
            said[name] = _written(name, value)
    return said


def request_from_dict(said: Any) -> GenerationRequest:
    """The request that :func:`request_as_dict` wrote; no file is looked at.

    Raises:
        FieldError: A field is not allowed.
        ValueError: It is no request, or of a version that has more fields.
    """
    if not isinstance(said, dict) or not isinstance(said.get("prompt"), str):
        raise ValueError("a request is an object with a prompt")  # noqa: TRY004 - of the text
    if unknown := said.keys() - _FIELDS:
        # Overlooked, it would be a video of something else.
        raise ValueError(
            f"{min(unknown)!r} is no field of a request; its fields are {', '.join(_FIELDS)}"
        )
    return GenerationRequest(**{name: _read(name, value) for name, value in said.items()})


def _written(name: str, value: Any) -> Any:
    match value:
        case _ if name in MEDIA_FIELDS:
            return list(map(_medium, value)) if isinstance(value, tuple) else _medium(value)
        case Camera():
            return attrs.asdict(value, filter=lambda _, movement: movement is not None)
        case tuple():
            return list(value)
        case _:
            return value


def _medium(medium: Media) -> dict[str, str]:
    match medium:
        case Path():
            return {"path": str(medium)}
        case bytes():
            return {"base64": base64.b64encode(medium).decode()}
        case _:
            return {"url": medium}


def _read(name: str, value: Any) -> Any:
    match value:
        case None:
            raise ValueError(f"{name}: null is not allowed; a field that says nothing is left out")
        case _ if (kind := MEDIA_FIELDS.get(name)) is not None:
            return _read_media(name, kind, value)
        case dict() if name == "camera":
            return _read_camera(value)
        case _:
            return value


def _read_media(name: str, kind: MediaKind, value: Any) -> Any:
    if isinstance(value, list):
        return [_read_medium(name, kind, one) for one in value]
    return _read_medium(name, kind, value)


def _read_medium(name: str, kind: MediaKind, value: Any) -> Media:
    match value:
        case {"path": str(path), **rest} if not rest and path:
            return Path(path)
        case {"url": str(url), **rest} if not rest:
            return url
        case {"base64": str(text), **rest} if not rest:
            return base64.b64decode(text, validate=True)
        case _:
            raise ValueError(f"{name}: this is no {kind}; {_ALLOWED}")


def _read_camera(value: Mapping[str, Any]) -> Camera:
    if unknown := value.keys() - {attribute.name for attribute in attrs.fields(Camera)}:
        raise ValueError(f"camera: {min(unknown)!r} is no movement of it")
    return Camera(**value)
