"""What a media host's answer means for the file that is being filled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from pika_async._http import retry_after
from pika_async._request.media import media_type

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pika_async._download.part import Part

_WANTS_KEY: Final = 401
_EXPIRED: Final = frozenset({400, 401, 403, 404, 410})
# 202 and 204: still copying. 409, 423 and 425: not yet.
_ON_ITS_WAY: Final = frozenset({202, 204, 409, 423, 425})
# 412: the file has changed; 421: another connection would do.
_TRANSIENT: Final = frozenset({408, 412, 421, 429})
_FILE: Final = frozenset({200, 203, 206, 416})

# https://www.iana.org/assignments/http-parameters#content-coding
_PACKINGS: Final = frozenset({"gzip", "x-gzip", "compress", "x-compress", "deflate", "br", "zstd"})

_SHOWN: Final = 120


class MediaAnswer(Protocol):
    """What a stream must tell."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Looked up without regard to case."""
        ...

    @property
    def received_at(self) -> float:
        """Seconds since the epoch."""
        ...

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """The body."""
        ...


class AttemptError(Exception):
    """This attempt brought no whole file; another may."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BrokenOffError(AttemptError):
    """The next attempt goes on from what there is."""


class NotYetError(AttemptError):
    """The file is on its way to where the link leads."""


class LinkRefusedError(AttemptError):
    """The link does not work: not any more, or not yet. A fresh one may."""


class UnusableAnswerError(Exception):
    """Asking again would bring the same."""


def range_headers(part: Part) -> dict[str, str]:
    """What asks for the rest, where that can be told from another file's."""
    # Without a validator nothing says that the rest belongs to the same file.
    if not part.written or part.validator is None:
        return {}
    return {"Range": f"bytes={part.written}-", "If-Range": part.validator}


async def take_head(answer: MediaAnswer, part: Part, max_bytes: int) -> None:
    """Take what the headers say of the file; refuse what is not the file, or its rest.

    Raises:
        AttemptError: It is not.
        UnusableAnswerError: And it will not be.
    """
    _check_status(answer)
    headers = answer.headers
    if answer.status == 416:
        # The rest that was asked for is not there.
        await part.start_over()
        raise BrokenOffError("HTTP 416")
    if answer.status == 206 or (part.written and _is_rest(headers)):
        await _check_continuation(headers, part)
    else:
        if part.written:
            # The host ignores Range, or has another file by now.
            await part.start_over()
        part.total = _length(headers)
        part.validator = _validator(headers)
    if not ("Content-Length" in headers or "Transfer-Encoding" in headers or part.total):
        raise UnusableAnswerError("the media host says neither the length nor the end of the file")
    if part.total is not None and part.total > max_bytes:
        raise UnusableAnswerError(
            f"the file has {part.total} bytes, more than the {max_bytes} allowed"
        )


async def check_whole(part: Part, max_bytes: int) -> None:
    """Refuse what came if it is not all of a video.

    Raises:
        AttemptError: It is not.
        UnusableAnswerError: It is too large.
        NotAVideoError: It is something else.
    """
    if part.written > max_bytes:
        raise UnusableAnswerError(f"the file is larger than {max_bytes} bytes")
    if part.total is not None and part.written < part.total:
        raise BrokenOffError(f"{part.written} of {part.total} bytes came")
    if part.total is not None and part.written > part.total:
        message = f"{part.written} bytes came where {part.total} were announced"
        await part.start_over()
        raise BrokenOffError(message)
    if not part.written:
        raise NotYetError("the file is empty")
    part.check_beginning()


def no_video(head: bytes, content_type: str) -> str:
    """What came in place of a video, in words."""
    declared = f", declared {content_type}" if content_type else ""
    kind = media_type(head)
    if kind is not None:
        return f"what came is no video but {kind}{declared}"
    text = " ".join(head.decode("utf-8", "replace").split())
    if b"\0" in head or not text.isprintable():
        text = head[: _SHOWN // 4].hex(" ", -4)
    return f"what came is no video{declared}, and begins with {text[:_SHOWN]!r}"


def _check_status(answer: MediaAnswer) -> None:
    status = answer.status
    if status in _FILE:
        return
    message, pause = f"HTTP {status}", retry_after(answer)
    if status == _WANTS_KEY:
        message += (
            " (a download never sends the API key; a link that wants it has to be fetched with it "
            "by other means)"
        )
    if status in _EXPIRED:
        raise LinkRefusedError(message, pause)
    if status in _ON_ITS_WAY:
        raise NotYetError(message, pause)
    if status in _TRANSIENT or status >= 500:
        raise BrokenOffError(message, pause)
    raise UnusableAnswerError(f"the media host answered {message}")


def _is_rest(headers: Mapping[str, str]) -> bool:
    # Some hosts send the rest that was asked for, and call it the whole.
    told = headers.get("Content-Range", "").strip()
    return bool(told) and not told.startswith("bytes 0-")


async def _check_continuation(headers: Mapping[str, str], part: Part) -> None:
    """Refuse a 206 that is not the rest of what is there, of the same file."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", "").strip())
    # The total counts from now on: the first answer may have been sent without a length.
    total = int(found[2]) if found else None
    if (
        found is None
        or int(found[1]) != part.written
        or part.total not in (None, total)
        # https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.3
        or (part.written and _validator(headers) not in (None, part.validator))
    ):
        await part.start_over()
        raise BrokenOffError("the media host sent another range than asked for")
    part.total = total
    part.validator = part.validator or _validator(headers)


def _length(headers: Mapping[str, str]) -> int | None:
    if _says_packed(headers):
        return None  # The length may be that of the packed bytes.
    value = headers.get("Content-Length", "")
    return int(value) if value.isdecimal() else None


def _says_packed(headers: Mapping[str, str]) -> bool:
    # Stores of files keep nothing there, or how the file once was sent to them: "aws-chunked".
    said = headers.get("Content-Encoding", "").lower().split(",")
    return any(coding.strip() in _PACKINGS for coding in said)


def _validator(headers: Mapping[str, str]) -> str | None:
    # A weak ETag promises the same meaning, not the same bytes:
    # https://www.rfc-editor.org/rfc/rfc9110#field.if-range
    if _says_packed(headers):
        return None
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified")
