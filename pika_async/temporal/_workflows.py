"""What workflows of others call, and a workflow of one request."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow

from pika_async._request.parts import media_of
from pika_async._request.request import GenerationRequest
from pika_async.temporal._names import QUEUE
from pika_async.temporal._outcomes import Outcome, Refused, Uncertain, Why
from pika_async.temporal._records import Accepted, Errand, Order
from pika_async.temporal._steps import attempt, finished, pause, refused, settled
from pika_async.temporal._verdict import Verdict, verdict

_PATIENCE: Final = timedelta(days=1)


async def generate(
    request: GenerationRequest | str, *, timeout: float | None = None, queue: str = QUEUE
) -> Outcome:
    """Inside any workflow: submit a job, at most once, and wait for its videos.

    What goes wrong with the request is an :data:`Outcome`, not an exception. A worker may be lost
    at any moment: what had not left is sent by another, what was accepted is waited for by another,
    and what may have left is asked of the service where it can be, else ``Uncertain``.

    Where the workflow is cancelled, nothing more is sent. A job that was accepted before runs on
    at the service and stays paid for; the history has its id.

    Args:
        request: What to make, or a prompt alone. Media are paths that every worker sees, or URLs.
        timeout: Seconds to wait at most, from the submit on; None: for ever. A submit that starts
            nothing is tried for a day at most.
        queue: The task queue of the workers that ``run_worker`` runs.

    Raises:
        ApplicationError: Of type ``"JobTimeout"``, with the job's id: nobody waits for it any more,
            and it runs on.
    """
    if isinstance(request, str):
        request = GenerationRequest(request)
    before = _cancellations()
    job = await _submitted(request, timeout, queue, before)
    if not isinstance(job, Accepted):
        return job
    _check_cancelled(before)
    return await finished(Errand(request=request, job=job, timeout=timeout), queue)


@workflow.defn(name="PikaGenerateVideo")
class GenerateVideo:
    """A workflow of one request, for web servers and the like.

    Start it with an id of your own and ``id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE``:
    then the same id is never paid for twice, for as long as the engine keeps closed workflows. Give
    it no retry policy.
    """

    @workflow.run
    async def run(self, request: GenerationRequest) -> Outcome:
        """See :func:`generate`. From elsewhere, a prompt alone is a request, too."""
        # One argument: the engine reads values by their types only where none is left out.
        return await generate(request, queue=workflow.info().task_queue)


async def _submitted(
    request: GenerationRequest, timeout: float | None, queue: str, before: int
) -> Accepted | Refused | Uncertain:
    info = workflow.info()
    order = Order(request=request, run_id=info.original_execution_run_id)
    if info.attempt > 1:
        # The run before this one may have submitted.
        return Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)
    patience = _PATIENCE if timeout is None else timedelta(seconds=timeout)
    end = workflow.now() + patience
    with_files = any(not isinstance(medium, str) for _, medium in media_of(request))
    tries = 0
    while True:
        told = await attempt(order, queue, with_files=with_files)
        if isinstance(told, Accepted):
            return told
        match verdict(told.cause, told.record):
            case Verdict.ADOPT:
                assert isinstance(told.record, Accepted)  # noqa: S101 - the table says so
                return told.record
            case Verdict.REFUSED:
                return refused(told)
            case Verdict.UNCERTAIN:
                return await settled(order, told, queue, with_files=with_files)
            case Verdict.AGAIN:
                wait = pause(told, tries)
                if workflow.now() + wait >= end:
                    return refused(told)
                _check_cancelled(before)
                await workflow.sleep(wait)
                tries += 1


def _cancellations() -> int:
    """How often this task has been cancelled; a workflow may go on after that, to clean up."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _check_cancelled(before: int) -> None:
    """Raise where a cancellation came while the end of a submit was waited for."""
    if _cancellations() > before:
        raise asyncio.CancelledError
