"""Which requests are the same: a name for a request's content, not for its place on disk."""

from __future__ import annotations

import hashlib
import json
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from pika_async._request.about import about
from pika_async._request.request import GenerationRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTED: Final = tuple(
    (attribute.name, about(attribute).unsaid)
    for attribute in attrs.fields(GenerationRequest)
    if about(attribute).sent
)
# All at once: a batch takes thousands of fingerprints.
_VALUES: Final = attrgetter(*[name for name, _ in _COUNTED])


def fingerprint(request: GenerationRequest, *, spelled: Mapping[str, Any] | None = None) -> str:
    """SHA-256, hexadecimal, of what the request asks for.

    Media count by their content, so a request whose files have been read must be given: a path
    has no content, and the same path may hold another image tomorrow.

    Args:
        request: The request.
        spelled: Fields that count in this spelling, which the request itself would not keep.
    """
    asked = _asked(request)
    canonical = _CANONICAL.encode(asked | _by_content(dict(spelled)) if spelled else asked)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _asked(request: GenerationRequest) -> dict[str, Any]:
    """What is said, by field."""
    # What is not asked for is left out, so that a field that a later version adds changes no
    # fingerprint. What the first versions always said is still said for it.
    asked = {}
    for (name, unsaid), said in zip(_COUNTED, _VALUES(request), strict=True):
        value = unsaid if said is None else said
        if value is not None and value != ():
            asked[name] = value if type(value) in _PLAIN else _by_content(value)
    return asked


# Most values are of these types.
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _by_content(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    match value:
        case dict():
            return {key: _by_content(inner) for key, inner in value.items()}
        case bytes():
            return f"sha256:{hashlib.sha256(value).hexdigest()}"
        case float():
            # 12 and 12.0 are equal, and so are requests with them.
            return int(value) if value.is_integer() else value
        case Path():
            raise TypeError(f"read {value} before taking the fingerprint")
        case _:
            return _parts_by_content(value)


def _parts_by_content(value: Any) -> Any:
    match value:
        case list() | tuple():
            return [_by_content(inner) for inner in value]
        case _ if attrs.has(type(value)):
            return {
                field.name: _by_content(asked)
                for field in attrs.fields(type(value))
                if (asked := getattr(value, field.name)) is not None
            }
        case _:
            return value
