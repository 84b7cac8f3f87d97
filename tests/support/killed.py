"""A worker in a process of its own, which kills itself at a moment, or stands still."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from typing import Any

from support.films import Film, Naive
from temporalio import activity
from temporalio.client import Client

from pika_async import FixedPolling, PikaClient
from pika_async.dialects import service_named
from pika_async.temporal import PikaPlugin, _engine_record, _steps, _worker, run_worker
from pika_async.temporal._campaign import activities
from pika_async.temporal._engine_record import EngineRecord
from pika_async.temporal._limits import unseen

SUBMIT_SECONDS = 4.0


def be_quick(replace: Any = setattr) -> None:
    """Lost workers are noticed sooner, so that a test need not wait for a minute."""
    replace(_steps, "SUBMIT_TIMEOUT", timedelta(seconds=SUBMIT_SECONDS))
    # As long after the record as there is time left for the request.
    replace(_engine_record, "LATEST", 1.0)
    replace(_steps, "HEARTBEAT_TIMEOUT", timedelta(seconds=3))
    # As long as the jobs of most tests run.
    replace(unseen, "UNSEEN_FOR", timedelta(seconds=1.5))
    replace(_steps, "_PAUSES_OF_SEARCH", (0.0, 0.5))
    replace(_worker, "_STICKY", timedelta(seconds=1))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying(of: Any, name: str, *, first: bool) -> None:
    """The method kills the process: first, or once it has done its work."""
    does = getattr(of, name)

    async def dies(*args: Any, **kwargs: Any) -> Any:
        if not first:
            await does(*args, **kwargs)
        _die()

    setattr(of, name, dies)


def _standing_still(of: type, name: str, *, first: bool) -> None:
    """The method stops the process, as a machine that sleeps does, until somebody wakes it."""
    does = getattr(of, name)

    async def stops(*args: Any, **kwargs: Any) -> Any:
        setattr(of, name, does)
        if first:
            os.kill(os.getpid(), signal.SIGSTOP)
        done = await does(*args, **kwargs)
        if not first:
            os.kill(os.getpid(), signal.SIGSTOP)
        return done

    setattr(of, name, stops)


# What happens to which method, and whether before it has done its work.
_MOMENTS: dict[str, tuple[Any, Any, str, bool]] = {
    "before it is written down": (_dying, EngineRecord, "leaving", True),
    "after it is written down": (_dying, EngineRecord, "leaving", False),
    "after the answer": (_dying, EngineRecord, "accepted", True),
    "after the job is written down": (_dying, EngineRecord, "accepted", False),
    "before the video is saved": (_dying, PikaClient, "download", True),
    "after the video is saved": (_dying, PikaClient, "download", False),
    "while its page is opened": (_dying, activities, "begin", False),
    "while its page is sealed": (_dying, activities, "seal", True),
    "stands still before it is written down": (_standing_still, EngineRecord, "leaving", True),
    "stands still after it is written down": (_standing_still, EngineRecord, "leaving", False),
}


def _die_at(moment: str | None) -> None:
    if moment is not None:
        happens, of, name, first = _MOMENTS[moment]
        happens(of, name, first=first)


def naive_submit_of(order: dict[str, Any]) -> Any:
    @activity.defn
    async def naive_submit(prompt: str) -> str:
        dialect = service_named(order["service"])
        async with PikaClient("key", base_url=order["url"], dialect=dialect) as client:
            job = await client.submit(prompt)
            if order["dies_at"] == "after the answer":
                _die()
            return job.id

    return naive_submit


def live(order: dict[str, Any]) -> None:
    """Be that worker. The order: engine, url, service, queue, output_dir, dies_at, max_submits."""
    asyncio.run(_live(order))


async def _live(order: dict[str, Any]) -> None:
    be_quick()
    _die_at(order["dies_at"])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_worker(
        await Client.connect(order["engine"], plugins=[PikaPlugin()]),
        queue=order["queue"],
        output_dir=order["output_dir"],
        stop=stop,
        workflows=[Film, Naive],
        activities=[naive_submit_of(order)],
        api_key="key",
        base_url=order["url"],
        dialect=service_named(order["service"]),
        polling=FixedPolling(0.1),
        request_timeout=SUBMIT_SECONDS - 1,
        # So that there are submits under way for as long as workers are killed.
        max_submits=order.get("max_submits", 3),
    )
