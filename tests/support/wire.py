"""The client's pieces on real sockets, with waits that take no time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio.lowlevel
from attrs import define, field, frozen

from pika_async import FixedPolling, Job, RetryPolicy
from pika_async._events import Event
from pika_async._http import API_HOST, Endpoint
from pika_async._jobs.jobs import Jobs
from pika_async._jobs.recorder import PlainRecorder
from pika_async._log import Teller
from pika_async._timing import Sleepers, Timing
from pika_async._wire.api import API
from pika_async._wire.transport import Transport
from pika_async.dialects import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pika_async import GenerationRequest
    from pika_async._jobs.recorder import SubmitRecord
    from pika_async._jobs.submit import Submitter
    from pika_async.dialects import Dialect
    from pika_async.simulator import Simulator

KEY = "sk-secret-0123456789"


@define
class LeapingClock:
    """Sleeping moves it at once; `naps` holds every sleep in seconds."""

    moment: float = 1000.0
    naps: list[float] = field(factory=list)

    def now(self) -> float:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        until = self.moment + seconds
        self.naps.append(seconds)
        await anyio.lowlevel.checkpoint()
        self.moment = max(self.moment, until)

    async def rest(self, seconds: float, _: Sleepers) -> None:
        await self.sleep(seconds)


@frozen
class Wired:
    """One client's worth of pieces."""

    api: API
    jobs: Jobs
    clock: LeapingClock
    events: list[Event]

    @property
    def submitter(self) -> Submitter:
        return self.jobs._submitter

    async def submit(
        self, request: GenerationRequest, record: SubmitRecord | None = None, **options: object
    ) -> Job:
        if record is not None:
            options["recorder"] = PlainRecorder(record)
        return await self.jobs.submit(request, **options)  # type: ignore[arg-type]

    async def answered(self) -> None:
        """No answer of a submit is missing."""
        await self.jobs.answered(lambda _: True)

    def job(self, job_id: str) -> Job:
        return self.jobs.attach(job_id)

    def told(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def wired_to(
    url: str,
    *,
    request_timeout: float = 30.0,
    retry: RetryPolicy | None = None,
    dialect: Dialect | None = None,
    most_submits: int | None = None,
    most_uploads: int | None = None,
) -> AsyncIterator[Wired]:
    dialect = dialect or Gateway()
    hosts = {host: url for host in dialect.hosts if host != API_HOST}
    clock = LeapingClock()
    transport = Transport(session=None, request_timeout=request_timeout)
    api = API(
        endpoint=Endpoint(base_url=url, api_key=KEY, hosts=hosts),
        dialect=dialect,
        transport=transport,
        now=clock.now,
    )
    events: list[Event] = []
    jobs = Jobs(
        api,
        polling=FixedPolling(1.0),
        retry=retry or RetryPolicy(jitter=0.0),
        timing=Timing(
            now=clock.now,
            sleep=clock.sleep,
            rest=clock.rest,
            random=lambda: 0.5,
            utc=lambda: datetime.now(UTC),
        ),
        tell=Teller(events.append),
        request_timeout=request_timeout,
        max_in_flight=None,
        most_submits=most_submits,
        most_uploads=most_uploads,
    )
    await transport.open()
    try:
        yield Wired(api, jobs, clock, events)
    finally:
        await jobs.close()
        await transport.close()


@asynccontextmanager
async def wired(
    sim: Simulator,
    *,
    request_timeout: float = 30.0,
    retry: RetryPolicy | None = None,
    url: str | None = None,
    most_submits: int | None = None,
    most_uploads: int | None = None,
) -> AsyncIterator[Wired]:
    async with wired_to(
        url or sim.url,
        request_timeout=request_timeout,
        retry=retry,
        dialect=sim.dialect,
        most_submits=most_submits,
        most_uploads=most_uploads,
    ) as wire:
        yield wire
