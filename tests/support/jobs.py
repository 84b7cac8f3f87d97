"""A job whose polls are answered from a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from support.virtual_time import now

from pika_async import (
    Failed,
    FixedPolling,
    GenerationRequest,
    Job,
    JobState,
    Queued,
    RetryPolicy,
    Running,
    Succeeded,
    Video,
)
from pika_async._jobs.looks import Waiting
from pika_async._jobs.policy import GuardedPolicy
from pika_async._jobs.tracking import Tracker
from pika_async._log import Teller
from pika_async._settled import rest
from pika_async.dialects import Handle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pika_async import PikaError, PollPolicy
    from pika_async._wire.heard import Heard

VIDEO = Video(id="v1", job_id="job-1", url="https://media.example/v1.mp4")
DONE = Succeeded(videos=(VIDEO,))
LINKLESS = Succeeded(videos=(Video(id="v1", job_id="job-1", url=""),))
BROKEN = Failed(reason="prompt not allowed", code="moderation")
REQUEST = GenerationRequest("a red panda surfing")

Answer = "JobState | PikaError | None"


def running(progress: int | None = None) -> Running:
    return Running(progress=progress)


class Service:
    """Answers polls: each step of the script once, the last one for ever.

    Each answer asks for a pause of ``pause`` seconds.
    """

    def __init__(
        self,
        *script: JobState | PikaError | None,
        takes: float = 0.0,
        pause: float | None = None,
    ) -> None:
        self.script = list(script)
        self.pause = pause
        self.takes = takes
        self.polled_at: list[float] = []
        self.limits: list[float] = []

    async def look(self, handle: Handle, limit: float, heard: Heard) -> JobState | None:
        self.polled_at.append(now())
        self.limits.append(limit)
        step = self.script[min(len(self.polled_at), len(self.script)) - 1]
        if self.takes:
            await anyio.sleep(self.takes)
        if isinstance(step, Exception):
            raise step
        heard.pause = self.pause
        return step

    async def cancel(self, handle: Handle) -> bool:
        return False

    @property
    def polls(self) -> int:
        return len(self.polled_at)


def waiting(
    service: Service,
    polling: PollPolicy | None = None,
    retry: RetryPolicy | None = None,
    randoms: Iterable[float] = (),
    tell: Teller | None = None,
) -> Waiting:
    numbers = iter(randoms)
    tell = tell or Teller()
    return Waiting(
        look=service.look,
        cancel=service.cancel,
        polling=GuardedPolicy(polling or FixedPolling(1.0), tell),
        retry=retry or RetryPolicy(jitter=0.0),
        now=now,
        request_timeout=30.0,
        rest=rest,
        random=lambda: next(numbers, 0.5),
        tell=tell,
    )


def submitted(service: Service, **policies: object) -> Job:
    return Job(
        Tracker.start(
            Handle("job-1"), waiting(service, **policies), request=REQUEST, state=Queued()
        )
    )  # type: ignore[arg-type]


def attached(service: Service, **policies: object) -> Job:
    return Job(Tracker.start(Handle("job-1"), waiting(service, **policies)))  # type: ignore[arg-type]
