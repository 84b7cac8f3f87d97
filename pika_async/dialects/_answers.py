"""Reading an HTTP answer: the parts that are HTTP's, not one service's."""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from pika_async._states import WAITING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._http import HTTPResponse
    from pika_async._states import JobState

EXCERPT_LENGTH = 500
# The longest code or name of a request; what is longer is something else.
LONGEST_NAME = 200

NOT_JSON = object()

# What a state keeps of an answer for as long as its job lives.
LONGEST_KEPT = 8_000
_HEAD = 200
_ROOM = 250_000
_DEEPEST = 50
# Too short to be nested more deeply than functions can call each other.
_SHORT = 600
# What an answer unpacks to at most; no more is read over the wire either.
_MOST_BYTES = 32 * 1024 * 1024

_read = json.JSONDecoder().raw_decode
_BLANKS = " \t\n\r"
_HALF_PAIR = re.compile("[\ud800-\udfff]")
# An id that holds one of these can neither be asked for nor be trusted.
_UNSPEAKABLE = re.compile("[\ud800-\udfff\N{REPLACEMENT CHARACTER}]")
_LONGEST_ID = 1_000
_EXACT_FLOATS = 2**53


def excerpt(body: bytes) -> str:
    """The first 500 characters, for an error."""
    # Four bytes are the longest character in UTF-8.
    return body[: 4 * EXCERPT_LENGTH].decode("utf-8", "replace")[:EXCERPT_LENGTH]


def is_success(response: HTTPResponse) -> bool:
    """Whether the status is one of 2xx."""
    return 200 <= response.status < 300


def is_web_page(response: HTTPResponse) -> bool:
    """Whether the answer is HTML, by its type or by its first character."""
    declared = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    # Byte-order marks and the zeros of UTF-16 stand before the first character, too.
    start = response.body.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1]
    # Servers declare even nothing to be HTML; an answer that is empty, or packed, proves nothing.
    no_page = (b"", b"{", b"[", b'"', b"\x1f")
    return start == b"<" or (declared == "text/html" and start not in no_page)


def decoded(body: bytes) -> Any:
    """The JSON value, or ``NOT_JSON``.

    An answer to a submit may name a paid job, so it is read with patience: in any encoding of
    Unicode, with broken letters, with line ends that should be escaped, with numbers of any length,
    packed without notice, or as a text that holds JSON.
    """
    try:
        # Given text, json does not have to guess the encoding.
        text = body.decode("utf-8")
        if text.startswith("{"):
            # Almost every answer, without two searches for blanks around it.
            value, end = _read(text)
            if not text[end:].strip(_BLANKS):
                return value
    except (ValueError, RecursionError):
        pass
    return _decoded_with_patience(body)


def _decoded_with_patience(body: bytes) -> Any:
    value = read_json(_text(_unpacked(body)))
    # Some servers encode what has been encoded already.
    for _ in range(3):
        if not isinstance(value, str):
            break
        inner = read_json(value)
        if inner is NOT_JSON:
            break
        value = inner
    return value


def read_json(text: str) -> Any:
    """The JSON value in a text, or ``NOT_JSON``."""
    try:
        return _PATIENT.decode(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def _whole_number(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        # Python refuses numbers of thousands of digits; what stands beside it must not be lost.
        return digits


# Not strict: an error that is quoted in several lines must not hide the id or the state beside it.
_PATIENT = json.JSONDecoder(parse_int=_whole_number, strict=False)


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, _MOST_BYTES)
    except zlib.error:
        return body
    return unpacked if unpacker.eof else body


def _text(body: bytes) -> str:
    encoding = json.detect_encoding(body)
    if encoding.startswith("utf-8"):
        # A prompt that is echoed in another encoding must not hide the id beside it.
        return body.decode("utf-8-sig", "replace")
    return body.decode(encoding, "replace")


def first_text(*candidates: object) -> str | None:
    """The first that is text and not empty."""
    return next((item for item in candidates if isinstance(item, str) and item.strip()), None)


def objects(value: object) -> Mapping[str, Any]:
    """``value`` where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_id(value: object) -> str | None:
    """An id as text: text without the blanks around it, or a whole number from 1.

    True and False are no numbers, and 0 and what is below are how programs say "none". A whole
    number that is written with a point or an exponent counts where a float holds it exactly.
    """
    if isinstance(value, str):
        text = value.strip()
        speakable = text.isascii() or not _UNSPEAKABLE.search(text)
        return text if speakable and 0 < len(text) <= _LONGEST_ID else None
    if isinstance(value, float) and value.is_integer() and value <= _EXACT_FLOATS:
        value = int(value)
    return str(value) if type(value) is int and value > 0 else None


def shown(text: str, longest: int = LONGEST_KEPT) -> str:
    """A service's text as it can be kept and written anywhere: not endless, no half characters."""
    text = text[:longest]
    return text if text.isascii() else _HALF_PAIR.sub("\N{REPLACEMENT CHARACTER}", text)


def kept(value: Mapping[str, Any], body: bytes = b"") -> Mapping[str, Any]:
    """An answer as a state keeps it for the life of its job: without bulk.

    Services echo what they were sent, images and all. A text over 8,000 characters is cut to its
    first 200 and a note of its length; of an answer that is still bulky after that, what comes
    last is left out.

    Args:
        value: The decoded answer.
        body: The bytes it came in, where they are known: a short answer is kept as it is.
    """
    if 0 < len(body) <= _SHORT:
        return value
    nested = body.count(b"[") + body.count(b"{")
    if 0 < len(body) <= LONGEST_KEPT and nested <= _DEEPEST:
        return value
    cutter = _Cutter()
    slim: Mapping[str, Any] = cutter.cut(value, 0)
    return slim if cutter.has_cut else value


def unread(state: JobState, body: bytes) -> JobState:
    """``state``, whose ``raw`` is decoded when somebody reads it, where it waits and that is short.

    Args:
        state: One that was just made of an answer, and that nobody has seen.
        body: The bytes of that answer, of which :func:`kept` made its ``raw``.
    """
    if type(state) in WAITING and len(body) <= _SHORT and body.isascii() and body[:1] == b"{":
        object.__setattr__(state, "raw", body)
    return state


class _Cutter:
    """Copies a value as far as there is room."""

    def __init__(self) -> None:
        self._room = _ROOM
        self.has_cut = False

    def cut(self, value: Any, depth: int) -> Any:
        self._room -= 50
        match value:
            case str():
                return self._text(value)
            case dict() | list() if depth >= _DEEPEST:
                self.has_cut = True
                return "…"
            case dict():
                copy = {}
                for name, inner in value.items():
                    if self._is_full():
                        break
                    copy[self._name(name)] = self.cut(inner, depth + 1)
                return copy
            case list():
                items = []
                for inner in value:
                    if self._is_full():
                        break
                    items.append(self.cut(inner, depth + 1))
                return items
            case _:
                return value

    def _is_full(self) -> bool:
        self.has_cut = self.has_cut or self._room <= 0
        return self._room <= 0

    def _text(self, text: str) -> str:
        if len(text) > LONGEST_KEPT:
            self.has_cut = True
            text = f"{text[:_HEAD]}… ({len(text)} characters)"
        self._room -= len(text)
        return text

    def _name(self, name: str) -> str:
        if len(name) > LONGEST_KEPT:
            self.has_cut = True
            name = name[:_HEAD]
        self._room -= len(name)
        return name
