"""Which of Pika's endpoints at fal makes what, and what each of them takes.

https://fal.ai/models?keywords=pika
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from pika_async._checks import FieldError
from pika_async._request.kinds import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._request.request import GenerationRequest

_RESOLUTIONS: Final = ("720p", "1080p")
_DURATIONS: Final = (5, 10)
DEFAULT_SECONDS: Final = 5
"""How long a video is, and how long a step between two keyframes, where nobody says."""


@frozen
class Model:
    """One endpoint of one version."""

    path: str
    """Behind the app."""
    takes: frozenset[str]
    """The fields of a request that it has a place for, beside the prompt."""
    resolutions: tuple[str, ...] = _RESOLUTIONS
    resolution: str = "720p"
    """What it makes where nobody says."""
    seconds: int | None = DEFAULT_SECONDS
    """How long its video is where nobody says; None: as long as what it is given."""


_TEXT: Final = frozenset(
    {"aspect_ratio", "resolution", "duration", "negative_prompt", "seed"},
)
_IMAGE: Final = frozenset({"image", "resolution", "duration", "negative_prompt", "seed"})


def _of(path: str, takes: str | frozenset[str], **facts: object) -> Model:
    fields = takes if isinstance(takes, frozenset) else frozenset(takes.split())
    return Model(path, fields, **facts)  # type: ignore[arg-type]


_EFFECT: Final = {
    "1.5": _of(
        "v1.5/pikaffects", "image pikaffect negative_prompt seed", resolutions=(), seconds=None
    )
}

# The first version of each kind is the one that is taken where nobody says.
MODELS: Final[Mapping[Kind, Mapping[str, Model]]] = {
    Kind.TEXT_TO_VIDEO: {
        "2.2": _of("v2.2/text-to-video", _TEXT),
        "2.1": _of("v2.1/text-to-video", _TEXT),
        "2-turbo": _of("v2/turbo/text-to-video", _TEXT),
        "2.5": _of(
            "v2.5/text-to-video",
            _TEXT - {"aspect_ratio"},
            resolutions=("480p", *_RESOLUTIONS),
        ),
    },
    Kind.IMAGE_TO_VIDEO: {
        "2.2": _of("v2.2/image-to-video", _IMAGE),
        "2.1": _of("v2.1/image-to-video", _IMAGE),
        "2-turbo": _of("v2/turbo/image-to-video", _IMAGE),
    },
    Kind.INGREDIENTS: {
        "2.2": _of(
            "v2.2/pikascenes",
            _TEXT | {"ingredients", "ingredients_mode"},
            resolution="1080p",
        )
    },
    Kind.KEYFRAMES: {
        "2.2": _of(
            "v2.2/pikaframes",
            "keyframes keyframe_seconds resolution negative_prompt seed",
        )
    },
    Kind.EFFECT_ON_IMAGE: _EFFECT,
    Kind.EFFECT_ON_VIDEO: _EFFECT,
    Kind.ADDITION: {
        "2": _of(
            "v2/pikadditions", "video image negative_prompt seed", resolutions=(), seconds=None
        )
    },
    Kind.SWAP: {"2": _of("v2/pikaswaps", "video image region seed", resolutions=(), seconds=None)},
}
"""By what is asked for, and by version."""

_MISSPELT: Final = {"2/turbo": "2-turbo", "v2/turbo": "2-turbo"}


def model_of(request: GenerationRequest) -> Model:
    """The endpoint that makes what is asked for.

    Raises:
        FieldError: There is none for it, or none of that version.
    """
    kind = kind_of(request)
    versions = MODELS.get(kind)
    if versions is None:
        raise FieldError(
            "extend" if request.extend else "video",
            request.extend or "given",
            "an image, or a video with an image or a region",
            problem=f"fal has no endpoint for {kind}; with a video it takes an image or a region",
        )
    version = request.model
    if version is None:
        return next(iter(versions.values()))
    if version not in versions:
        raise FieldError(
            "model",
            version,
            ", ".join(versions),
            problem=f"at fal {kind} is made by {' and '.join(versions)}; the path of any other "
            "endpoint goes through as it is: owner/app/path",
            nearest=_MISSPELT.get(version),
        )
    return versions[version]


def is_misspelt(version: str | None) -> bool:
    """Whether it is a version, although it looks like the path of an endpoint."""
    return version in _MISSPELT
