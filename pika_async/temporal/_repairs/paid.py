"""Jobs that the history of a page names: they are paid for, whatever has become of the page.

A submit names its job when it ends, before the page waits for it: whoever ends a page by hand may
do so in between. A page that was reset has its jobs in the history of its first run, too, the only
one that submits.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter

from pika_async.temporal._engine import ForgottenError, said
from pika_async.temporal._failures import told_by
from pika_async.temporal._names import FIND, FINISH, SUBMIT
from pika_async.temporal._outcomes import Declined, Finished, Outcome
from pika_async.temporal._records import Accepted, Errand, Line, Lost, Order
from pika_async.temporal._repairs.histories import ActivityEnd, end_of_activity

if TYPE_CHECKING:
    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import Client

_STARTED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
_SCHEDULED: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
_TASK_FAILED: Final = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
_RESET: Final = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
_ASKED: Final[dict[str, type]] = {SUBMIT: Order, FIND: Lost, FINISH: Errand}


@frozen(kw_only=True)
class PageTold:
    """What histories tell of the lines of pages, from 0 over the whole campaign.

    Attributes:
        jobs: Those that were accepted, with what looks at them are to know.
        ended: How those jobs ended that were waited for; files stand there as in a history.
    """

    jobs: Mapping[int, Accepted] = field(factory=dict)
    ended: Mapping[int, Finished | Declined] = field(factory=dict)

    def __or__(self, other: PageTold) -> PageTold:
        return PageTold(jobs={**self.jobs, **other.jobs}, ended={**self.ended, **other.ended})


async def told_of_page(engine: Client, page_id: str) -> PageTold:
    """What the histories of a page tell; nothing, where the engine has forgotten it.

    Raises:
        CampaignError: The engine cannot be asked.
    """
    last = await _read(engine, page_id, None)
    if not last.was_reset:
        return last.told
    return (await _read(engine, page_id, last.first_run)).told | last.told


async def _read(engine: Client, page_id: str, run_id: str | None) -> _History:
    found = _History(engine.data_converter)
    with suppress(ForgottenError):
        await said(_read_into(found, engine, page_id, run_id))
    return found


async def _read_into(found: _History, engine: Client, page_id: str, run_id: str | None) -> None:
    handle = engine.get_workflow_handle(page_id, run_id=run_id)
    async for event in handle.fetch_history_events():
        await found.take(event)


@define
class _History:
    """What was read so far of one run."""

    converter: DataConverter
    jobs: dict[int, Accepted] = field(factory=dict)
    ended: dict[int, Finished | Declined] = field(factory=dict)
    first_run: str | None = None
    was_reset: bool = False
    under_way: dict[int, int] = field(factory=dict)
    """Lines whose job is asked for, by the numbers of the events."""
    awaited: dict[int, int] = field(factory=dict)
    """Lines whose job is waited for, by the numbers of the events."""

    @property
    def told(self) -> PageTold:
        return PageTold(jobs=self.jobs, ended=self.ended)

    async def take(self, event: HistoryEvent) -> None:
        match event.event_type:
            case kind if kind == _STARTED:
                began = event.workflow_execution_started_event_attributes
                self.first_run = began.original_execution_run_id
            case kind if kind == _TASK_FAILED:
                why = event.workflow_task_failed_event_attributes.cause
                self.was_reset = self.was_reset or why == _RESET
            case kind if kind == _SCHEDULED:
                await self._asked(event)
            case _:
                if (end := end_of_activity(event)) is not None:
                    await self._end(end)

    async def _asked(self, event: HistoryEvent) -> None:
        scheduled = event.activity_task_scheduled_event_attributes
        kind = _ASKED.get(scheduled.activity_type.name)
        if kind is None:
            return
        (asked,) = await self.converter.decode(scheduled.input.payloads, [kind])
        if not isinstance(asked.request, Line):
            return
        if isinstance(asked, Errand):
            self.jobs[asked.request.index] = asked.job
            self.awaited[event.event_id] = asked.request.index
        else:
            self.under_way[event.event_id] = asked.request.index

    async def _end(self, end: ActivityEnd) -> None:
        line = self.awaited.pop(end.scheduled, None)
        if line is not None and not isinstance(end.came, Failure):
            kinds: list[Any] = [Outcome]
            (outcome,) = await self.converter.decode(end.came.payloads, kinds)
            if isinstance(outcome, Finished | Declined):
                self.ended[line] = outcome
        index = self.under_way.pop(end.scheduled, None)
        if index is None:
            return
        job: Any
        if isinstance(end.came, Failure):
            job = told_by(await self.converter.decode_failure(end.came)).record
        else:
            (job,) = await self.converter.decode(end.came.payloads, [Accepted])
        if isinstance(job, Accepted):
            self.jobs[index] = job
