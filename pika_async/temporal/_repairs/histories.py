"""How an activity ended, as the history of its workflow has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure

if TYPE_CHECKING:
    from temporalio.api.history.v1 import HistoryEvent


@frozen(kw_only=True)
class ActivityEnd:
    """The end of an activity."""

    scheduled: int
    """The number of the event that asked for it."""
    came: Payloads | Failure
    """What it returned, or how it failed."""


def end_of_activity(event: HistoryEvent) -> ActivityEnd | None:
    """The end that an event tells of; None where it tells of none, or of one that was cancelled."""
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            done = event.activity_task_completed_event_attributes
            return ActivityEnd(scheduled=done.scheduled_event_id, came=done.result)
        case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
            failed = event.activity_task_failed_event_attributes
            return ActivityEnd(scheduled=failed.scheduled_event_id, came=failed.failure)
        case EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
            late = event.activity_task_timed_out_event_attributes
            return ActivityEnd(scheduled=late.scheduled_event_id, came=late.failure)
        case _:
            return None
