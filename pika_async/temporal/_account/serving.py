"""Every worker does the work of the accounts, whatever its own queue is.

An engine takes one worker of a queue from one client. So those that share a client share this one:
the first begins it, and the last ends it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from attrs import Factory, define
from temporalio.worker import Worker

from pika_async.temporal._account.account import Account
from pika_async.temporal._account.activities import AccountActivities
from pika_async.temporal._names import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta

    from temporalio.client import Client
    from temporalio.service import ServiceClient


@define(eq=False)
class _Shared:
    """The worker of one client, by namespace."""

    users: int = 0
    worker: Worker | None = None
    work: asyncio.Task[None] | None = None
    turn: asyncio.Lock = Factory(asyncio.Lock)


_SHARED: Final[WeakKeyDictionary[ServiceClient, dict[str, _Shared]]] = WeakKeyDictionary()


@asynccontextmanager
async def serving_accounts(engine: Client, *, sticky: timedelta) -> AsyncIterator[None]:
    """While inside, this process does the work of accounts."""
    here = _SHARED.setdefault(engine.service_client, {})
    shared = here.setdefault(engine.namespace, _Shared())
    async with shared.turn:
        if not shared.users:
            shared.worker = _worker(engine, sticky)
            shared.work = asyncio.create_task(shared.worker.run())
        shared.users += 1
    try:
        yield
    finally:
        async with shared.turn:
            shared.users -= 1
            worker, work = shared.worker, shared.work
            if not shared.users and worker is not None and work is not None:
                await worker.shutdown()
                # Raises what has ended it before that.
                await work


def _worker(engine: Client, sticky: timedelta) -> Worker:
    return Worker(
        engine,
        task_queue=ACCOUNTS,
        workflows=[Account],
        activities=AccountActivities().all,
        max_concurrent_workflow_task_polls=2,
        max_concurrent_activity_task_polls=1,
        sticky_queue_schedule_to_start_timeout=sticky,
    )
