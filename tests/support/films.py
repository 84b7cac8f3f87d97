"""Workflows of somebody else: some that call ours, and one that does what people write first."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from pika_async.temporal import Outcome, generate


@workflow.defn
class Film:
    """Continues as new so many times, then calls ours."""

    @workflow.run
    async def run(self, prompt: str, rounds: int, timeout: float | None) -> Outcome:
        if rounds:
            workflow.continue_as_new(args=[prompt, rounds - 1, timeout])
        return await generate(prompt, timeout=timeout, queue=workflow.info().task_queue)


@workflow.defn
class Clumsy:
    """Fails after it has called ours, once."""

    @workflow.run
    async def run(self, prompt: str) -> Outcome:
        outcome = await generate(prompt, queue=workflow.info().task_queue)
        if workflow.info().attempt == 1:
            raise ApplicationError("something of its own")
        return outcome


@workflow.defn
class Farewell:
    """Calls ours after it was cancelled."""

    @workflow.run
    async def run(self, prompt: str) -> Outcome:
        with suppress(asyncio.CancelledError):
            await workflow.wait_condition(lambda: False)
        return await generate(prompt, queue=workflow.info().task_queue)


@workflow.defn
class Cut:
    """Calls ours in a task of its own, and calls that off when it is told to."""

    def __init__(self) -> None:
        self._is_cut = False

    @workflow.run
    async def run(self, prompt: str) -> str:
        task = asyncio.create_task(generate(prompt, queue=workflow.info().task_queue))
        await workflow.wait_condition(lambda: self._is_cut)
        task.cancel()
        with suppress(asyncio.CancelledError):
            return type(await task).__name__
        return "called off"

    @workflow.signal
    def cut(self) -> None:
        self._is_cut = True


@workflow.defn
class Naive:
    """Submits in an activity with the engine's default retries."""

    @workflow.run
    async def run(self, prompt: str) -> str:
        submitted: str = await workflow.execute_activity(
            "naive_submit", prompt, result_type=str, start_to_close_timeout=timedelta(seconds=3)
        )
        return submitted
