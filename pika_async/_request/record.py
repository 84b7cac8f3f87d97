"""A request, and the body that is sent for it, as JSON text for whoever keeps them.

Neither image bytes nor the API key: media are kept as a path, a link or a digest.
"""

from __future__ import annotations

import hashlib
import json
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen

from pika_async._json import compact
from pika_async._request.parts import MEDIA_FIELDS
from pika_async._request.request import GenerationRequest

# In ``extra`` nothing tells bare base64 from other text but its length, and that no space is in it.
_LONGEST_TEXT: Final = 8_000


_FIELDS: Final = tuple((field.name, field.default) for field in attrs.fields(GenerationRequest))
_VALUES: Final = attrgetter(*[name for name, _ in _FIELDS])

# How JSON may spell an ASCII letter so that "data:" is not found in it.
_ESCAPED_ASCII: Final = b"\\u00"


@frozen(kw_only=True)
class Intent:
    """What a submit is about to send, as it is written down before it leaves.

    Attributes:
        service: The name of the dialect.
        base_url: Where the service is.
        submit_id: The idempotency key: new for each submit, the same when it is sent again.
        digest: SHA-256 of the body, hexadecimal.
        body: The body as text, without bulk; see :func:`intent_body`.
        origin: What the observer calls the submit, or None.
    """

    service: str
    base_url: str
    submit_id: str
    digest: str
    body: str
    origin: str | None = None


def intent_body(body: bytes) -> tuple[str, str]:
    """The SHA-256 of a body of JSON, and its text without bulk.

    Data URLs, and texts with more than 8,000 characters in a row without a space, stand in it as
    digests. Where there are none,
    the text is the body itself, byte for byte, and the same submit can be made from it again.
    """
    digest = hashlib.sha256(body).hexdigest()
    try:
        text = body.decode()
        return digest, _lean(text) if _may_be_bulky(body) else text
    except (ValueError, RecursionError):
        # Not JSON, or nested too deeply to be looked through: it may hold anything.
        return digest, compact(_digest(body))


def kept_body(intent: Intent) -> bytes | None:
    """The body as it left, where all of it was kept."""
    body = intent.body.encode("utf-8", "surrogatepass")
    return body if hashlib.sha256(body).hexdigest() == intent.digest else None


def _may_be_bulky(body: bytes) -> bool:
    # Most are short, and a batch sends thousands: those are not even parsed.
    return len(body) > _LONGEST_TEXT or b"data:" in body.lower() or _ESCAPED_ASCII in body


def _lean(text: str) -> str:
    given = json.loads(text)
    lean = _without_bulk(given)
    return text if lean == given else compact(lean)


def request_record(request: GenerationRequest) -> str:
    """The request without what it does not say; media as ``{"path"|"url"|"sha256": …}``."""
    shown = {}
    for (name, default), value in zip(_FIELDS, _VALUES(request), strict=True):
        # By far most are unsaid, and a batch writes down thousands.
        if value is None or value is default:
            continue
        if value not in (default, {}, ()):
            shown[name] = _shown(name, value)
    return compact(shown)


def _shown(name: str, value: Any) -> Any:
    if name in MEDIA_FIELDS:
        return list(map(_medium, value)) if isinstance(value, tuple) else _medium(value)
    match name:
        case "camera":
            return attrs.asdict(value, filter=lambda _, movement: movement is not None)
        case "extra":
            return _without_bulk(value)
        case _:
            return value


def _without_bulk(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _without_bulk(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_without_bulk(inner) for inner in value]
        case str() if _is_bulk(value):
            return _digest(value)
        case _:
            return value


def _medium(value: Path | bytes | str) -> dict[str, str]:
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, str) and not _is_data_url(value):
        return {"url": value}
    return _digest(value)


def _is_bulk(text: str) -> bool:
    if _is_data_url(text):
        return True
    return len(text) > _LONGEST_TEXT and any(len(run) > _LONGEST_TEXT for run in text.split(" "))


def _is_data_url(text: str) -> bool:
    return text[:5].lower() == "data:"


def _digest(value: bytes | str) -> dict[str, str]:
    # Half surrogate pairs too: JSON can spell them.
    content = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return {"sha256": hashlib.sha256(content).hexdigest()}
