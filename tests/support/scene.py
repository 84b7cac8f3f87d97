"""An engine, a service, and workers of this process between them."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager, suppress
from time import time

import anyio
from support.engine import connected
from support.films import Clumsy, Cut, Farewell, Film
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.service import RPCError

from pika_async import FixedPolling, GenerationRequest
from pika_async.simulator import Simulator
from pika_async.temporal import Campaign, GenerateVideo, Outcome, run_worker
from pika_async.temporal._contents.allowances import Allowed, allow
from pika_async.temporal._contents.claims import claim
from pika_async.temporal._contents.files import seal, write_pages
from pika_async.temporal._store.store import open_store


class Scene:
    def __init__(self, client, sim):
        self.client, self.sim = client, sim
        self.queue = uuid.uuid4().hex

    async def start(self, *args, run=GenerateVideo.run, **options):
        args = args or ("a red panda",)
        return await self.client.start_workflow(
            run, args=args, id=uuid.uuid4().hex, task_queue=self.queue, **options
        )

    async def outcome(self, *args, **options):
        return await (await self.start(*args, **options)).result()

    async def campaign(self, folder, lines, *, page_size=500, **options):
        """A campaign of these lines, for the workers of this scene, in an account of its own."""
        await Campaign.prepare(lines, folder, page_size=page_size)
        return await self.started(folder, **options)

    async def started(self, folder, **options):
        """The same, of what was prepared there."""
        options = {"queue": self.queue, "account": self.queue} | options
        return await Campaign.start(self.client, uuid.uuid4().hex, folder, **options)

    async def ended(self, folder):
        """A campaign that was started on a store, see ``prepared``, and that the engine forgot."""
        name, store = uuid.uuid4().hex, open_store(folder)
        await claim(self.client, store, name, 1, carry_on=False)
        await allow(store, Allowed(campaign=name))
        return Campaign(self.client, name, store=folder)

    async def jobs(self, count):
        """Return once the service has so many."""
        with anyio.fail_after(180):
            while len(self.sim.jobs) < count:  # noqa: ASYNC110 - sets no flag
                await anyio.sleep(0.02)

    @asynccontextmanager
    async def worker(self, **settings):
        stop = asyncio.Event()
        settings = {
            "polling": FixedPolling(0.05),
            "request_timeout": 3.0,
            "base_url": self.sim.url,
        } | settings
        task = asyncio.create_task(
            run_worker(
                self.client,
                queue=self.queue,
                stop=stop,
                workflows=[Film, Clumsy, Cut, Farewell],
                api_key="a-secret-key",
                dialect=self.sim.dialect,
                **settings,
            )
        )
        try:
            yield
        finally:
            stop.set()
            await task


@asynccontextmanager
async def scene(engine, *faults, service="gateway", **settings):
    settings = {"duration": 0.2} | settings
    client = await connected(engine)
    async with Simulator(service=service, now=time, faults=faults, **settings) as sim:
        yield Scene(client, sim)


async def prepared(folder, outcomes, *, page_size=500):
    """A store of a campaign whose lines have come to this."""
    store = open_store(folder)
    lines = [GenerationRequest(f"a red panda {number:03}") for number in range(len(outcomes))]
    await write_pages(store, lines, page_size=page_size)
    for first in range(0, len(outcomes), page_size):
        await seal(store, first // page_size, outcomes[first : first + page_size])
    return store


async def progress_once(campaign, holds, seconds=180):
    """The progress of a campaign, as soon as this holds of it."""
    with anyio.fail_after(seconds):
        while not holds(progress := await campaign.progress()):  # noqa: ASYNC110 - is asked
            await anyio.sleep(0.05)
    return progress


async def reset(client, handle, event):
    described = await handle.describe()
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=described.run_id),
            workflow_task_finish_event_id=event,
            request_id=uuid.uuid4().hex,
        )
    )
    return client.get_workflow_handle(handle.id, run_id=answer.run_id, result_type=Outcome)


async def terminate(at, name):
    """As soon as it runs."""
    with anyio.fail_after(10):
        while True:
            with suppress(RPCError):
                return await at.client.get_workflow_handle(name).terminate()
            await anyio.sleep(0.02)
