"""From a job to its files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import anyio

from pika_async import DownloadError, Failed, JobFailedError, TargetExistsError
from pika_async.cli._ahead import looking_ahead
from pika_async.cli._exits import UsageError
from pika_async.cli._targets import free_name, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pika_async import Job, PikaClient, Video
    from pika_async.cli._report import Report
    from pika_async.cli._trail import JobTrail

_KEY = "PIKA_API_KEY"


def check_key(*, instead: str = "") -> None:
    """Refuse to begin without a key.

    Raises:
        UsageError: There is none.
    """
    if not os.environ.get(_KEY, "").strip():
        raise UsageError(f"there is no API key: set {_KEY} in the environment{instead}.")


async def follow(
    client: PikaClient, job: Job, report: Report, trail: JobTrail, wait: float
) -> None:
    """Show the job's transitions and the time left, ``wait`` seconds at most; then save its videos.

    Raises:
        PikaError: The job failed, or could not be followed, or a video could not be saved.
    """
    with looking_ahead(client, job, report) as look_ahead:
        async for transition in job.transitions(timeout=wait):
            look_ahead()
            report.transition(transition)
    try:
        videos = (await job.result(timeout=0)).videos
    except JobFailedError as error:
        # What did finish was paid for.
        kept = error.state.videos if isinstance(error.state, Failed) else ()
        await _deliver(client, [video for video in kept if video.url], report, trail)
        raise
    await _deliver(client, videos, report, trail)


async def _deliver(
    client: PikaClient, videos: Sequence[Video], report: Report, trail: JobTrail
) -> None:
    """Save the videos, all that can be; without a target, say where they are."""
    trail.finished = bool(videos)
    target = trail.target
    problem: DownloadError | None = None
    for index, video in enumerate(videos):
        if target is None:
            report.link(video)
            continue
        if index:
            # A line that resumes must not meet the files that are there by then.
            trail.target = free_name(target)
        report.saving()
        try:
            path = await client.download(video, numbered(target, index), overwrite=trail.overwrite)
        except DownloadError as error:
            problem = problem or error
        else:
            report.saved(video, path, (await anyio.Path(path).stat()).st_size)
    if isinstance(problem, TargetExistsError) and target is not None:
        trail.target = free_name(target)
    if problem is not None:
        raise problem
