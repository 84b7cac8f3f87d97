"""Repairs as workflows: one for each decision, which outlives whoever waits for it.

The id of a repair names the line, the number of the repair and the try. A try that somebody has
ended by hand, or that has failed, may have submitted: its history tells. Another one is begun only
where nothing was sent, and goes on with the job where one is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    WorkflowAlreadyStartedError,
)

from pika_async.temporal._engine import CampaignError, NoAnswerError, described, said
from pika_async.temporal._failures import NO_ROOM_LEFT, UNKNOWN_JOB
from pika_async.temporal._names import DECISION, id_of_repair
from pika_async.temporal._outcomes import Uncertain
from pika_async.temporal._records import Accepted
from pika_async.temporal._repairs.attended import end_of
from pika_async.temporal._repairs.decisions import Decision, at_this_moment, named
from pika_async.temporal._repairs.ended import left_by
from pika_async.temporal._repairs.repair import Repair

if TYPE_CHECKING:
    from temporalio.client import Client

    from pika_async.temporal._messages.repairs import RepairOrder

_COMPLETED: Final = WorkflowExecutionStatus.COMPLETED
_RUNNING: Final = WorkflowExecutionStatus.RUNNING


@frozen(kw_only=True)
class RepairStanding:
    """What the engine knows of the repairs of one number of a line.

    Attributes:
        tries: The number of the try that is under way or has its result, or of the next one.
        handle: The try that is under way, or has written down what it came to.
        word: The decision that it carries out; None where an earlier version began it.
        running: Whether it is under way.
        left: What tries have left that were ended: a job, or that there may be one.
    """

    tries: int
    handle: WorkflowHandle[Any, Any] | None = None
    word: str | None = None
    running: bool = False
    left: Accepted | Uncertain | None = None


class Repairing:
    """The repairs of one campaign, at its engine."""

    def __init__(self, engine: Client, campaign_id: str, queue: str) -> None:
        self._engine = engine
        self._campaign_id = campaign_id
        self._queue = queue

    async def standing(self, index: int, number: int) -> RepairStanding:
        """What is known of the repairs of this number of a line.

        Raises:
            CampaignError: The engine cannot be asked.
        """
        left: Accepted | Uncertain | None = None
        tries = 1
        while True:
            name = self._name(index, number, tries)
            found = await said(described(self._engine, name))
            if found is None:
                return RepairStanding(tries=tries, left=left)
            if found.status in (_RUNNING, _COMPLETED):
                return RepairStanding(
                    tries=tries,
                    handle=self._engine.get_workflow_handle(name),
                    word=await found.memo_value(DECISION, default=None, type_hint=str),
                    running=found.status is _RUNNING,
                )
            handle = self._engine.get_workflow_handle(name, run_id=found.run_id)
            left = await said(left_by(handle, self._engine.data_converter)) or left
            tries += 1

    async def carry_out(
        self, order: RepairOrder, decision: Decision, standing: RepairStanding
    ) -> None:
        """Begin a repair, or join the one that stands, and wait for its end.

        Raises:
            NoAnswerError: No worker works on it; it stands, and is done when one comes.
            CampaignError: The engine says no, or the repair has ended without a result.
        """
        handle = standing.handle or await self._begun(order, decision, standing)
        try:
            failure = await end_of(self._engine, handle, self._queue)
        except NoAnswerError as error:
            raise NoAnswerError(
                f"{named(order.index)}: {str(error).rstrip('.')}. The repair stands, and is done "
                "as soon as a worker does it, also if nobody waits for it. Until then whoever says "
                "the same again waits for it, and submits nothing a second time"
            ) from error
        if failure is not None:
            raise CampaignError(_failed(failure, order)) from failure

    async def _begun(
        self, order: RepairOrder, decision: Decision, standing: RepairStanding
    ) -> WorkflowHandle[Any, Any]:
        if isinstance(standing.left, Accepted):
            job = standing.left
            order = evolve(
                order,
                adopt=job.job_id,
                sent_at=job.sent_at,
                hints=job.hints,
                origin=job.origin,
                submitted=True,
            )
        try:
            return await said(
                self._engine.start_workflow(
                    Repair.run,
                    order,
                    id=self._name(order.index, order.number, standing.tries),
                    task_queue=self._queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    memo={DECISION: decision.word},
                )
            )
        except WorkflowAlreadyStartedError as error:
            raise CampaignError(at_this_moment(order.index)) from error

    def _name(self, index: int, number: int, tries: int) -> str:
        return id_of_repair(self._campaign_id, index, number, tries)


def _failed(failure: WorkflowFailureError, order: RepairOrder) -> str:
    match failure.cause:
        case ApplicationError(type=kind) if kind == UNKNOWN_JOB:
            return (
                f"the service knows no job {order.adopt}, or not any more; {named(order.index)} is "
                "as it was, and nothing was changed. Look the id up in the account's usage"
            )
        case ActivityError(cause=ApplicationError(type=kind) as told) if kind == NO_ROOM_LEFT:
            return told.message
        case cause:
            return (
                f"the repair of {named(order.index)} was ended before it had a result: {cause}. "
                "Say again what to do with the prompt: what the repair may have submitted is "
                "looked at first"
            )
