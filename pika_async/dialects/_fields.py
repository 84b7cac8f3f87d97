"""What a request says, held against what a service, or one of its models, takes."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import attrs

from pika_async._checks import FieldError
from pika_async._request.about import about
from pika_async._request.parts import MEDIA_FIELDS, media_of
from pika_async._request.ratio import ratio_as_text
from pika_async._request.request import GenerationRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pika_async._request.media import MediaKind

# What says which model it is, or goes past it.
_ALWAYS: Final = frozenset({"prompt", "model", "extra"})
_SAID: Final = tuple(
    (attribute.name, attribute.default)
    for attribute in attrs.fields(GenerationRequest)
    if attribute.name not in _ALWAYS and about(attribute).sent
)


# Each request is held against its service several times: all fields by one call.
_VALUES: Final = attrgetter(*(name for name, _ in _SAID))
_DEFAULTS: Final = tuple(default for _, default in _SAID)


def said(request: GenerationRequest) -> Iterator[tuple[str, Any]]:
    """The fields that a request says something in, with what it says; not the prompt and model."""
    values = _VALUES(request)
    if values == _DEFAULTS:
        return
    for (name, default), value in zip(_SAID, values, strict=True):
        if value is not None and value != default:
            yield name, value


def is_full_path(request: GenerationRequest) -> bool:
    """Whether ``model`` names an endpoint in full, which goes through unchecked."""
    return request.model is not None and "/" in request.model


def check_taken(request: GenerationRequest, taken: Collection[str], who: str) -> None:
    """Refuse fields that are not taken: they would be dropped, or cost a failed job.

    Args:
        request: What is asked for.
        taken: The fields that may say something.
        who: Who takes them, for the sentence: ``the gateway``, ``text to video``.

    Raises:
        FieldError: Names the first field that is not, and those that are.
    """
    for name, value in said(request):
        if name not in taken:
            known = ", ".join(field for field, _ in _SAID if field in taken)
            only = f"takes {known}" if known else "takes a prompt alone"
            raise FieldError(
                name,
                _shown(name, value),
                "nothing here",
                problem=f"{who} has no such field; it {only}",
            )


def check_among(name: str, value: object, allowed: Collection[Any], who: str) -> None:
    """Refuse a value that is not among a few.

    Raises:
        FieldError: Names them.
    """
    if value is not None and value not in allowed:
        words = ", ".join(map(str, allowed))
        raise FieldError(name, value, f"{words}: {who} has no others", verb="are")


def check_needed(request: GenerationRequest, name: str, who: str) -> None:
    """Refuse a request without a field that is needed.

    Raises:
        FieldError: Names it.
    """
    if getattr(request, name) in (None, ()):
        raise FieldError(name, None, "given", problem=f"{who} needs one")


def check_sizes(request: GenerationRequest, most_bytes: Mapping[MediaKind, int]) -> None:
    """Refuse media that are larger than a service takes; those that are bytes by now.

    Args:
        request: What is asked for, with its files read.
        most_bytes: The largest file of each kind, in bytes.

    Raises:
        FieldError: Names the field, the size and the limit.
    """
    for name, medium in media_of(request):
        most = most_bytes.get(MEDIA_FIELDS[name])
        if most is not None and isinstance(medium, bytes) and len(medium) > most:
            raise FieldError(name, _shown(name, medium), f"{most} bytes at most")


def _shown(name: str, value: object) -> object:
    if name == "aspect_ratio" and isinstance(value, int | float):
        return ratio_as_text(value)
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else value
