"""An engine that skips the time in which nothing is to be done, and a service that takes no time.

The server's clock jumps to the next timer whenever somebody lets it (:meth:`LongScene.passes`, or
whoever awaits the result of a handle that ``start_workflow`` gave), and no task waits or runs. So
an activity that really waits would hold the clock, and a worker's clock never jumps with it: what a
submit and the wait for a job come to is said here instead. All the rest is as in production:
workers, workflows, pages in a folder, and the times that are written in the code.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import uuid
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
from attrs import Factory, define
from support.films import Film
from support.ledger import pandas
from temporalio import activity, client, worker
from temporalio.testing import WorkflowEnvironment

from pika_async.temporal import Campaign, Finished, GenerateVideo, PikaPlugin, run_worker
from pika_async.temporal._failures import as_failure
from pika_async.temporal._records import Accepted, Errand, Leaving, Order, Said
from pika_async.temporal._verdict import Cause

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pika_async.temporal import CampaignProgress, Outcome
    from pika_async.temporal._records import Lost

SERVER = shutil.which(
    "temporal-test-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
)
# In real seconds: whatever takes so long hangs.
_LONGEST = 60.0


@define
class Service:
    """What the worker is told in place of a service.

    Attributes:
        answer: What a submit comes to, by the time since the first one: nothing, where it is
            accepted, or what the activity raises.
        found: What each search for a lost job finds, one after the other; then nothing.
        unseen: So many waits for a job break off before one of them sees its end.
        submits: When each submit came, by the server's clock, and what it was.
        searches: When each search came.
        waits: When each wait began, and for what.
    """

    answer: Callable[[timedelta], Exception | None] = lambda _: None
    found: list[str | None] = Factory(list)
    unseen: int = 0
    submits: list[tuple[datetime, Order]] = Factory(list)
    searches: list[datetime] = Factory(list)
    waits: list[tuple[datetime, Errand]] = Factory(list)

    @property
    def times(self) -> list[timedelta]:
        """When each submit came, from the first one on."""
        return [at - self.submits[0][0] for at, _ in self.submits]

    async def pika_submit(self, now: datetime, order: Order) -> Accepted:
        self.submits.append((now, order))
        failure = self.answer(self.times[-1])
        if failure is not None:
            raise failure
        return Accepted(job_id=f"job-{len(self.submits)}", sent_at=now)

    async def pika_find(self, now: datetime, lost: Lost) -> Accepted | None:
        self.searches.append(now)
        found = self.found.pop(0) if self.found else None
        return None if found is None else Accepted(job_id=found, sent_at=lost.sent.sent_at)

    async def pika_finish(self, now: datetime, errand: Errand) -> Finished:
        self.waits.append((now, errand))
        if len(self.waits) <= self.unseen:
            raise ConnectionError("the service does not answer")
        return Finished(job_id=errand.job.job_id, videos=())


def not_started(seconds: float | None) -> Exception:
    """The service has no room, and may say for how long."""
    said = Said(error="RateLimitError", meaning="The service has no room.", seconds=seconds)
    return as_failure(Cause.NOT_STARTED, said)


def no_money() -> Exception:
    """The service refuses the submit of everybody who has this key."""
    said = Said(error="QuotaExceededError", meaning="The balance is used up.")
    return as_failure(Cause.REFUSED, said)


def unavailable() -> Exception:
    """The service takes nothing at the moment, by its own word."""
    said = Said(error="ServerError", meaning="No channel is available.", answered=True)
    return as_failure(Cause.REFUSED, said)


def unknown() -> Exception:
    """Nobody there knows what is asked for."""
    said = Said(error="NotFoundError", meaning="No such path.", answered=True)
    return as_failure(Cause.REFUSED, said)


def lost(sent: Leaving) -> Exception:
    """The answer of the service is lost."""
    said = Said(error="SubmissionUncertainError", meaning="No answer.", sent=sent)
    return as_failure(Cause.LOST, said)


class _Interceptor(client.Interceptor, worker.Interceptor):
    """Asks the service in place of running what would take time."""

    def __init__(self, scene: Callable[[], LongScene]) -> None:
        self._scene = scene

    def intercept_activity(
        self,
        next: worker.ActivityInboundInterceptor,  # noqa: A002 - its name there
    ) -> worker.ActivityInboundInterceptor:
        return _Inbound(next, self._scene)


class _Inbound(worker.ActivityInboundInterceptor):
    def __init__(
        self, following: worker.ActivityInboundInterceptor, scene: Callable[[], LongScene]
    ) -> None:
        super().__init__(following)
        self._scene = scene

    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:  # noqa: A002
        scene = self._scene()
        does = getattr(scene.service, activity.info().activity_type, None)
        if does is None:
            return await super().execute_activity(input)
        return await does(await scene.now(), *input.args)


@define
class LongScene:
    """One server with its clock, one worker, one service.

    Attributes:
        environment: The server.
        service: What submits and waits come to.
    """

    environment: WorkflowEnvironment
    service: Service

    @property
    def client(self) -> client.Client:
        return self.environment.client

    async def now(self) -> datetime:
        """By the server's clock."""
        return await self.environment.get_current_time()

    async def passes(self, **time: float) -> None:
        """Return when so much time has passed and all is done that was due until then."""
        async with asyncio.timeout(_LONGEST):
            await self.environment.sleep(timedelta(**time))

    async def video(self) -> tuple[Outcome, timedelta]:
        """What becomes of one request, and after what time."""
        return await self._ended(GenerateVideo.run, "a red panda")

    async def film(self, timeout: float) -> tuple[Outcome, timedelta]:
        """The same in a workflow of somebody else, who waits so many seconds at most."""
        return await self._ended(Film.run, "a red panda", 0, timeout)

    async def _ended(self, run: Any, *args: Any) -> tuple[Outcome, timedelta]:
        handle: Any = await self.client.start_workflow(
            run, args=args, id=uuid.uuid4().hex, task_queue="pika"
        )
        async with asyncio.timeout(_LONGEST):
            outcome = cast("Outcome", await handle.result())
        described = await handle.describe()
        return outcome, described.close_time - described.start_time

    async def end(self, campaign: Campaign) -> CampaignProgress:
        """Let time pass until a campaign has ended; returns how.

        The last that a test does. The server loses count of what runs where a workflow ends that
        others signal, and often skips no time from then on:
        https://github.com/temporalio/sdk-java/issues/1618
        """
        passing = asyncio.create_task(self.environment.sleep(timedelta(days=1)))
        async with asyncio.timeout(_LONGEST):
            # The server tells nobody.
            while not (progress := await campaign.progress()).ended:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        passing.cancel()
        with suppress(asyncio.CancelledError):
            await passing
        return progress

    async def campaign(
        self, folder: Path, count: int, *, name: str = "summer", **options: Any
    ) -> Campaign:
        """One with so many lines, which has just been started."""
        await Campaign.prepare(pandas(count), folder)
        return await Campaign.start(self.client, name, folder, **options)


@asynccontextmanager
async def long_scene(service: Service) -> AsyncIterator[LongScene]:
    """A server of its own: its clock is for all of its workflows, and never goes back."""
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=SERVER,
        plugins=[PikaPlugin()],
        interceptors=[_Interceptor(lambda: scene)],
    )
    scene = LongScene(environment, service)
    stop = asyncio.Event()
    async with environment:
        work = asyncio.create_task(
            run_worker(
                environment.client,
                stop=stop,
                workflows=[Film],
                api_key="key",
                # Nobody listens there.
                base_url="http://127.0.0.1:9",
            )
        )
        try:
            yield scene
        finally:
            stop.set()
            await work
