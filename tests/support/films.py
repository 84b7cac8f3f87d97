"""Workflows of somebody else: one that calls ours, and one that does what people write first."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from pika_async.temporal import Outcome, generate


@workflow.defn
class Film:
    """Calls ours; ``rounds``: how often it continues as new first."""

    @workflow.run
    async def run(self, prompt: str, rounds: int) -> Outcome:
        if rounds:
            workflow.continue_as_new(args=[prompt, rounds - 1])
        return await generate(prompt, queue=workflow.info().task_queue)


@workflow.defn
class Naive:
    """Submits in an activity with the engine's default retries."""

    @workflow.run
    async def run(self, prompt: str) -> str:
        return await workflow.execute_activity(
            "naive_submit", prompt, result_type=str, start_to_close_timeout=timedelta(seconds=3)
        )
