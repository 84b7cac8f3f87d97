"""What workflows of others call, and a workflow of one request."""

from __future__ import annotations

from temporalio import workflow

from pika_async._request.parts import has_files
from pika_async._request.request import GenerationRequest
from pika_async.temporal._names import GENERATE_VIDEO, QUEUE
from pika_async.temporal._outcomes import Outcome
from pika_async.temporal._records import Accepted, Errand, Order
from pika_async.temporal._steps import Submit, cancellations, check_cancelled, finished, submitted


async def generate(
    request: GenerationRequest | str, *, timeout: float | None = None, queue: str = QUEUE
) -> Outcome:
    """Inside any workflow: submit a job, at most once, and wait for its videos.

    What goes wrong with the request is an :data:`Outcome`, not an exception. A worker may be lost
    at any moment: what had not left is sent by another, what was accepted is waited for by another,
    and what may have left is asked of the service where it can be, else ``Uncertain``.

    Where the workflow is cancelled, nothing more is sent. A job that was accepted before runs on
    at the service and stays paid for; the history has its id. One whose answer is lost then is
    ``Uncertain``, also where the service knows keys.

    Args:
        request: What to make, or a prompt alone. Media are paths that every worker sees, or URLs.
        timeout: Seconds to wait at most, from the submit on; None: for ever. While it has no job,
            they count from the beginning. A submit that starts nothing is tried for a day at most
            where the service has no room or is not reached, and for an hour in a row where it says
            that it takes nothing now, as a gateway without a channel for the model, or with a web
            page in the place of an answer. Then it is ``Refused`` with the service's last words.
            What somebody has to mend is ``Refused`` at once: the key, the balance, a membership.
        queue: The task queue of the workers that ``run_worker`` runs.

    Raises:
        ApplicationError: Of type ``"JobTimeout"``, with the job's id: nobody waits for it any more,
            and it runs on.
    """
    if isinstance(request, str):
        request = GenerationRequest(request)
    before = cancellations()
    order = Order(request=request, run_id=workflow.info().original_execution_run_id)
    submit = Submit(order=order, queue=queue, with_files=has_files(request))
    job = await submitted(submit, timeout)
    if not isinstance(job, Accepted):
        return job
    check_cancelled(before)
    return await finished(Errand(request=request, job=job, timeout=timeout), queue)


@workflow.defn(name=GENERATE_VIDEO)
class GenerateVideo:
    """A workflow of one request, for web servers and the like.

    Start it with an id of your own and ``id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE``:
    then the same id is never paid for twice, for as long as the engine keeps closed workflows. Give
    it no retry policy.

    Any worker of the queue may save its videos: give all of them the same ``output_dir``. Where
    some have none, such as those of ``pika-async campaign worker``, ``Finished`` may come without
    files; a queue of its own keeps it apart.
    """

    @workflow.run
    async def run(self, request: GenerationRequest) -> Outcome:
        """See :func:`generate`. From elsewhere, a prompt alone is a request, too."""
        # One argument: the engine reads values by their types only where none is left out.
        return await generate(request, queue=workflow.info().task_queue)
