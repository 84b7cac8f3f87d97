"""What workers find out for accounts, by asking the engine alone: they need no key and no store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from pika_async.temporal._account.account import LIMIT, Account
from pika_async.temporal._account.remains import LeftBehind
from pika_async.temporal._account.runs import pages_begun
from pika_async.temporal._engine import described
from pika_async.temporal._messages.accounts import (
    AccountOrder,
    Asking,
    Departed,
    Joining,
    Remains,
)
from pika_async.temporal._names import (
    EARLIER_ACCOUNT,
    LEFT_BEHIND,
    PAGES_BEGUN,
    SHARES_OF,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from temporalio.client import Client


class AccountActivities:
    """The activities of one worker that accounts need, and campaigns that look for theirs."""

    def __init__(self) -> None:
        self._left = LeftBehind()

    @property
    def all(self) -> tuple[Callable[..., Any], ...]:
        """What a worker registers."""
        return (self.left_behind, self.earlier_account, self.shares_of, self.pages_begun)

    @activity.defn(name=LEFT_BEHIND)
    async def left_behind(self, campaigns: list[str]) -> list[Remains]:
        """What each of these has left behind, where it has ended."""
        engine = activity.client()
        return [await self._left.of(engine, campaign) for campaign in campaigns]

    @activity.defn(name=EARLIER_ACCOUNT)
    async def earlier_account(self, account: str) -> str | None:
        """The last run of an account, be it open or not; None where there was none."""
        found = await described(activity.client(), account)
        return None if found is None else found.run_id

    @activity.defn(name=SHARES_OF)
    async def shares_of(self, account: str, run_id: str) -> AccountOrder | None:
        """What an account knew when it was ended; None where it has ended by itself."""
        engine = activity.client()
        found = await described(engine, account, run_id)
        by_itself = (WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.CONTINUED_AS_NEW)
        if found is None or found.status in by_itself:
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
                        (leaving,) = await converter.decode(payloads, [Departed])
                        asked.discard(leaving.campaign)
                    case _:
                        pass
            case _:
                pass
    return begun, joined, asked
