"""What a file is, told from its first bytes."""

from __future__ import annotations

from typing import Literal

MediaKind = Literal["image", "video"]

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
