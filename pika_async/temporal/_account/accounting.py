"""What workers find out for accounts, by asking the engine alone: they need no key and no store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from pika_async.temporal._account.account import LIMIT, Account
from pika_async.temporal._account.runs import pages_begun
from pika_async.temporal._limits.unseen import Unseen, still, until
from pika_async.temporal._messages.accounts import (
    AccountOrder,
    Asking,
    Joining,
    Leaving,
    Remains,
)
from pika_async.temporal._messages.campaigns import CampaignOrder, CampaignState
from pika_async.temporal._names import (
    EARLIER_ACCOUNT,
    LEFT_BEHIND,
    PAGE,
    PAGES_BEGUN,
    REPAIR,
    SHARES_OF,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import Client, WorkflowExecutionDescription

_ALL = 10_000
"""More than any account may have: of a page that was terminated nobody knows how many ran."""


class AccountActivities:
    """The activities of one worker that accounts need, and campaigns that look for theirs."""

    @property
    def all(self) -> tuple[Callable[..., Any], ...]:
        """What a worker registers."""
        return (self.left_behind, self.earlier_account, self.shares_of, self.pages_begun)

    @activity.defn(name=LEFT_BEHIND)
    async def left_behind(self, campaigns: list[str]) -> list[Remains]:
        """What each of these has left behind, where it has ended."""
        engine = activity.client()
        return [await remains_of(engine, campaign) for campaign in campaigns]

    @activity.defn(name=EARLIER_ACCOUNT)
    async def earlier_account(self, account: str) -> str | None:
        """The last run of an account, be it open or not; None where there was none."""
        described = await _described(activity.client(), account)
        return None if described is None else described.run_id

    @activity.defn(name=SHARES_OF)
    async def shares_of(self, account: str, run_id: str) -> AccountOrder | None:
        """What an account knew when it was ended; None where it has ended by itself."""
        engine = activity.client()
        described = await _described(engine, account, run_id)
        by_itself = (WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.CONTINUED_AS_NEW)
        if described is None or described.status in by_itself:
            return None
        begun, joined, asked = await _began(engine, account, run_id)
        handle = engine.get_workflow_handle_for(Account.run, account, run_id=run_id)
        try:
            known = await handle.query(Account.shares)
        except RPCError as error:
            if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
            # It was terminated before it did anything.
            known = begun
        # Of a word that came just before its end it knows nothing.
        more = dict.fromkeys(joined - known.wants.keys(), 0)
        return evolve(
            known,
            wants={**known.wants, **more},
            told={**known.told, **more},
            holds={**known.holds, **more},
            asking=(*known.asking, *(asked - {*known.placed, *known.asking})),
        )

    @activity.defn(name=PAGES_BEGUN)
    async def pages_begun(self, campaign: str, run_id: str) -> int:
        """How many pages the runs of a campaign have opened of which this run is the last."""
        return await pages_begun(activity.client(), campaign, run_id)


async def _began(
    engine: Client, account: str, run_id: str
) -> tuple[AccountOrder, set[str], set[str]]:
    """What an account began with, who has ever joined that run, and which repairs want a place."""
    converter = engine.data_converter
    begun, joined, asked = AccountOrder(limit=LIMIT), set(), set()
    handle = engine.get_workflow_handle(account, run_id=run_id)
    async for event in handle.fetch_history_events():
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                payloads = event.workflow_execution_started_event_attributes.input.payloads
                (begun,) = await converter.decode(payloads, [AccountOrder])
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                signal = event.workflow_execution_signaled_event_attributes
                payloads = signal.input.payloads
                match signal.signal_name:
                    case "join":
                        (joining,) = await converter.decode(payloads, [Joining])
                        joined.add(joining.campaign)
                    case "ask":
                        (asking,) = await converter.decode(payloads, [Asking])
                        asked.add(asking.repair)
                    case "give_back":
                        (leaving,) = await converter.decode(payloads, [Leaving])
                        asked.discard(leaving.campaign)
                    case _:
                        pass
            case _:
                pass
    return begun, joined, asked


async def remains_of(engine: Client, campaign: str) -> Remains:
    """What a campaign, or a repair, has left behind; nothing, where the engine has forgotten it.

    Its history says it, so none of its workers need live.
    """
    described = await _described(engine, campaign)
    if described is None:
        return Remains(campaign=campaign)
    if described.status is WorkflowExecutionStatus.RUNNING:
        return Remains(campaign=campaign, running=True)
    if described.workflow_type == REPAIR:
        # Whoever was given a place may have submitted.
        now = datetime.now(UTC)
        left = Unseen(jobs=1, until=until(described.close_time or now))
        return Remains(campaign=campaign, unseen=still((left,), now))
    handle = engine.get_workflow_handle(
        campaign, run_id=described.run_id, result_type=CampaignState
    )
    if described.status is WorkflowExecutionStatus.COMPLETED:
        # Nobody may have heard its last word.
        lost = (await handle.result()).order.unseen
        return Remains(campaign=campaign, unseen=still(lost, datetime.now(UTC)))
    history = _Left(engine)
    await history.read([event async for event in handle.fetch_history_events()])
    draining = False
    for page in history.pages.values():
        ended = await _described(engine, page)
        if ended is None or ended.status is WorkflowExecutionStatus.COMPLETED:
            continue
        if ended.status is WorkflowExecutionStatus.RUNNING:
            draining = True
        else:
            history.terminated(ended.close_time or datetime.now(UTC))
    return Remains(
        campaign=campaign, draining=draining, unseen=still(history.unseen, datetime.now(UTC))
    )


class _Left:
    """What a campaign has begun and not seen to its end, by its history."""

    def __init__(self, engine: Client) -> None:
        self._converter = engine.data_converter
        self.pages: dict[int, str] = {}
        self.unseen: list[Unseen] = []

    async def read(self, events: Iterable[HistoryEvent]) -> None:
        for event in events:
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

    def terminated(self, at: datetime) -> None:
        self.unseen.append(Unseen(jobs=_ALL, until=until(at)))


async def _described(
    engine: Client, workflow_id: str, run_id: str | None = None
) -> WorkflowExecutionDescription | None:
    try:
        return await engine.get_workflow_handle(workflow_id, run_id=run_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
