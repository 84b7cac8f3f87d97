"""What is made follows from what is given."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pika_async._request.request import GenerationRequest


class Kind(StrEnum):
    """What a request asks for; services have a model, or none, for each."""

    TEXT_TO_VIDEO = "text to video"
    IMAGE_TO_VIDEO = "image to video"
    EFFECT_ON_IMAGE = "an effect on an image"
    EFFECT_ON_VIDEO = "an effect on a video"
    KEYFRAMES = "keyframes"
    INGREDIENTS = "ingredients"
    ADDITION = "an addition to a video"
    SWAP = "a swap in a video"
    VIDEO_TO_VIDEO = "video to video"
    EXTENSION = "an extension of a video"

    @property
    def given(self) -> tuple[str, ...]:
        """The fields that say that it is this kind, beside the prompt."""
        return _GIVEN[self]


_GIVEN = {
    Kind.TEXT_TO_VIDEO: (),
    Kind.IMAGE_TO_VIDEO: ("image",),
    Kind.EFFECT_ON_IMAGE: ("pikaffect", "image"),
    Kind.EFFECT_ON_VIDEO: ("pikaffect", "video"),
    Kind.KEYFRAMES: ("keyframes",),
    Kind.INGREDIENTS: ("ingredients",),
    Kind.ADDITION: ("video", "image"),
    Kind.SWAP: ("video", "region", "mask"),
    Kind.VIDEO_TO_VIDEO: ("video",),
    Kind.EXTENSION: ("extend", "video"),
}


def kind_of(request: GenerationRequest) -> Kind:
    """What ``request`` asks for; where it says several things, the rarest of them.

    A service refuses what the kind has no place for.
    """
    if request.extend:
        return Kind.EXTENSION
    if request.pikaffect is not None:
        return Kind.EFFECT_ON_IMAGE if request.video is None else Kind.EFFECT_ON_VIDEO
    if request.keyframes:
        return Kind.KEYFRAMES
    if request.ingredients:
        return Kind.INGREDIENTS
    if request.video is not None:
        return _of_video(request)
    return Kind.TEXT_TO_VIDEO if request.image is None else Kind.IMAGE_TO_VIDEO


def _of_video(request: GenerationRequest) -> Kind:
    if request.region is not None or request.mask is not None:
        return Kind.SWAP
    return Kind.VIDEO_TO_VIDEO if request.image is None else Kind.ADDITION
