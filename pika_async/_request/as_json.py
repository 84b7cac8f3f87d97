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

# What is allowed wherever a medium is, and not looked into.
_STAND_IN: Final = "https://stand-in.invalid/"


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
    paths: dict[str, Any] = {}
    given = {name: _read(name, value, paths) for name, value in said.items()}
    request = GenerationRequest(**given)
    for name, value in paths.items():
        # Here the file may not be there, or not yet; whether it is one is asked when it is sent.
        object.__setattr__(request, name, value)
    return request


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


def _read(name: str, value: Any, paths: dict[str, Any]) -> Any:
    match value:
        case None:
            raise ValueError(f"{name}: null is not allowed; a field that says nothing is left out")
        case _ if (kind := MEDIA_FIELDS.get(name)) is not None:
            return _read_media(name, kind, value, paths)
        case dict() if name == "camera":
            return _read_camera(value)
        case _:
            return value


def _read_media(name: str, kind: MediaKind, value: Any, paths: dict[str, Any]) -> Any:
    several = isinstance(value, list)
    media = [_read_medium(name, kind, one) for one in (value if several else [value])]
    if any(isinstance(medium, Path) for medium in media):
        paths[name] = tuple(media) if several else media[0]
        media = [_STAND_IN if isinstance(medium, Path) else medium for medium in media]
    return media if several else media[0]


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
