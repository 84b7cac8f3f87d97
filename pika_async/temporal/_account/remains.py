"""What campaigns and repairs have left behind that did not end by themselves.

An account looks every few seconds while pages of an ended campaign wait for their jobs. The history
of a campaign that has ended never changes, and may have fifty thousand events: it is read once.
After that a look asks how the campaign stands, and its first page that was open.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from pika_async.temporal._engine import described
from pika_async.temporal._limits.unseen import Unseen, still, until
from pika_async.temporal._messages.accounts import Remains
from pika_async.temporal._messages.campaigns import CampaignOrder, CampaignState
from pika_async.temporal._names import PAGE, REPAIR

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import Client

_ALL: Final = 10_000
"""More than any account may have: of a page that was terminated nobody knows how many ran."""

_REMEMBERED: Final = 50
"""Runs of campaigns whose histories are remembered, the last ones that were looked at."""


class LeftBehind:
    """What one worker has read of it."""

    def __init__(self) -> None:
        self._histories: dict[str, _Left] = {}

    async def of(self, engine: Client, name: str) -> Remains:
        """What a campaign, or a repair, has left behind; nothing where the engine has forgotten it.

        Its history says it, so none of its workers need live.
        """
        found = await described(engine, name)
        if found is None:
            return Remains(campaign=name)
        if found.status is WorkflowExecutionStatus.RUNNING:
            return Remains(campaign=name, running=True)
        now = datetime.now(UTC)
        if found.workflow_type == REPAIR:
            # Whoever was given a place may have submitted.
            job = Unseen(jobs=1, until=until(found.close_time or now))
            return Remains(campaign=name, unseen=still((job,), now))
        handle = engine.get_workflow_handle(name, run_id=found.run_id, result_type=CampaignState)
        if found.status is WorkflowExecutionStatus.COMPLETED:
            # Nobody may have heard its last word.
            lost = (await handle.result()).order.unseen
            return Remains(campaign=name, unseen=still(lost, now))
        left = self._histories.pop(found.run_id, None)
        if left is None:
            left = _Left(engine)
            await left.read(handle.fetch_history_events())
        self._histories[found.run_id] = left
        while len(self._histories) > _REMEMBERED:
            del self._histories[next(iter(self._histories))]
        draining = await left.is_draining(engine)
        return Remains(campaign=name, draining=draining, unseen=still(left.unseen, now))


class _Left:
    """What a campaign has begun and not seen to its end, by its history."""

    def __init__(self, engine: Client) -> None:
        self._converter = engine.data_converter
        self.pages: dict[int, str] = {}
        self.unseen: list[Unseen] = []

    async def read(self, events: AsyncIterable[HistoryEvent]) -> None:
        async for event in events:
            match event.event_type:
                case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                    begun = event.workflow_execution_started_event_attributes
                    (order,) = await self._converter.decode(begun.input.payloads, [CampaignOrder])
                    self.unseen += order.unseen
                case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                    signal = event.workflow_execution_signaled_event_attributes
                    if signal.signal_name == "unseen":
                        payloads = signal.input.payloads
                        self.unseen += await self._converter.decode(payloads, [Unseen])
                case EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
                    child = event.start_child_workflow_execution_initiated_event_attributes
                    if child.workflow_type.name == PAGE:
                        self.pages[event.event_id] = child.workflow_id
                case _:
                    self._ended(event)

    def _ended(self, event: HistoryEvent) -> None:
        for kind in ("completed", "failed", "canceled", "timed_out", "terminated"):
            name = f"child_workflow_execution_{kind}_event_attributes"
            if not event.HasField(name):  # type: ignore[arg-type]  # one of them
                continue
            initiated: int = getattr(event, name).initiated_event_id
            if self.pages.pop(initiated, None) is not None and kind != "completed":
                self.terminated(event.event_time.ToDatetime(UTC))

    async def is_draining(self, engine: Client) -> bool:
        """Whether a page waits for jobs still; those that have ended are not asked for again."""
        for event_id, page in tuple(self.pages.items()):
            ended = await described(engine, page)
            if ended is not None and ended.status is WorkflowExecutionStatus.RUNNING:
                return True
            if ended is not None and ended.status is not WorkflowExecutionStatus.COMPLETED:
                self.terminated(ended.close_time or datetime.now(UTC))
            self.pages.pop(event_id, None)
        return False

    def terminated(self, at: datetime) -> None:
        self.unseen.append(Unseen(jobs=_ALL, until=until(at)))
