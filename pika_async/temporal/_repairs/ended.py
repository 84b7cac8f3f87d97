"""What a repair has done that was ended by hand: read off its history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter

from pika_async.temporal._failures import Told, told_by
from pika_async.temporal._names import FIND, SUBMIT
from pika_async.temporal._outcomes import Uncertain, Why
from pika_async.temporal._records import Accepted, Leaving
from pika_async.temporal._repairs.histories import ActivityEnd, end_of_activity
from pika_async.temporal._verdict import Verdict, verdict

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Payloads
    from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
    from temporalio.client import WorkflowHandle

_SCHEDULED: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
_CANCELED: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED
_STARTED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED


async def left_by(
    handle: WorkflowHandle[Any, Any], converter: DataConverter
) -> Accepted | Uncertain | None:
    """What is left of a workflow that submits once and has ended without a word.

    Args:
        handle: A run of it.
        converter: Reads what the engine keeps.

    Returns:
        A job that is paid for; or that one may be; or None, where nothing was sent.
    """
    read = _Read(converter, handle.run_id)
    async for event in handle.fetch_history_events():
        await read.take(event)
    return read.left()


@define
class _Read:
    """What was read so far."""

    converter: DataConverter
    run_id: str | None
    job: Accepted | None = None
    under_way: dict[int, datetime] = field(factory=dict)
    """Submits without an end, by the numbers of their events."""
    searches: set[int] = field(factory=set)
    unsure: Uncertain | None = None

    def left(self) -> Accepted | Uncertain | None:
        if self.job is not None:
            return self.job
        for since in self.under_way.values():
            # The engine forgets the record of what it ends.
            return Uncertain(fingerprint=None, sent_at=since, why=Why.UNKNOWN)
        return self.unsure

    async def take(self, event: HistoryEvent) -> None:
        match event.event_type:
            case kind if kind == _STARTED:
                self._begun(event.workflow_execution_started_event_attributes)
            case kind if kind == _SCHEDULED:
                name = event.activity_task_scheduled_event_attributes.activity_type.name
                if name == SUBMIT:
                    self.under_way[event.event_id] = event.event_time.ToDatetime(UTC)
                elif name == FIND:
                    self.searches.add(event.event_id)
            case kind if kind == _CANCELED:
                cancelled = event.activity_task_canceled_event_attributes
                if not cancelled.started_event_id:
                    # Taken back before a worker had it.
                    self.under_way.pop(cancelled.scheduled_event_id, None)
            case _:
                if (end := end_of_activity(event)) is not None:
                    await self._end(end)

    def _begun(self, begun: WorkflowExecutionStartedEventAttributes) -> None:
        if begun.original_execution_run_id != self.run_id or begun.attempt > 1:
            # Begun anew: what an earlier run has sent does not stand here.
            self.unsure = Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)

    async def _end(self, end: ActivityEnd) -> None:
        if isinstance(end.came, Failure):
            await self._ended(end.scheduled, end.came)
        elif end.scheduled in {*self.under_way, *self.searches}:
            self.job = await self._job(end.came) or self.job
            self.under_way.pop(end.scheduled, None)

    async def _job(self, result: Payloads) -> Accepted | None:
        (job,) = await self.converter.decode(result.payloads, [Accepted])
        return job if isinstance(job, Accepted) else None

    async def _ended(self, scheduled: int, failure: Failure) -> None:
        since = self.under_way.pop(scheduled, None)
        if since is None:
            return
        told = told_by(await self.converter.decode_failure(failure))
        match verdict(told.cause, told.record):
            case Verdict.ADOPT:
                assert isinstance(told.record, Accepted)  # noqa: S101 - the table says so
                self.job = told.record
            case Verdict.UNCERTAIN:
                self.unsure = _unsure(told, since)
            case Verdict.AGAIN | Verdict.REFUSED:
                pass


def _unsure(told: Told, since: datetime) -> Uncertain:
    sent = told.record
    if isinstance(sent, Leaving):
        return Uncertain(fingerprint=sent.fingerprint, sent_at=sent.sent_at, why=Why.UNKNOWN)
    return Uncertain(fingerprint=None, sent_at=since, why=Why.UNKNOWN)
