"""Saving what was paid for: streamed beside the target, resumed, checked, moved into place."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from attrs import define

from pika_async._errors import DownloadError, PikaError, TargetExistsError, TransportError
from pika_async._models import Video

if TYPE_CHECKING:
    from pika_async._retry import RetryPolicy

# Far above any video of some seconds; below what fills a disk by mistake.
MAX_VIDEO_BYTES: Final = 2 * 1024**3

# Large enough that the hop to a writing thread costs little, small enough to hold in memory.
_WRITE_BYTES: Final = 1024 * 1024

_EXPIRED: Final = frozenset({403, 404, 410})
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524})

_STAYS_PAID: Final = (
    "The video itself is finished and paid for: download it again, do not generate it again."
)


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


class _ExpiredError(Exception):
    """The link does not work any more; a fresh one may."""


@define
class _Part:
    """The file that is being filled, and what is known of the whole."""

    file: IO[bytes]
    written: int = 0
    total: int | None = None
    validator: str | None = None
    """A strong ETag or a date: what a resumed answer must still match."""

    async def start_over(self) -> None:
        """Forget everything written so far."""
        await anyio.to_thread.run_sync(self._truncate)
        self.written, self.total, self.validator = 0, None, None

    def _truncate(self) -> None:
        self.file.seek(0)
        self.file.truncate()

    async def fill(self, chunks: AsyncIterator[bytes], limit: int) -> None:
        """Append ``chunks``; whatever arrived before a break is kept."""
        pieces: list[bytes] = []
        size = 0
        try:
            async for chunk in chunks:
                pieces.append(chunk)
                size += len(chunk)
                if self.written + size > limit:
                    break
                if size >= _WRITE_BYTES:
                    await self._append(pieces, size)
                    pieces, size = [], 0
        finally:
            if pieces:
                with anyio.CancelScope(shield=True):
                    await self._append(pieces, size)

    async def _append(self, pieces: list[bytes], size: int) -> None:
        await anyio.to_thread.run_sync(self.file.writelines, pieces)
        self.written += size


class Downloader:
    """Downloads for one client."""

    def __init__(
        self,
        *,
        stream: Stream,
        retry: RetryPolicy,
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        max_bytes: int = MAX_VIDEO_BYTES,
    ) -> None:
        self._stream = stream
        self._retry = retry
        self._sleep = sleep
        self._random = random
        self._max_bytes = max_bytes
        self._targets: set[Path] = set()

    async def download(
        self, video: Video, path: str | os.PathLike[str], *, overwrite: bool, renew: Renew
    ) -> Path:
        """Save ``video`` as ``path``; see ``PikaClient.download``."""
        target = Path(path)
        claim = await anyio.to_thread.run_sync(_claimable, video, target, overwrite)
        if claim in self._targets:
            raise _error(video, f"{str(target)!r} is being downloaded already")
        self._targets.add(claim)
        try:
            return await self._download(video, target, overwrite=overwrite, renew=renew)
        except OSError as error:
            if isinstance(error, PikaError):
                raise
            raise _error(video, f"{str(target)!r} could not be written: {error}") from error
        finally:
            self._targets.discard(claim)

    async def _download(self, video: Video, target: Path, *, overwrite: bool, renew: Renew) -> Path:
        part_path = target.with_name(f"{target.name}.part")
        file = await anyio.to_thread.run_sync(_opened, part_path)
        try:
            await self._fetch(video, _Part(file), renew)
            await anyio.to_thread.run_sync(_finish, video, file, part_path, target, overwrite)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_discard, file, part_path)
            raise
        return target

    async def _fetch(self, video: Video, part: _Part, renew: Renew) -> None:
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
                await self._sleep(self._retry.delay(max(barren, 1), None, self._random()))
            else:
                return

    async def _attempt(self, video: Video, url: str, part: _Part) -> None:
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

    async def _check_answer(self, video: Video, answer: MediaAnswer, part: _Part) -> None:
        status, headers = answer.status, answer.headers
        if status in _EXPIRED:
            raise _ExpiredError(f"HTTP {status}")
        if status in _TRANSIENT:
            raise _BrokenOffError(f"HTTP {status}")
        if status == 416:
            await part.start_over()
            raise _BrokenOffError("HTTP 416")
        if status not in (200, 206):
            raise _error(video, f"the media host answered HTTP {status}")
        if headers.get("Content-Type", "").startswith("text/html"):
            raise _ExpiredError("a web page instead of a video")
        if status == 206:
            await _check_continuation(headers, part)
        elif part.written:
            # The host ignores Range, or has another file by now.
            await part.start_over()
        if status == 200:
            part.total = _length(headers)
            part.validator = _validator(headers)
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


def _range_headers(part: _Part) -> dict[str, str]:
    # Without a validator nothing says that the rest belongs to the same file.
    if not part.written or part.validator is None:
        return {}
    return {"Range": f"bytes={part.written}-", "If-Range": part.validator}


async def _check_continuation(headers: Mapping[str, str], part: _Part) -> None:
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", headers.get("Content-Range", "").strip())
    goes_on = found is not None and int(found[1]) == part.written
    same_length = found is not None and (
        found[3] == "*" or part.total is None or int(found[3]) == part.total
    )
    if not (goes_on and same_length):
        await part.start_over()
        raise _BrokenOffError("the media host sent another range than asked for")


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


def _claimable(video: Video, target: Path, overwrite: bool) -> Path:
    if target.is_dir():
        raise _error(video, f"{str(target)!r} is a folder; give the name of a file")
    if not overwrite and os.path.lexists(target):
        raise _exists(video, target)
    return target.resolve()


def _opened(part: Path) -> IO[bytes]:
    part.parent.mkdir(parents=True, exist_ok=True)
    return part.open("wb", buffering=0)


def _finish(
    video: Video,
    file: IO[bytes],
    part: Path,
    target: Path,
    overwrite: bool,
) -> None:
    os.fsync(file.fileno())
    file.close()
    if not overwrite and os.path.lexists(target):
        raise _exists(video, target)
    os.replace(part, target)  # noqa: PTH105 - the atomic one, by the name of its promise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    # The new name is durable once its folder is; not every system can open one.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _discard(file: IO[bytes], part: Path) -> None:
    file.close()
    with suppress(OSError):
        part.unlink(missing_ok=True)


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
        meaning=_STAYS_PAID,
    )


def _exists(video: Video, target: Path) -> TargetExistsError:
    return TargetExistsError(
        f"{str(target)!r} exists; it was left as it is. Pass overwrite=True to replace it.",
        job_id=video.job_id,
        meaning=_STAYS_PAID,
    )
