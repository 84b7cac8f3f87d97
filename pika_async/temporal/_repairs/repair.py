"""A repair: an uncertain line is settled by the word of its owner."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from pika_async.temporal._account.place import Place
from pika_async.temporal._failures import UNKNOWN_JOB
from pika_async.temporal._limits.unseen import Unseen, until
from pika_async.temporal._messages.repairs import Repaired, RepairOrder
from pika_async.temporal._names import REPAIR, SEAL_REPAIR, campaign_of
from pika_async.temporal._outcomes import Declined, Uncertain
from pika_async.temporal._records import Accepted, Errand, Line, Order
from pika_async.temporal._signals import tell
from pika_async.temporal._steps import Submit, awaited, is_given_up, lasting, submitted

if TYPE_CHECKING:
    from pika_async.temporal._outcomes import Outcome

# In histories: repairs that have begun before it write down what they find.
_NOT_SEALED: Final = "an id that nobody knows settles nothing"
# In histories: repairs of which a campaign that goes on is told nothing.
_TOLD: Final = "a campaign is told of its repairs"
_WRITING: Final = timedelta(minutes=5)


@workflow.defn(name=REPAIR)
class Repair:
    """The workflow of a repair. Its id names the line and the number, so it runs once."""

    @workflow.init
    def __init__(self, order: RepairOrder) -> None:
        self._place = Place(order.account, order.max_in_flight)

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
        else:
            outcome = job
        await self._place.give_back(*_unseen(outcome))
        self._check_known(order, outcome)
        repaired = Repaired(order=order, outcome=outcome)
        await lasting(SEAL_REPAIR, repaired, type(None), longest=_WRITING)
        if workflow.patched(_TOLD):
            await self._tell_campaign()
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.signal
    def placed(self) -> None:
        """The account's word: its job may be in flight."""
        self._place.placed()

    @workflow.signal
    async def say_again(self) -> None:
        """The account's word: it does not know how this repair stands."""
        await self._place.say_again()

    async def _tell_campaign(self) -> None:
        """One that has ended changes its counts no more."""
        if (campaign := campaign_of(workflow.info().workflow_id)) is not None:
            await tell(campaign, "decided")

    def _check_known(self, order: RepairOrder, outcome: Outcome) -> None:
        """A job that its owner has named, and that nobody knows, settles nothing."""
        unknown = isinstance(outcome, Declined) and outcome.code == "not_found"
        if unknown and order.adopt is not None and workflow.patched(_NOT_SEALED):
            raise ApplicationError(
                f"the service knows no job {order.adopt}", type=UNKNOWN_JOB, non_retryable=True
            )

    async def _job(self, order: RepairOrder, line: Line, queue: str) -> Accepted | Outcome:
        if order.adopt is not None:
            await self._place.take()
            sent_at = workflow.now() if order.sent_at is None else order.sent_at
            return Accepted(
                job_id=order.adopt, sent_at=sent_at, hints=order.hints, origin=order.origin
            )
        await self._place.wait_for()
        what = Order(request=line, run_id=workflow.info().original_execution_run_id)
        # Files may go up with it; who knows is the worker.
        submit = Submit(order=what, queue=queue, with_files=True)
        return await submitted(submit, None, rest=self._place.rest)


def _unseen(outcome: Outcome) -> tuple[Unseen, ...]:
    """A job of the repair that may run, and that nobody waits for."""
    if isinstance(outcome, Uncertain):
        return (Unseen(jobs=1, until=until(outcome.sent_at or workflow.now())),)
    return (Unseen(jobs=1, until=until(workflow.now())),) if is_given_up(outcome) else ()
