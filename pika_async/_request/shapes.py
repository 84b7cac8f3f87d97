"""Converters and validators of single fields of a request: the shape of what is given."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pika_async._checks import FieldError, is_whole
from pika_async._request.about import about
from pika_async._request.media import check_media, check_several
from pika_async._request.numbers import to_number, to_whole, to_whole_or_none
from pika_async._request.spelling import one_spelling, respelled, to_text

if TYPE_CHECKING:
    from attrs import Attribute

ASPECT_RATIO_RANGE: Final = (0.4, 2.5)


def check_medium(_: object, attribute: Attribute[Any], value: Any) -> None:
    if value is not None:
        check_media(attribute.name, about(attribute).medium or "image", value)


def check_media_of(least: int, most: int | None) -> Callable[[object, Attribute[Any], Any], None]:
    def check(_: object, attribute: Attribute[Any], value: Any) -> None:
        if value == ():
            return
        kind = about(attribute).medium or "image"
        check_several(attribute.name, kind, value, least=least, most=most)

    return check


def text_or_none(value: str | None) -> str | None:
    return None if value is None else to_text(value)


def to_aspect_ratio(value: float | str | None) -> float | None:
    if not isinstance(value, str):
        return to_number(value)
    low, high = ASPECT_RATIO_RANGE
    width, separator, height = value.partition(":")
    try:
        ratio = float(width) / float(height) if separator else float(value)
    except (ValueError, ZeroDivisionError):
        ratio = math.nan
    # Checked here too, so that the error shows the text and not what it comes to.
    if not low <= ratio <= high:
        raise FieldError("aspect_ratio", value, f"width:height or a number from {low} to {high}")
    return ratio


def to_extra(value: Mapping[str, Any]) -> Mapping[str, Any]:
    # A copy, and as JSON reads it: what was validated is what is sent and what is fingerprinted,
    # whatever happens to the caller's dict.
    if value == {}:
        return {}
    allowed = "a mapping with text keys and values that JSON can hold"
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise FieldError("extra", value, allowed, written="an object")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
        copy = respelled(copy)
    except (TypeError, ValueError, RecursionError) as error:
        raise FieldError(
            "extra", value, allowed, problem=f"allowed is {allowed}: {error}"
        ) from error
    return copy


def to_seconds(value: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return tuple(to_whole(one) for one in value)
    return to_whole_or_none(value)  # type: ignore[arg-type]


def check_seconds(_: object, attribute: Attribute[Any], value: Any) -> None:
    if value is None:
        return
    several = value if isinstance(value, tuple) else (value,)
    if value == () or not all(is_whole(one) and one >= 1 for one in several):
        allowed = "a whole number of seconds from 1, or a list of them"
        raise FieldError(attribute.name, value, allowed)


def to_metadata(value: Mapping[str, str]) -> Mapping[str, str]:
    if value == {}:
        return {}
    allowed = "a mapping of text to text"
    if not isinstance(value, Mapping) or not all(
        isinstance(part, str) for pair in value.items() for part in pair
    ):
        raise FieldError("metadata", value, allowed, written="an object of texts")
    return {name: one_spelling(text) for name, text in value.items()}
