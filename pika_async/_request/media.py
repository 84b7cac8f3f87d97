"""Media: what may be given for one, and what a file is, told from its first bytes."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pika_async._checks import FieldError
from pika_async._figures import counted

Media = Path | bytes | str

MediaKind = Literal["image", "video"]

A_MEDIUM: Final[dict[MediaKind, str]] = {"image": "an image", "video": "a video"}
_ALLOWED: Final = "an http(s) or data URL; for a file pass a pathlib.Path"
_WRITTEN: Final = "an http(s) or data URL; for a file give its path"

SNIFF_LENGTH: Final = 400
"""Bytes of a file's beginning that tell what it is: two packets of the widest transport stream."""

_SHOWN: Final = 16

# By how they begin. Images: https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern.
# Videos: https://www.matroska.org/technical/elements.html (EBML),
# https://en.wikipedia.org/wiki/List_of_file_signatures (ASF, FLV, MPEG-PS and -ES).
_PREFIXES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
)
_EBML: Final = b"\x1a\x45\xdf\xa3"
_RIFF_FORMS: Final = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
# A codec that is named at the beginning of an Ogg file: https://wiki.xiph.org/MIMETypesCodecs
_OGG_SOUND: Final = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
# The first box of an ISO base media file, at byte 4, is mostly `ftyp`, with the brand after it:
# https://mp4ra.org/registered-types/brands. What is no image and no sound there is a video.
_BRANDS: Final = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"jp2 ": "image/jp2",
    b"jpx ": "image/jpx",
    b"crx ": "image/x-canon-cr3",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
    b"F4A ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
