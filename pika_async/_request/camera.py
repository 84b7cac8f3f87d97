"""How the camera moves."""

from __future__ import annotations

from typing import Any, Literal

from attrs import Attribute, field, frozen

from pika_async._checks import FieldError, one_of


@frozen(kw_only=True)
class Camera:
    """How the camera moves; None leaves a movement out.

    Attributes:
        zoom: ``"in"`` or ``"out"``.
        pan: ``"left"`` or ``"right"``.
        tilt: ``"up"`` or ``"down"``.
        rotate: ``"cw"`` (clockwise) or ``"ccw"``.

    Raises:
        FieldError: Names the movement, the value and what is allowed.
    """

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


def to_camera(value: Camera | None) -> Camera | None:
    # A camera that does nothing is sent as none at all, so the two are the same request.
    return None if value is None or value == Camera() else value


def check_camera(_: object, attribute: Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, Camera):
        raise FieldError(attribute.name, value, "a Camera, such as Camera(zoom='in')")
