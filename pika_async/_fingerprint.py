"""Which requests are the same: a name for a request's content, not for its place on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from pika_async._request import GenerationRequest


def fingerprint(request: GenerationRequest) -> str:
    """SHA-256, hexadecimal, of what the request asks for.

    Media count by their content, so a request whose files have been read must be given: a path
    has no content, and the same path may hold another image tomorrow.
    """
    fields = attrs.asdict(request, recurse=True, value_serializer=_by_content)
    canonical = json.dumps(fields, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _by_content(_: object, __: object, value: Any) -> Any:
    if isinstance(value, Path):
        raise TypeError(f"read {value} before taking the fingerprint")
    if isinstance(value, bytes):
        return f"sha256:{hashlib.sha256(value).hexdigest()}"
    if isinstance(value, float) and value.is_integer():
        # 12 and 12.0 are equal, and so are requests with them.
        return int(value)
    return value