# Boxes that stand first in fragments (https://www.w3.org/TR/mse-byte-stream-format-isobmff/), and
# in QuickTime films, which need no `ftyp`:
# https://developer.apple.com/documentation/quicktime-file-format/basic_atom_structure_and_types
_FIRST_BOXES: Final = {
    **dict.fromkeys((b"styp", b"sidx", b"moof", b"emsg", b"prft"), "video/mp4"),
    **dict.fromkeys((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"), "video/quicktime"),
}
# A text has such a word there too, now and then ("the free quota"). A box has its length in front,
# whose first byte is small in a box of less than half a gigabyte.
_BEFORE_A_BOX: Final = frozenset(range(0x20)) - frozenset(b"\t\n\r")
# ISO 13818-1: a packet of a transport stream has 188 bytes and begins with a "G"; on Blu-ray each
# has 4 bytes of time in front.
_PACKET: Final = ord("G")
_PACKETS: Final = ((0, 188), (4, 192))


def media_type(head: bytes) -> str | None:
    """The MIME type of a file that begins with ``head``; None if it is no known one.

    Args:
        head: Its first ``SNIFF_LENGTH`` bytes. Sixteen suffice for images and common videos.
    """
    head = head[:SNIFF_LENGTH]
    if head[:4] == b"RIFF":
        return _RIFF_FORMS.get(head[8:12])
    if head[:4] == _EBML:
        return "video/x-matroska" if b"matroska" in head[:64] else "video/webm"
    if head[:4] == b"OggS":
        return "audio/ogg" if any(name in head[:64] for name in _OGG_SOUND) else "video/ogg"
    if _is_transport_stream(head):
        return "video/mp2t"
    listed = next((kind for prefix, kind in _PREFIXES if head.startswith(prefix)), None)
    return listed or _type_of_boxes(head)


def _type_of_boxes(head: bytes) -> str | None:
    box = head[4:8]
    if box == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    return _FIRST_BOXES.get(box) if box and head[0] in _BEFORE_A_BOX else None


def _is_transport_stream(head: bytes) -> bool:
    if head.isascii() and b"\0" not in head:
        # A text that happens to have its letters there.
        return False
    return any(
        len(begins := head[first::size]) > 2 and set(begins) == {_PACKET}
        for first, size in _PACKETS
    )


def is_video(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a video."""
    return _kind_of(head) == "video"


def check_media(name: str, kind: MediaKind, value: Any) -> None:
    """Refuse what is no path, bytes or URL of an image or a video.

    A path is not followed: the file is read when the request is sent, and may come until then.

    Raises:
        FieldError: Names the field, the value and what is allowed.
    """
    if isinstance(value, bytes):
        if _kind_of(value[:SNIFF_LENGTH]) != kind:
            problem = f"these bytes do not begin like {A_MEDIUM[kind]}"
            raise FieldError(name, value[:_SHOWN], f"{A_MEDIUM[kind]}", problem=problem)
    elif isinstance(value, str):
        _check_url(name, kind, value)
    elif not isinstance(value, Path):
        allowed = "a pathlib.Path, bytes, or an http(s) or data URL"
        written = "the path of a file, or an http(s) or data URL"
        raise FieldError(name, value, allowed, verb="are", written=written)


def _kind_of(head: bytes) -> str:
    return (media_type(head) or "").partition("/")[0]


def check_file(name: str, kind: MediaKind, path: Path) -> None:
    """Refuse a file that is not there, cannot be read, or is no image or video. Blocks.

    Raises:
        FieldError: Names the field, the file, why it cannot be read, and what is allowed.
    """
    allowed = f"the path of {A_MEDIUM[kind]}"
    try:
        with path.open("rb") as file:
            head = file.read(SNIFF_LENGTH)
    except (OSError, ValueError) as error:
        reason = why_unreadable(path, error)
        problem = f"the file cannot be read: {reason}; allowed is {allowed}"
        raise FieldError(name, str(path), allowed, problem=problem) from error
    if _kind_of(head) != kind:
        problem = f"the file does not begin like {A_MEDIUM[kind]}"
        raise FieldError(name, str(path), allowed, problem=problem)


def why_unreadable(path: Path, error: OSError | ValueError) -> str:
    """Why a file could not be opened or read, in words; ``error`` is what that raised."""
    if isinstance(error, ValueError) or error.errno == errno.ENAMETOOLONG:
        # ValueError: there is a null character in it.
        return f"no file can have this path ({getattr(error, 'strerror', None) or error})"
    folder = path.absolute().parent
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not folder.is_dir():
        return f"there is no folder {str(folder)!r}"
    if isinstance(error, FileNotFoundError):
        return f"there is no file of this name in the folder {str(folder)!r}"
    if path.is_dir():
        # Windows has no permission to open one.
        return "it is a folder"
    if isinstance(error, PermissionError):
        return "this user has no permission to read it"
    return error.strerror or str(error)


def _check_url(name: str, kind: MediaKind, url: str) -> None:
    if url[:5].lower() == "data:":
        if not url[5:].lower().startswith(f"{kind}/") or not url.partition(",")[2]:
            allowed = f"a data URL of {A_MEDIUM[kind]}: data:{kind}/…;base64,…"
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


# A union would be made anew for each field of each request.
_SEVERAL: Final = (list, tuple)


def to_several(value: Any) -> Any:
    """A converter: a sequence of media as a tuple; all else as it is, for a validator."""
    return tuple(value) if isinstance(value, _SEVERAL) else value


def check_several(name: str, kind: MediaKind, value: Any, *, least: int, most: int | None) -> None:
    """Refuse what is no sequence of media, of ``least`` to ``most`` items, or empty.

    Raises:
        FieldError: Names the field, the value and what is allowed.
    """
    number = f"{least} or more" if most is None else f"{least} to {most}"
    if not isinstance(value, tuple):
        raise FieldError(name, value, f"a list of {number} {kind}s")
    if value and not (least <= len(value) and (most is None or len(value) <= most)):
        raise FieldError(name, counted(len(value), kind), f"{number} {kind}s", verb="are")
    for one in value:
        check_media(name, kind, one)


def show_several(value: tuple[Media, ...]) -> str:
    """How media stand in a repr: short."""
    return f"({', '.join(map(show_media, value))})" if isinstance(value, tuple) else repr(value)


def show_media(value: Media | None) -> str:
    """How a medium stands in a repr: short."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, str) and len(value) > 100:
        return f"{value[:80]!r}…"
    return repr(value)
