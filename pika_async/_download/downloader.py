"""Saving what was paid for: streamed beside the target, resumed, checked, moved into place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pika_async._download.answers import (
    BrokenOffError,
    LinkRefusedError,
    MediaAnswer,
    NotYetError,
    UnusableAnswerError,
    check_whole,
    no_video,
    range_headers,
    take_head,
)
from pika_async._download.disk import PartInUseError
from pika_async._download.link import Link, Renew, link_of
from pika_async._download.part import NotAVideoError, Part
from pika_async._download.targets import Problem, UnusableTargetError
from pika_async._errors import (
    DownloadError,
    PikaError,
    TargetExistsError,
    TransportError,
    full_stop,
)
from pika_async._events import FileSystemLimited, VideoSaved
from pika_async._settled import settled

if TYPE_CHECKING:
    import os

    from pika_async._backoff import RetryPolicy
    from pika_async._download.disk import Limit
    from pika_async._log import Teller
    from pika_async._states import Video

# Far above any video of some seconds; below what fills a disk by mistake.
MAX_VIDEO_BYTES: Final = 2 * 1024**3

OnProgress = Callable[[int, int | None], None]
"""Told the bytes that have come, and the bytes of the whole file where the host says so."""

Stream = Callable[[str, Mapping[str, str]], AbstractAsyncContextManager[MediaAnswer]]


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
        self._limits_told: set[Limit] = set()

    async def download(
        self,
        video: Video,
        path: str | os.PathLike[str],
        *,
        overwrite: bool,
        renew: Renew | None,
        on_progress: OnProgress | None = None,
    ) -> Path:
        """Save ``video`` as ``path``; see ``PikaClient.download``.

        ``renew`` gives a fresh link; None: nobody here can.
        """
        target = Path(path)
        part = Part(target, overwrite)
        try:
            try:
                await settled(part.open)
                await self._fetch(video, part, renew, on_progress)
                await settled(part.finish)
            finally:
                await settled(part.discard)
                self._tell_limits(part)
        except PikaError:
            raise
        except _CallersError as error:
            raise error.raised from None
        except UnusableAnswerError as error:
            raise _error(video, str(error)) from (error.__cause__ or error)
        except (UnusableTargetError, FileExistsError) as error:
            if isinstance(error, FileExistsError) or error.problem is Problem.EXISTS:
                raise _exists(video, target) from error
            raise _error(video, str(error)) from (error.__cause__ or error)
        except PartInUseError as error:
            raise _error(video, f"{str(target)!r} is being downloaded already") from error
        except (OSError, ValueError) as error:
            # ValueError: a null character in the name.
            kept = f"; the whole video is kept as {str(part.path)!r}" if part.is_stranded else ""
            raise _error(video, f"{str(target)!r} could not be written: {error}{kept}") from error
        if self._tell.is_observed:
            self._tell(VideoSaved(video=video, path=target, size=part.written))
        return target

    def _tell_limits(self, part: Part) -> None:
        for limit, error in part.limits.items():
            if limit not in self._limits_told:
                self._limits_told.add(limit)
                reason = error.strerror or str(error)
                self._tell(FileSystemLimited(path=part.target, cannot=limit.value, reason=reason))

    async def _fetch(
        self, video: Video, part: Part, renew: Renew | None, on_progress: OnProgress | None
    ) -> None:
        """Fill ``part``, through drops, expired links, and links that are not there yet."""
        link = Link(link_of(video, renew), renew, self._retry, self._sleep, self._random)
        farthest = barren = 0
        while True:
            try:
                await self._attempt(link.there(), part, on_progress)
            except (NotYetError, LinkRefusedError) as error:
                await link.wait(error)
            except (BrokenOffError, TransportError) as error:
                # Only attempts that got no farther count: a long file over a bad line arrives,
                # and one that starts over again and again does not take for ever.
                barren += 1
                if part.written > farthest and part.is_known_video:
                    barren, farthest = 0, part.written
                    link.led_on()
                if barren >= self._retry.attempts:
                    # What a request that broke off means for the money says nothing of this one.
                    last = error.what if isinstance(error, TransportError) else str(error)
                    raise _error(
                        video, f"gave up after {barren} attempts without a new byte: {last}"
                    ) from error
                await self._sleep(self._retry.delay(max(barren, 1), error, self._random()))
            else:
                return

    async def _attempt(self, url: str, part: Part, on_progress: OnProgress | None) -> None:
        """Ask once, for the whole or for the rest."""
        async with self._stream(url, range_headers(part)) as answer:
            await take_head(answer, part, self._max_bytes)
            try:
                chunks = answer.chunks
                if on_progress is not None:
                    chunks = _counted(chunks, part.written, part.total, on_progress)
                await part.fill(chunks, self._max_bytes)
                await check_whole(part, self._max_bytes)
            except NotAVideoError as error:
                await part.start_over()
                content_type = answer.headers.get("Content-Type", "")
                raise LinkRefusedError(no_video(error.head, content_type)) from None


class _CallersError(Exception):
    """What ``on_progress`` raised, on its way out."""

    def __init__(self, raised: Exception) -> None:
        super().__init__(raised)
        self.raised = raised


async def _counted(
    chunks: AsyncIterator[bytes], size: int, total: int | None, on_progress: OnProgress
) -> AsyncIterator[bytes]:
    _tell_progress(on_progress, size, total)
    async for chunk in chunks:
        yield chunk
        size += len(chunk)
        _tell_progress(on_progress, size, total)


def _tell_progress(on_progress: OnProgress, size: int, total: int | None) -> None:
    try:
        on_progress(size, total)
    except Exception as error:
        raise _CallersError(error) from error


def _error(video: Video, what: str) -> DownloadError:
    return DownloadError(
        f"video {video.id} of job {video.job_id} was not saved: {what}{full_stop(what)}",
        job_id=video.job_id,
    )


def _exists(video: Video, target: Path) -> TargetExistsError:
    return TargetExistsError(
        f"{str(target)!r} exists; it was left as it is.",
        job_id=video.job_id,
    )
