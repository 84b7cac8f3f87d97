"""From a job to its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async import DownloadError, Failed, JobFailedError, TargetExistsError
from pika_async.cli._running.ahead import looking_ahead
from pika_async.cli._running.targets import free_name, numbered
from pika_async.cli._showing.shown import Link, Saving, Watching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pika_async import Job, PikaClient, Video
    from pika_async.cli._running.trail import JobTrail
    from pika_async.cli._showing.shown import Show


async def follow(client: PikaClient, job: Job, show: Show, trail: JobTrail, wait: float) -> None:
    """Show the job's transitions and the time left, ``wait`` seconds at most; then save its videos.

    Raises:
        PikaError: The job failed, or could not be followed, or a video could not be saved.
    """
    show(Watching(job.id))
    with looking_ahead(client, job, show) as look_ahead:
        async for transition in job.transitions(timeout=wait):
            look_ahead()
            show(transition)
    try:
        videos = (await job.result(timeout=0)).videos
    except JobFailedError as error:
        # What did finish was paid for.
        kept = error.state.videos if isinstance(error.state, Failed) else ()
        await _deliver(client, [video for video in kept if video.url], show, trail)
        raise
    await _deliver(client, videos, show, trail)


async def _deliver(
    client: PikaClient, videos: Sequence[Video], show: Show, trail: JobTrail
) -> None:
    """Save the videos, all that can be; without a target, say where they are."""
    trail.finished = bool(videos)
    target = trail.target
    problem: DownloadError | None = None
    for index, video in enumerate(videos):
        if target is None:
            show(Link(video))
            continue
        if index:
            # A line that resumes must not meet the files that are there by then.
            trail.target = free_name(target)
        show(Saving())
        try:
            await client.download(video, numbered(target, index), overwrite=trail.overwrite)
        except DownloadError as error:
            problem = problem or error
    if isinstance(problem, TargetExistsError) and target is not None:
        trail.target = free_name(target)
    if problem is not None:
        raise problem
