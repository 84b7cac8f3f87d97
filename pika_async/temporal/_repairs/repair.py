"""A repair: an uncertain line is settled by the word of its owner."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from pika_async.temporal._failures import UNKNOWN_JOB
from pika_async.temporal._messages.repairs import Repaired, RepairOrder
from pika_async.temporal._names import SEAL_REPAIR
from pika_async.temporal._outcomes import Declined
from pika_async.temporal._records import Accepted, Errand, Line, Order
from pika_async.temporal._steps import awaited, lasting, submitted

if TYPE_CHECKING:
    from pika_async.temporal._outcomes import Outcome

# In histories: repairs that have begun before it write down what they find.
_NOT_SEALED: Final = "an id that nobody knows settles nothing"
_WRITING: Final = timedelta(minutes=5)


@workflow.defn(name="PikaRepair")
class Repair:
    """The workflow of a repair. Its id names the line and the number, so it runs once."""

    @workflow.run
    async def run(self, order: RepairOrder) -> None:
        """Returns once it is written to the store what the line comes to."""
        queue = workflow.info().task_queue
        line = Line(
            store=order.store,
            digest=order.digest,
            page=order.page,
            place=order.place,
            index=order.index,
        )
        job = await self._job(order, line, queue)
        outcome: Outcome
        if isinstance(job, Accepted):
            # Whoever knows when it was submitted has its id from the service.
            named = order.adopt is not None and order.sent_at is None
            outcome = await awaited(Errand(request=line, job=job, is_named=named), queue)
            self._check_known(order, outcome)
        else:
            outcome = job
        repaired = Repaired(order=order, outcome=outcome)
        await lasting(SEAL_REPAIR, repaired, type(None), longest=_WRITING)

    def _check_known(self, order: RepairOrder, outcome: Outcome) -> None:
        """A job that its owner has named, and that nobody knows, settles nothing."""
        unknown = isinstance(outcome, Declined) and outcome.code == "not_found"
        if unknown and order.adopt is not None and workflow.patched(_NOT_SEALED):
            raise ApplicationError(
                f"the service knows no job {order.adopt}", type=UNKNOWN_JOB, non_retryable=True
            )

    async def _job(self, order: RepairOrder, line: Line, queue: str) -> Accepted | Outcome:
        if order.adopt is not None:
            sent_at = workflow.now() if order.sent_at is None else order.sent_at
            return Accepted(
                job_id=order.adopt, sent_at=sent_at, hints=order.hints, origin=order.origin
            )
        what = Order(request=line, run_id=workflow.info().original_execution_run_id)
        # Files may go up with it; who knows is the worker.
        return await submitted(what, None, queue, with_files=True)
