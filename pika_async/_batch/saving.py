"""The videos of one request of a batch: saved under their names, unless they are there already."""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING, Final

from pika_async._batch.naming import place_of
from pika_async._client import save_video
from pika_async._errors import DownloadError, PikaError, TargetExistsError
from pika_async._events import VideoKept
from pika_async._journal.history import SavedFile
from pika_async._settled import in_thread

if TYPE_CHECKING:
    from pathlib import Path

    from pika_async._batch.board import Board
    from pika_async._batch.known import Known
    from pika_async._batch.record import Record
    from pika_async._states import Failed, Succeeded, Video

# The disk itself: what it refuses one video it refuses all.
_DISK_ERRORS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


async def saved_videos(
    board: Board,
    record: Record,
    known: Known,
    *,
    output_dir: Path,
    prompt: str,
    state: Succeeded | Failed,
) -> tuple[tuple[Path, ...], DownloadError | None]:
    """Save the videos of a job, and write down what is saved.

    Returns:
        The files, and the first problem, if there was one.
    """
    files: list[Path] = []
    saved: list[SavedFile] = []
    problem: DownloadError | None = None
    board.counts.downloading += 1
    try:
        for place, video in enumerate(state.videos):
            path, before = await place_of(
                output_dir,
                known,
                prompt,
                video.job_id,
                place,
                number=record.number,
                takes_letters=board.takes_letters,
            )
            try:
                size = await _saved_size(board, known, video, path, before)
            except DownloadError as error:
                problem = problem or error
            except PikaError as error:
                board.stop_if_wrong_for_all(error)
                problem = problem or _not_saved(video, error)
            else:
                files.append(path)
                saved.append(SavedFile(name=path.name, size=size, place=place))
    finally:
        board.counts.downloading -= 1
    if tuple(saved) != known.files:
        await record.saved(saved)
    return tuple(files), problem


async def _saved_size(
    board: Board, known: Known, video: Video, path: Path, before: SavedFile | None
) -> int:
    """Save a video, unless it is there already; returns its size when it was saved.

    Args:
        board: The batch.
        known: What earlier runs have done for the request.
        video: The video.
        path: Its file.
        before: What an earlier run has saved there.

    Raises:
        PikaError: It could not be saved.
    """
    there = await _size(path) if known.resumed else None
    if before is None or not there:
        # An empty file of an earlier run's job is no video, whoever has left it.
        await _download(board, known, video, path, overwrite=before is not None or there == 0)
        return await _size(path) or 0
    if there != before.size:
        board.jobs.tell(VideoKept(video=video, path=path, size=there, saved_size=before.size))
    # The size of then, also where the file was changed, so that the next run tells it, too.
    return before.size


async def _download(
    board: Board, known: Known, video: Video, path: Path, *, overwrite: bool
) -> None:
    try:
        async with board.downloads:
            await save_video(
                board.client,
                video,
                path,
                overwrite=overwrite,
                # A link is renewed by a poll, and another service does not know the job. A missing
                # link has been polled for already; the next run looks again.
                renewable=not known.elsewhere and bool(video.url),
            )
    except TargetExistsError:
        # A file with the name of an earlier run's job is that job's video, and whole: the run ended
        # before it could write that down.
        if not known.resumed:
            raise
    except DownloadError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _DISK_ERRORS:
            board.stop(error)
        raise
    else:
        board.counts.downloaded += 1


def _not_saved(video: Video, reason: PikaError) -> DownloadError:
    """The error of a video: it is paid for, though ``reason`` may say that nothing was sent."""
    error = DownloadError(f"the video was not saved: {reason.what}", job_id=video.job_id)
    error.__cause__ = reason
    return error


async def _size(path: Path) -> int | None:
    """Bytes, None where there is no such file."""
    try:
        found = await in_thread(path.stat)
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
