"""An account: campaigns on one key share what may be in flight at the service."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from pika_async.temporal._campaign.records import AccountOrder, Amount, Joining
from pika_async.temporal._campaign.shares import Member, Shares
from pika_async.temporal._campaign.signals import heard
from pika_async.temporal._names import STILL_OPEN

LIMIT: Final = 100
"""Jobs in flight where nobody says how many."""

_LOOK_AROUND: Final = timedelta(minutes=5)
_A_FEW_TIMES: Final = RetryPolicy(maximum_attempts=5)


@workflow.defn(name="PikaAccount")
class Account:
    """The workflow of an account; campaigns start it, and it ends with the last of them."""

    @workflow.init
    def __init__(self, order: AccountOrder) -> None:
        self._shares = Shares(
            order.limit,
            {
                name: Member(wants, order.told[name], order.holds[name])
                for name, wants in order.wants.items()
            },
        )
        # Whoever starts it joins next.
        self._expected = not order.wants
        self._changed = False

    @workflow.run
    async def run(self, order: AccountOrder) -> None:
        """Ends when no campaign shares it any more."""
        while True:
            members = len(self._shares.members)
            # What one campaign holds is of interest only where another lacks it.
            patience = _LOOK_AROUND if not members or (members > 1 and self._shares.lack) else None
            try:
                await workflow.wait_condition(lambda: self._changed, timeout=patience)
            except TimeoutError:
                if not self._shares.members:
                    return
                await self._look_around()
            self._changed = False
            await self._share()
            if self._changed:
                continue
            if not self._shares.members and not self._expected:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._order())

    def _order(self) -> AccountOrder:
        members = self._shares.members
        return AccountOrder(
            limit=self._shares.limit,
            wants={name: member.wants for name, member in members.items()},
            told={name: member.told for name, member in members.items()},
            holds={name: member.holds for name, member in members.items()},
        )

    async def _share(self) -> None:
        for campaign, jobs in self._shares.changes().items():
            handle = workflow.get_external_workflow_handle(campaign)
            if not await heard(handle.signal("allot", jobs)):
                self._shares.leave(campaign)
                self._changed = True

    async def _look_around(self) -> None:
        """Campaigns that were terminated say nothing, and hold their share: they leave here."""
        with suppress(ActivityError):
            still_open: list[str] = await workflow.execute_activity(
                STILL_OPEN,
                list(self._shares.members),
                result_type=list[str],
                start_to_close_timeout=timedelta(minutes=1),
                retry_policy=_A_FEW_TIMES,
            )
            for campaign in set(self._shares.members) - set(still_open):
                self._shares.leave(campaign)

    @workflow.signal
    def join(self, joining: Joining) -> None:
        """A campaign joins, or joins again because it has found no account."""
        self._expected = False
        self._changed = True
        if joining.limit is not None:
            self._shares.limit = joining.limit
        member = Member(joining.wants, joining.told, joining.holds)
        self._shares.join(joining.campaign, member)

    @workflow.signal
    def want(self, amount: Amount) -> None:
        """A campaign could have so many jobs in flight."""
        if amount.campaign in self._shares.members:
            self._shares.want(amount.campaign, amount.jobs)
            self._changed = True

    @workflow.signal
    def released(self, amount: Amount) -> None:
        """A campaign has no more than so many jobs in flight."""
        self._shares.released(amount.campaign, amount.jobs)
        self._changed = True

    @workflow.signal
    def leave(self, campaign: str) -> None:
        """A campaign has ended."""
        self._shares.leave(campaign)
        self._changed = True

    @workflow.signal
    def set_limit(self, jobs: int) -> None:
        """So many jobs in flight at most from now on."""
        self._shares.limit = jobs
        self._changed = True

    @workflow.query
    def shares(self) -> AccountOrder:
        """The limit, and who has what of it."""
        return self._order()
