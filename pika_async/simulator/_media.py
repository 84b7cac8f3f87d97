"""The files that results link to, and which bytes of them a request asks for.

The files in media/ were made with ffmpeg (version 5 or newer):

    sun='clip((96+6*sin(PI*T)-hypot(X-320-50*sin(PI*T/2),Y-215+45*T))/10,0,1)'
    ffmpeg -f lavfi -i "gradients=s=640x360:r=24:d=2:n=4:c0=0x5b2a6e:c1=0xd6437f:c2=0xff7f8e:\
c3=0xffd3b0:x0=320:y0=0:x1=320:y1=359:speed=0.00001,format=gbrp,geq=r='r(X,Y)+(255-r(X,Y))*$sun':\
g='g(X,Y)+(232-g(X,Y))*$sun':b='b(X,Y)+(214-b(X,Y))*$sun'" -c:v libx264 -preset veryslow -crf 26 \
-pix_fmt yuv420p -movflags +faststart -fflags +bitexact -map_metadata -1 video.mp4
    ffmpeg -ss 1 -i video.mp4 -frames:v 1 -q:v 4 poster.jpg
    ffmpeg -i poster.jpg -vf scale=160:-1 -q:v 4 thumbnail.jpg
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from attrs import Factory, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECONDS: Final = 2
"""How long the video plays."""

_MODIFIED: Final = "Fri, 23 May 2025 10:30:45 GMT"
_CHUNK: Final = 256 * 1024
_ZEROS: Final = bytes(_CHUNK)
_BOX_HEADER: Final = 16
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


def _etag(file: MediaFile) -> str:
    digest = hashlib.sha256(file.head).hexdigest()[:16]
    return f'"{digest}-{file.size:x}"'


@frozen(kw_only=True)
class MediaFile:
    """Bytes, perhaps followed by zeros up to a size: a padded video need not be in memory."""

    head: bytes = field(repr=False)
    size: int
    content_type: str
    etag: str = field(default=Factory(_etag, takes_self=True), init=False)
    modified: str = _MODIFIED

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`, some at a time."""
        if start < len(self.head):
            yield self.head[start:stop]
            start = len(self.head)
        while start < stop:
            yield _ZEROS[: stop - start]
            start += _CHUNK


@frozen
class Served:
    """The answer to a request for a file."""

    status: int
    start: int
    """The first byte to send."""
    stop: int
    """One past the last byte to send."""
    content_range: str | None = None


def serve(file: MediaFile, headers: Mapping[str, str]) -> Served:
    """What HTTP says is to be sent for these request headers: all of it, one range, or 416.

    Several ranges at once are answered with the whole, which HTTP allows.
    """
    match = _RANGE.fullmatch(headers.get("Range", "").strip())
    if match is None or not _fresh(file, headers) or not any(match.groups()):
        return Served(200, 0, file.size)
    first, last = match.groups()
    if first:
        start = int(first)
        stop = min(int(last) + 1, file.size) if last else file.size
    else:
        start, stop = max(file.size - int(last), 0), file.size
    if first and last and int(last) < start:
        return Served(200, 0, file.size)
    if start >= file.size:
        return Served(416, 0, 0, f"bytes */{file.size}")
    return Served(206, start, stop, f"bytes {start}-{stop - 1}/{file.size}")


def shifted(file: MediaFile, served: Served) -> Served:
    """Another range than the one asked for: from byte 0, or from byte 1 if that was asked for."""
    start = 0 if served.start else min(1, served.stop)
    return Served(206, start, served.stop, f"bytes {start}-{served.stop - 1}/{file.size}")


def longer(file: MediaFile, by: int) -> MediaFile:
    """Another file of that name: `by` bytes longer, so with another ETag."""
    return MediaFile(head=file.head, size=file.size + by, content_type=file.content_type)


def _fresh(file: MediaFile, headers: Mapping[str, str]) -> bool:
    condition = headers.get("If-Range")
    return condition is None or condition in (file.etag, file.modified)


@cache
def video(size: int | None = None) -> MediaFile:
    """The video, padded to `size` bytes with a `free` box that players skip.

    Raises:
        ValueError: `size` is less than the video with an empty box.
    """
    movie = _read("video.mp4")
    if size is None or size == len(movie):
        return MediaFile(head=movie, size=len(movie), content_type="video/mp4")
    smallest = len(movie) + _BOX_HEADER
    if size < smallest:
        raise ValueError(f"media_bytes is {size}, but the video itself needs {smallest}.")
    box = size - len(movie)
    if box < 2**32:
        head = movie + box.to_bytes(4) + b"free"
    else:
        head = movie + (1).to_bytes(4) + b"free" + box.to_bytes(8)
    return MediaFile(head=head, size=size, content_type="video/mp4")


@cache
def picture(name: str) -> MediaFile:
    """poster.jpg or thumbnail.jpg."""
    image = _read(name)
    return MediaFile(head=image, size=len(image), content_type="image/jpeg")


def _read(name: str) -> bytes:
    return resources.files("pika_async.simulator").joinpath("media", name).read_bytes()


def find(path: str, media_bytes: int | None) -> MediaFile | None:
    """The file behind a link's path, by its last part; None when it is no media file."""
    name = path.rsplit("/", 1)[-1]
    if name.endswith(".mp4"):
        return video(media_bytes)
    return picture(name) if name in ("poster.jpg", "thumbnail.jpg") else None
