"""Which jobs the history of a page names, however it has ended. Needs no engine."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent, WorkflowTaskFailedEventAttributes
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from pika_async.temporal._converter import with_our_values
from pika_async.temporal._repairs.paid import told_of_page

KEPT = json.loads(
    Path(__file__).with_name("histories").joinpath("page.json").read_text(encoding="utf-8")
)
EVENTS = WorkflowHistory.from_json(KEPT["id"], KEPT["history"]).events
FIRST_RUN = EVENTS[0].workflow_execution_started_event_attributes.original_execution_run_id
SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
COMPLETED = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED


async def jobs_of_page(engine, page):
    return {index: job.job_id for index, job in (await told_of_page(engine, page)).jobs.items()}


class Engine:
    """It keeps these runs of the page; the one without a name is the last."""

    data_converter = with_our_values(DataConverter.default)

    def __init__(self, **runs):
        self.runs = {None if name == "last" else name: runs[name] for name in runs}

    def get_workflow_handle(self, workflow_id, run_id=None):
        assert workflow_id == "page"
        return SimpleNamespace(fetch_history_events=lambda: self.events(run_id))

    async def events(self, run_id):
        if run_id not in self.runs:
            raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")
        for event in self.runs[run_id]:
            yield event


def numbers(kind, *activities):
    """The numbers of the events at which such activities begin, or end."""
    begun = {
        event.event_id: event.activity_task_scheduled_event_attributes.activity_type.name
        for event in EVENTS
        if event.event_type == SCHEDULED
    }
    if kind == SCHEDULED:
        return [number for number, name in begun.items() if name in activities]
    return [
        event.event_id
        for event in EVENTS
        if event.event_type == COMPLETED
        and begun[event.activity_task_completed_event_attributes.scheduled_event_id] in activities
    ]


async def test_a_page_names_its_jobs_once_their_submits_have_ended():
    """Somebody ends it before it waits for the first of them: no worker of it was there."""
    whole = await jobs_of_page(Engine(last=EVENTS), "page")
    assert len(whole) == len(numbers(COMPLETED, "pika_submit")) > 0
    first = numbers(COMPLETED, "pika_submit")[0]
    assert first < numbers(SCHEDULED, "pika_finish")[0]
    cut = await jobs_of_page(Engine(last=EVENTS[:first]), "page")
    assert len(cut) == 1
    assert cut.items() <= whole.items()
    assert await jobs_of_page(Engine(last=EVENTS[: first - 1]), "page") == {}


async def test_a_page_that_was_reset_has_its_jobs_in_its_first_run():
    """The only one that submits."""
    attributes = WorkflowTaskFailedEventAttributes(
        cause=WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
    )
    failed = HistoryEvent(
        event_id=4,
        event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        workflow_task_failed_event_attributes=attributes,
    )
    engine = Engine(last=[*EVENTS[:3], failed])
    assert await jobs_of_page(engine, "page") == {}
    engine.runs[FIRST_RUN] = EVENTS
    assert await jobs_of_page(engine, "page") == await jobs_of_page(Engine(last=EVENTS), "page")


async def test_a_page_that_the_engine_has_forgotten_names_none():
    assert await jobs_of_page(Engine(), "page") == {}
