"""Media: what may be given for one, and what a file is, told from its first bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pika_async._checks import FieldError

Media = Path | bytes | str

MediaKind = Literal["image", "video"]

_A: Final[dict[MediaKind, str]] = {"image": "an image", "video": "a video"}
_ALLOWED: Final = "an http(s) or data URL; for a file pass a pathlib.Path"
_WRITTEN: Final = "an http(s) or data URL; for a file give its path"

SNIFF_LENGTH = 16

# https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern and the sections after it;
# HEIC and AVIF by the brand in their ISO base media box.
_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
_RIFF_FORMS = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_ISO_BRANDS = {
    b"avif": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"qt  ": "video/quicktime",
}


def media_type(head: bytes) -> str | None:
    """The MIME type of a file that begins with ``head`` (16 bytes suffice), None if unknown."""
    if head[:4] == b"RIFF":
        return _RIFF_FORMS.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _ISO_BRANDS.get(head[8:12], "video/mp4")
    return next((kind for prefix, kind in _PREFIXES if head.startswith(prefix)), None)


def check_media(name: str, kind: MediaKind, value: Any) -> None:
    """Refuse what is no file, bytes or URL of an image or a video.

    Raises:
        FieldError: Names the field, the value and what is allowed.
    """
    if isinstance(value, bytes):
        if _kind_of(value[:SNIFF_LENGTH]) != kind:
            problem = f"these bytes do not begin like {_A[kind]}"
            raise FieldError(name, value[:SNIFF_LENGTH], f"{_A[kind]}", problem=problem)
    elif isinstance(value, Path):
        _check_file(name, kind, value)
    elif isinstance(value, str):
        _check_url(name, kind, value)
    else:
        allowed = "a pathlib.Path, bytes, or an http(s) or data URL"
        written = "the path of a file, or an http(s) or data URL"
        raise FieldError(name, value, allowed, verb="are", written=written)


def _kind_of(head: bytes) -> str:
    return (media_type(head) or "").partition("/")[0]


def _check_file(name: str, kind: MediaKind, path: Path) -> None:
    allowed = f"the path of {_A[kind]}"
    try:
        with path.open("rb") as file:
            head = file.read(SNIFF_LENGTH)
    except (OSError, ValueError) as error:
        # ValueError: a path with a null character in it.
        reason = getattr(error, "strerror", None) or error
        raise FieldError(
            name, str(path), allowed, problem=f"the file cannot be read: {reason}"
        ) from error
    if _kind_of(head) != kind:
        problem = f"the file does not begin like {_A[kind]}"
        raise FieldError(name, str(path), allowed, problem=problem)


def _check_url(name: str, kind: MediaKind, url: str) -> None:
    if url[:5].lower() == "data:":
        if not url[5:].lower().startswith(f"{kind}/") or not url.partition(",")[2]:
            allowed = f"a data URL of {_A[kind]}: data:{kind}/…;base64,…"
            raise FieldError(name, url, allowed)
        return
    try:
        parts = urlsplit(url)
        # urlsplit overlooks blanks; a line break copied along with a link costs a video.
        good = parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", url)
        good = good and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise FieldError(name, url, _ALLOWED, written=_WRITTEN)


def show_media(value: Media | None) -> str:
    """How a medium stands in a repr: short."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, str) and len(value) > 100:
        return f"{value[:80]!r}…"
    return repr(value)
