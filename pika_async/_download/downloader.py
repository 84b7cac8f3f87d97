"""Saving what was paid for: streamed beside the target, resumed, checked, moved into place."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from pika_async._download.part import Part, PartInUseError
from pika_async._errors import DownloadError, PikaError, TargetExistsError, TransportError
from pika_async._events import VideoSaved
from pika_async._settled import settled
from pika_async._states import Video

if TYPE_CHECKING:
    import os

    from pika_async._backoff import RetryPolicy
    from pika_async._log import Teller

# Far above any video of some seconds; below what fills a disk by mistake.
MAX_VIDEO_BYTES: Final = 2 * 1024**3

_EXPIRED: Final = frozenset({403, 404, 410})
_TRANSIENT: Final = frozenset({408, 425, 429})


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
    def chunks(self) -> AsyncIterator[bytes]:
        """The body."""
        ...


Stream = Callable[[str, Mapping[str, str]], AbstractAsyncContextManager[MediaAnswer]]
Renew = Callable[[], Awaitable[Video | None]]


class _BrokenOffError(Exception):
    """This attempt brought no whole file; another may go on from what there is."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class _ExpiredError(Exception):
    """The link does not work any more; a fresh one may."""


class Downloader:
    """Downloads for one client."""

    def __init__(
        self,
        *,
        stream: Stream,
        retry: RetryPolicy,
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        tell: Teller,
        max_bytes: int = MAX_VIDEO_BYTES,
    ) -> None:
        self._stream = stream
        self._retry = retry
        self._sleep = sleep
        self._random = random
        self._tell = tell
        self._max_bytes = max_bytes

    async def download(
        self, video: Video, path: str | os.PathLike[str], *, overwrite: bool, renew: Renew
    ) -> Path:
        """Save ``video`` as ``path``; see ``PikaClient.download``."""
        target = Path(path)
        part = Part(target, overwrite)
        try:
            try:
                await settled(part.open)
                await self._fetch(video, part, renew)
                await settled(part.finish)
            finally:
                await settled(part.discard)
        except PikaError:
            raise
        except FileExistsError as error:
            raise _exists(video, target) from error
        except PartInUseError as error:
            raise _error(video, f"{str(target)!r} is being downloaded already") from error
        except IsADirectoryError as error:
            raise _error(video, f"{str(target)!r} is a folder; give the name of a file") from error
        except (OSError, ValueError) as error:
            # ValueError: a null character in the name.
            raise _error(video, f"{str(target)!r} could not be written: {error}") from error
        if self._tell.is_observed:
            self._tell(VideoSaved(video=video, path=target, size=part.written))
        return target

    async def _fetch(self, video: Video, part: Part, renew: Renew) -> None:
        """Fill ``part``, through drops and one expired link."""
        url = _checked_url(video, video.url)
        renewed = False
        farthest = barren = 0
        while True:
            try:
                await self._attempt(video, url, part)
            except _ExpiredError as expired:
                if renewed:
                    raise _error(video, f"the renewed link does not work: {expired}") from expired
                renewed = True
                url = await self._renewed_url(video, renew, expired)
                await part.start_over()
            except (_BrokenOffError, TransportError) as error:
                # Only attempts that got no farther count: a long file over a bad line arrives,
                # and one that starts over again and again does not take for ever.
                barren = 0 if part.written > farthest else barren + 1
                farthest = max(farthest, part.written)
                if barren >= self._retry.attempts:
                    raise _error(
                        video, f"gave up after {barren} attempts without a new byte: {error}"
                    ) from error
                await self._sleep(self._retry.delay(max(barren, 1), error, self._random()))
            else:
                return

    async def _attempt(self, video: Video, url: str, part: Part) -> None:
        """Ask once, for the whole or for the rest."""
        async with self._stream(url, _range_headers(part)) as answer:
            await self._check_answer(video, answer, part)
            await part.fill(answer.chunks, self._max_bytes)
        if part.written > self._max_bytes:
            raise _error(video, f"the file is larger than {self._max_bytes} bytes")
        if part.total is not None and part.written < part.total:
            raise _BrokenOffError(f"{part.written} of {part.total} bytes came")
        if part.total is not None and part.written > part.total:
            message = f"{part.written} bytes came where {part.total} were announced"
            await part.start_over()
            raise _BrokenOffError(message)
        if not part.written:
            raise _BrokenOffError("the file is empty")

    async def _check_answer(self, video: Video, answer: MediaAnswer, part: Part) -> None:
        """Take what the headers say of the file; refuse what is not the file, or its rest."""
        _check_status(video, answer)
        headers = answer.headers
        if answer.status == 416:
            # The rest that was asked for is not there.
            await part.start_over()
            raise _BrokenOffError("HTTP 416")
        if answer.status == 206:
            await _check_continuation(headers, part)
        else:
            if part.written:
                # The host ignores Range, or has another file by now.
                await part.start_over()
            part.total = _length(headers)
            part.validator = _validator(headers)
        if not ("Content-Length" in headers or "Transfer-Encoding" in headers or part.total):
            raise _error(video, "the media host says neither the length nor the end of the file")
        if part.total is not None and part.total > self._max_bytes:
            raise _error(
                video, f"the file has {part.total} bytes, more than the {self._max_bytes} allowed"
            )

    async def _renewed_url(self, video: Video, renew: Renew, expired: _ExpiredError) -> str:
        try:
            fresh = await renew()
        except PikaError as error:
            raise _error(
                video, f"the link has expired ({expired}) and could not be renewed: {error}"
            ) from error
        if fresh is None or not fresh.url:
            raise _error(
                video, f"the link has expired ({expired}) and the service names no new one"
            ) from expired
        return _checked_url(video, fresh.url)


def _check_status(video: Video, answer: MediaAnswer) -> None:
    status, headers = answer.status, answer.headers
    if status in _EXPIRED:
        raise _ExpiredError(f"HTTP {status}")
    if status in _TRANSIENT or status >= 500:
        asked = headers.get("Retry-After", "")
        raise _BrokenOffError(f"HTTP {status}", float(asked) if asked.isdecimal() else None)
    if status not in (200, 206, 416):
        raise _error(video, f"the media host answered HTTP {status}")
    if headers.get("Content-Type", "").startswith("text/html"):
        raise _ExpiredError("a web page instead of a video")


def _range_headers(part: Part) -> dict[str, str]:
    # Without a validator nothing says that the rest belongs to the same file.
    if not part.written or part.validator is None:
        return {}
    return {"Range": f"bytes={part.written}-", "If-Range": part.validator}


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
        raise _BrokenOffError("the media host sent another range than asked for")
    part.total = total
    part.validator = part.validator or _validator(headers)


def _length(headers: Mapping[str, str]) -> int | None:
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        return None  # The length is that of the packed bytes.
    value = headers.get("Content-Length", "")
    return int(value) if value.isdecimal() else None


def _validator(headers: Mapping[str, str]) -> str | None:
    # A weak ETag promises the same meaning, not the same bytes:
    # https://www.rfc-editor.org/rfc/rfc9110#field.if-range
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        return None
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified")


def _checked_url(video: Video, url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _error(video, f"{url!r} is no http(s) link")
    return url


def _error(video: Video, what: str) -> DownloadError:
    return DownloadError(
        f"video {video.id} of job {video.job_id} was not saved: {what}.",
        job_id=video.job_id,
    )


def _exists(video: Video, target: Path) -> TargetExistsError:
    return TargetExistsError(
        f"{str(target)!r} exists; it was left as it is.",
        job_id=video.job_id,
    )
