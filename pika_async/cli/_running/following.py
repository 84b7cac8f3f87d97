"""From a job to its files, and how much longer it may take."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pika_async import (
    AdaptivePolling,
    DownloadError,
    Failed,
    JobFailedError,
    Running,
    TargetExistsError,
)
from pika_async.cli._running.files import free_name, numbered
from pika_async.cli._running.run import repeating
from pika_async.cli._showing.shown import Expected, Link, Saving, Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pika_async import Estimate, Job, Observation, PikaClient, Video
    from pika_async.cli._running.trail import JobTrail
    from pika_async.cli._showing.shown import Show

# Seconds between two looks at the estimate. Answers that changed nothing renew it, too, and no
# transition tells of them.
_INTERVAL: Final = 0.5


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
        # The videos that did finish are paid for.
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
            # The line that resumes must not find its target taken by the videos saved so far.
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


@contextmanager
def looking_ahead(client: PikaClient, job: Job, show: Show) -> Iterator[Callable[[], None]]:
    """Keep the estimate that is shown fresh; what it yields does so at once.

    Readers never ask by themselves: a line that moves is drawn by another thread, and policies
    belong to the event loop. A policy that learns nothing estimates nothing.
    """
    polling = client.polling
    if not isinstance(polling, AdaptivePolling):
        yield lambda: None
        return

    def look() -> None:
        observation = job.observation
        show(Expected(_estimate(polling, observation), observation.elapsed))

    with repeating(look, _INTERVAL):
        yield look


def _estimate(polling: AdaptivePolling, observation: Observation) -> Estimate | None:
    state = observation.state
    # A job nobody has looked at may have ended long ago.
    if state is None or state.is_terminal:
        return None
    estimate = polling.estimate(observation)
    # The age of a re-attached job is not known, so its percentage says more than a guess does.
    seen_to_move = isinstance(state, Running) and bool(state.progress)
    guessed = estimate.basis == "assumed" and observation.request is None
    return None if guessed and seen_to_move else estimate
