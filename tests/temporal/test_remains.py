"""How much is asked of the engine while a campaign that was terminated drains. Needs no engine."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from attrs import Factory, define
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from pika_async.temporal._account.remains import LeftBehind
from pika_async.temporal._converter import PIKA_DATA_CONVERTER
from pika_async.temporal._limits.unseen import jobs, until
from pika_async.temporal._messages.campaigns import CampaignOrder

ORDER = CampaignOrder(store="s", digest="d", prompts=300, pages=3, page_size=100, account="default")
RUNNING, TERMINATED = WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.TERMINATED
COMPLETED = WorkflowExecutionStatus.COMPLETED


@define
class Described:
    status: WorkflowExecutionStatus
    workflow_type: str = "PikaPage"
    run_id: str = "a run"
    close_time: datetime = Factory(lambda: datetime.now(UTC))


@define
class Engine:
    """Counts what is asked of it."""

    workflows: dict[str, Described]
    history: list[HistoryEvent]
    asked: Counter[str] = Factory(Counter)
    data_converter = PIKA_DATA_CONVERTER

    def get_workflow_handle(self, name, **_):
        return Handle(self, name)


@define
class Handle:
    engine: Engine
    name: str

    async def describe(self):
        self.engine.asked[f"describe {self.name}"] += 1
        if self.name not in self.engine.workflows:
            raise RPCError("not found", RPCStatusCode.NOT_FOUND, b"")
        return self.engine.workflows[self.name]

    async def fetch_history_events(self):
        for event in self.engine.history:
            self.engine.asked["events"] += 1
            yield event


async def terminated(pages, more=0):
    """A campaign that was terminated with these pages open, and so many events of other kinds."""
    payloads = await PIKA_DATA_CONVERTER.encode([ORDER])
    begun = HistoryEvent(event_id=1, event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
    begun.workflow_execution_started_event_attributes.input.CopyFrom(Payloads(payloads=payloads))
    history = [begun]
    for number in range(len(pages)):
        opened = HistoryEvent(
            event_id=2 + number,
            event_type=EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
        )
        child = opened.start_child_workflow_execution_initiated_event_attributes
        child.workflow_id, child.workflow_type.name = f"summer/page/{number:06}", "PikaPage"
        history.append(opened)
    history += [HistoryEvent(event_id=100 + number) for number in range(more)]
    workflows = {f"summer/page/{number:06}": Described(page) for number, page in enumerate(pages)}
    return Engine({"summer": Described(TERMINATED, "PikaCampaign")} | workflows, history)


async def test_while_it_drains_its_history_is_read_once_and_a_look_asks_twice():
    """Three looks a minute for hours: of the campaign, and of the first page that is open."""
    engine = await terminated([RUNNING, RUNNING, RUNNING], more=5000)
    left = LeftBehind()
    for _ in range(100):
        remains = await left.of(engine, "summer")
        assert (remains.running, remains.draining) == (False, True)
    assert engine.asked == {
        "events": 5004,
        "describe summer": 100,
        "describe summer/page/000000": 100,
    }


async def test_a_page_that_has_ended_is_asked_for_no_more():
    engine = await terminated([RUNNING, RUNNING])
    left = LeftBehind()
    for status in (RUNNING, COMPLETED, COMPLETED):
        engine.workflows["summer/page/000000"] = Described(status)
        assert (await left.of(engine, "summer")).draining
    engine.workflows["summer/page/000001"] = Described(COMPLETED)
    assert not (await left.of(engine, "summer")).draining
    assert engine.asked["describe summer/page/000000"] == 2
    assert engine.asked["describe summer/page/000001"] == 3


async def test_the_jobs_of_a_page_that_was_terminated_are_told_at_each_look_once():
    """For as long as they may run after the end of the page, by the engine's clock."""
    engine = await terminated([TERMINATED, RUNNING])
    left, page = LeftBehind(), engine.workflows["summer/page/000000"]
    for _ in range(3):
        remains = await left.of(engine, "summer")
    (unseen,) = remains.unseen
    assert unseen.until == until(page.close_time)
    assert jobs(remains.unseen) > 300


async def test_a_run_that_follows_is_read_anew():
    """Somebody has reset it, and terminated it again."""
    engine = await terminated([RUNNING])
    left = LeftBehind()
    await left.of(engine, "summer")
    engine.workflows["summer"] = Described(TERMINATED, "PikaCampaign", run_id="another run")
    await left.of(engine, "summer")
    assert engine.asked["events"] == 4


async def test_what_the_engine_has_forgotten_has_left_nothing():
    engine = await terminated([])
    remains = await LeftBehind().of(engine, "another")
    assert (remains.running, remains.draining, remains.unseen) == (False, False, ())
