"""A worker: a process that submits, waits and saves for workflows. Run as many as you like."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
from temporalio.worker import Worker

from pika_async import PikaClient, RetryPolicy
from pika_async._client import jobs_of
from pika_async.temporal._account.serving import serving_accounts
from pika_async.temporal._campaign.activities import CampaignActivities
from pika_async.temporal._campaign.campaign import CampaignRun
from pika_async.temporal._campaign.page import Page
from pika_async.temporal._connecting import BEFORE_EXIT, told_of_the_server
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._converter import check_knows_our_values
from pika_async.temporal._finishing import Finishing
from pika_async.temporal._names import QUEUE, queue_of_submits
from pika_async.temporal._repairs.activities import RepairActivities
from pika_async.temporal._repairs.repair import Repair
from pika_async.temporal._submitting import Submitting
from pika_async.temporal._workflows import GenerateVideo

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from temporalio.client import Client

    from pika_async import Dialect, Event, PollPolicy

# The workflow repeats, not the worker: then each POST has an attempt, and a record, of its own.
_ONE_POST: Final = RetryPolicy(attempts=1, outage_budget=0.0)
# After a worker is lost, its workflows go on elsewhere after so long.
_STICKY: Final = timedelta(seconds=5)
_SLACK: Final = 15.0
_LONGEST_REQUEST: Final = 30.0


async def run_worker(
    engine: Client,
    *,
    queue: str = QUEUE,
    output_dir: str | os.PathLike[str] | None = None,
    stop: asyncio.Event | None = None,
    max_waiting: int = 2000,
    max_submits: int = 16,
    workflows: Sequence[type] = (),
    activities: Sequence[Callable[..., Any]] = (),
    api_key: str | None = None,
    base_url: str | None = None,
    dialect: Dialect | None = None,
    polling: PollPolicy | None = None,
    request_timeout: float = 30.0,
    allow_insecure: bool = False,
    observer: Callable[[Event], None] | None = None,
) -> None:
    """Work until ``stop`` is set, or until cancelled. Needs the key; nobody else does.

    When it stops, submits that have left are waited for; jobs are left to other workers.

    Args:
        engine: A client of Temporal, connected with ``plugins=[PikaPlugin()]``.
        queue: The task queue of ``GenerateVideo`` and of the waiting; submits have one of their
            own, with ``-submit`` behind it. What accounts need done, every worker does.
        output_dir: A folder that all workers see, where videos are saved that are of no campaign;
            None: only their links are told. Workers of one queue need the same. Those of a campaign
            are saved where it lies.
        stop: Ends the work when it is set, such as by a handler of SIGTERM.
        max_waiting: How many jobs this worker waits for at most.
        max_submits: How many submits it has under way at most.
        workflows: Workflows of yours that this worker is to run, too.
        activities: Activities of yours.
        api_key: As for :class:`pika_async.PikaClient`, and so are those that follow.
        base_url: Where the service is.
        dialect: How the service spells Pika.
        polling: When to look at a job.
        request_timeout: Seconds for one API request, 30 at most: the engine counts a submit that
            takes 15 seconds longer than that as lost.
        allow_insecure: Let the key travel over plain http to another machine.
        observer: Told each event.

    Raises:
        ConfigurationError: No key, an unusable URL, or a client without the plugin.
        NoAnswerError: The server did not answer any more when the work was to begin.
        ValueError: An argument is not allowed.
    """
    check_knows_our_values(engine.data_converter)
    if request_timeout > _LONGEST_REQUEST:
        raise ValueError(
            f"request_timeout: {request_timeout} is not allowed; allowed are up to "
            f"{_LONGEST_REQUEST:g} seconds"
        )
    settings: dict[str, Any] = {
        "base_url": base_url,
        "dialect": dialect,
        "request_timeout": request_timeout,
        "allow_insecure": allow_insecure,
        "observer": observer,
    }
    async with (
        PikaClient(api_key, retry=_ONE_POST, **settings) as once,
        PikaClient(api_key, polling=polling, **settings) as client,
    ):
        shelf = Shelf(jobs_of(client).service.dialect)
        folder = None if output_dir is None else Path(output_dir)
        submitting = Submitting(once, shelf, now=time.monotonic)
        finishing = Finishing(client, shelf, output_dir=folder)
        for_campaigns = CampaignActivities(client, shelf)
        for_repairs = RepairActivities(shelf)
        submits = Worker(
            engine,
            task_queue=queue_of_submits(queue),
            activities=[submitting.submit],
            max_concurrent_activities=max_submits,
            # Longer than a submit can take: its answer is read.
            graceful_shutdown_timeout=timedelta(seconds=request_timeout + _SLACK),
        )
        rest = Worker(
            engine,
            task_queue=queue,
            workflows=[GenerateVideo, CampaignRun, Page, Repair, *workflows],
            activities=[
                finishing.finish,
                submitting.find,
                *for_campaigns.all,
                *for_repairs.all,
                *activities,
            ],
            max_concurrent_activities=max_waiting,
            sticky_queue_schedule_to_start_timeout=_STICKY,
        )
        try:
            with told_of_the_server(engine.service_client.config.target_host):
                async with submits, rest, serving_accounts(engine, sticky=_STICKY):
                    await (stop or asyncio.Event()).wait()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(BEFORE_EXIT)
