"""Which job a video is of, also after nobody holds that job any more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from weakref import ref

from attrs import frozen

from pika_async._errors import PikaError
from pika_async._states import Video, videos_of
from pika_async.dialects import Handle

if TYPE_CHECKING:
    from pika_async._jobs.job import Job
    from pika_async._jobs.live import LiveJobs
    from pika_async._request.request import GenerationRequest
    from pika_async._wire.api import API


@frozen
class Origin:
    """What is known of the job of a video."""

    prompt: str = ""
    """Empty where that is not known."""
    name: str = ""
    """The job's id; with the video's own where the job may have several and the place is unknown:
    two videos never have the same name and place."""
    place: int = 0
    """The video's place among those of its job, from 0."""


class _Kept(ref[Video]):
    __slots__ = ("key", "origin")

    key: tuple[str, str]
    origin: Origin


class Origins:
    """The jobs of videos, for one client."""

    def __init__(self, api: API, jobs: LiveJobs) -> None:
        self._api = api
        self._jobs = jobs
        self._kept: dict[tuple[str, str], _Kept] = {}

    def keep(self, job: Job) -> None:
        """Know the videos of an ended job for as long as anybody holds them."""
        for place, video in enumerate(videos_of(job.state)):
            kept = _Kept(video, self._gone)
            kept.key = (video.job_id, video.id)
            kept.origin = Origin(_prompt(job.request), video.job_id, place)
            self._kept[kept.key] = kept

    def _gone(self, kept: _Kept) -> None:
        # A renewed one may have taken its place in the meantime.
        if self._kept.get(kept.key) is kept:
            del self._kept[kept.key]

    def of(self, video: Video) -> Origin:
        """What is known of the job of a video."""
        job = self._jobs.get(video.job_id)
        prompt = "" if job is None else _prompt(job.request)
        for place, one in enumerate(() if job is None else videos_of(job.state)):
            if one.id == video.id:
                return Origin(prompt, video.job_id, place)
        kept = self._kept.get((video.job_id, video.id))
        return _by_name(video, prompt) if kept is None else kept.origin

    async def renewed(self, video: Video) -> Video | None:
        """The same video with the link that the service gives now; None where it names it no more.

        Raises:
            PikaError: The job could not be looked at.
        """
        known = self._jobs.get(video.job_id)
        try:
            # Where nobody holds the job, none is made: a link is renewed, no job ends anew.
            state = (
                await self._api.look(Handle(video.job_id), math.inf)
                if known is None
                else await known.refresh()
            )
        except PikaError as error:
            error.about_job(video.job_id)
            raise
        return next((fresh for fresh in videos_of(state) if fresh.id == video.id), None)


def _prompt(request: GenerationRequest | None) -> str:
    return "" if request is None else request.prompt


def _by_name(video: Video, prompt: str) -> Origin:
    """What the names of a video and its job tell: the second without one of its own is JOB-2."""
    if video.id == video.job_id:
        return Origin(prompt, video.job_id)
    number = video.id.removeprefix(f"{video.job_id}-")
    if number != video.id and number.isascii() and number.isdigit() and 2 <= int(number) < 100:
        return Origin(prompt, video.job_id, int(number) - 1)
    return Origin(prompt, f"{video.job_id}-{video.id}")
