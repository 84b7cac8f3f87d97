"""The client's pieces on real sockets, with waits that take no time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio.lowlevel
from attrs import define, field, frozen

from pika_async import FixedPolling, Job, RetryPolicy
from pika_async._http import Endpoint
from pika_async._jobs.submit import Submitter, Timing
from pika_async._jobs.tracking import Tracker, Waiting
from pika_async._log import Teller
from pika_async._wire.api import API
from pika_async._wire.transport import Transport
from pika_async.dialects import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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


@frozen
class Wired:
    """One client's worth of pieces."""

    api: API
    submitter: Submitter
    waiting: Waiting
    clock: LeapingClock

    def job(self, job_id: str) -> Job:
        return Job(Tracker.start(job_id, self.waiting))


@asynccontextmanager
async def wired(
    sim: Simulator,
    *,
    request_timeout: float = 30.0,
    retry: RetryPolicy | None = None,
    url: str | None = None,
) -> AsyncIterator[Wired]:
    clock = LeapingClock()
    retry = retry or RetryPolicy(jitter=0.0)
    transport = Transport(session=None, request_timeout=request_timeout)
    api = API(
        endpoint=Endpoint(base_url=url or sim.url, api_key=KEY),
        dialect=Gateway(),
        transport=transport,
    )
    timing = Timing(
        now=clock.now, sleep=clock.sleep, random=lambda: 0.5, utc=lambda: datetime.now(UTC)
    )
    submitter = Submitter(api, retry, timing, Teller())
    await transport.open()
    try:
        yield Wired(
            api,
            submitter,
            Waiting(
                look=api.look,
                polling=FixedPolling(1.0),
                retry=retry,
                now=clock.now,
                sleep=clock.sleep,
                random=lambda: 0.5,
                tell=Teller(),
            ),
            clock,
        )
    finally:
        await submitter.close()
        await transport.close()
