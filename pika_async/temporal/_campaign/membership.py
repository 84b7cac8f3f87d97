"""A campaign's share of its account's limit: what it wants, what it has, what it gives back."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from pika_async.temporal._campaign.account import LIMIT, Account
from pika_async.temporal._campaign.records import AccountOrder, Amount, Joining
from pika_async.temporal._campaign.signals import heard
from pika_async.temporal._names import id_of_account


class Membership:
    """Of one campaign, in one account.

    Attributes:
        allotted: How many jobs it may have in flight.
        limit: The limit of the account, if this campaign sets it.
    """

    def __init__(self, campaign_id: str, account: str, limit: int | None) -> None:
        self.allotted = 0
        self.limit = limit
        self._campaign_id: Final = campaign_id
        self._account: Final = id_of_account(account)
        # The most that the account believes to be in flight here.
        self._confirmed = 0
        self._wanted = -1

    def allot(self, jobs: int) -> None:
        """The account's word."""
        self.allotted = jobs
        self._confirmed = max(self._confirmed, jobs)

    async def want(self, wants: int) -> None:
        """Say how many jobs the campaign could have in flight."""
        if wants == self._wanted:
            return
        first, self._wanted = self._wanted < 0, wants
        want = Amount(campaign=self._campaign_id, jobs=wants)
        if first or not await self._tell("want", want):
            await self._join(wants)

    async def free(self, held: int) -> None:
        """Others get what was taken away here only once it is not in use any more."""
        if self._confirmed > self.allotted >= held:
            self._confirmed = self.allotted
            await self._tell("released", Amount(campaign=self._campaign_id, jobs=self.allotted))

    async def set_limit(self, jobs: int) -> None:
        """Set the limit of the account."""
        self.limit = jobs
        await self._tell("set_limit", jobs)

    async def leave(self) -> None:
        """The campaign has ended."""
        await self._tell("leave", self._campaign_id)

    async def _join(self, wants: int) -> None:
        while True:
            with suppress(WorkflowAlreadyStartedError):
                await workflow.start_child_workflow(
                    Account.run,
                    AccountOrder(limit=self.limit or LIMIT),
                    id=self._account,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
                )
            joining = Joining(
                campaign=self._campaign_id,
                wants=wants,
                told=self.allotted,
                holds=self._confirmed,
                limit=self.limit,
            )
            # It may have ended in between.
            if await self._tell("join", joining):
                return

    async def _tell(self, what: str, value: object) -> bool:
        handle = workflow.get_external_workflow_handle(self._account)
        return await heard(handle.signal(what, value))
