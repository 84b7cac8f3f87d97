"""Reading an HTTP answer: the parts that are HTTP's, not one service's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._http import HTTPResponse

EXCERPT_LENGTH = 500

NOT_JSON = object()

_read = json.JSONDecoder().raw_decode
_BLANKS = " \t\n\r"


def excerpt(body: bytes) -> str:
    """The first 500 characters, for an error."""
    # Four bytes are the longest character in UTF-8.
    return body[: 4 * EXCERPT_LENGTH].decode("utf-8", "replace")[:EXCERPT_LENGTH]


def is_web_page(response: HTTPResponse) -> bool:
    """Whether the answer is HTML, by its type or by its first character."""
    declared = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    start = response.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    # Servers declare even nothing to be HTML; an empty answer is no page, and proves nothing.
    return start == b"<" or (declared == "text/html" and start not in (b"", b"{", b"["))


def decoded(body: bytes) -> Any:
    """The JSON value, or ``NOT_JSON``."""
    try:
        # Given text, json does not have to guess the encoding.
        text = body.decode("utf-8-sig" if body.startswith(b"\xef\xbb\xbf") else "utf-8")
        if text.startswith("{"):
            # Almost every answer, without two searches for blanks around it.
            value, end = _read(text)
            if not text[end:].strip(_BLANKS):
                return value
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def first_text(*candidates: object) -> str | None:
    """The first that is text and not empty."""
    return next((item for item in candidates if isinstance(item, str) and item.strip()), None)


def objects(value: object) -> Mapping[str, Any]:
    """``value`` where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}
