"""An account: campaigns on one key, and repairs, share what may be in flight at the service.

What a campaign holds is given to others only once its jobs have ended, however it ends itself:

- It ends: it leaves, and names the jobs that nobody waits for.
- It is terminated: its pages wait on for their jobs, and it counts as *gone*. What it holds is free
  when its pages have ended.
- The account is terminated: the next one takes over what it knew, and asks every campaign how it
  stands.

A repair has one job, and one place. It asks for it before it submits, and gives it back when its
job has ended, and for a time where the service does not take it. One that adopts a job takes its
place at once: that job is in flight, whoever waits for it. A repair that ends without a word is
found as a campaign is, and its place is kept for a time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from pika_async.temporal._keeping import wake_at_ends
from pika_async.temporal._limits.places import Places
from pika_async.temporal._limits.shares import Member, Shares
from pika_async.temporal._limits.unseen import Unseen, jobs, still
from pika_async.temporal._messages.accounts import (
    AccountOrder,
    Amount,
    Asking,
    Departed,
    Joining,
    Remains,
)
from pika_async.temporal._names import ACCOUNT, LEFT_BEHIND, SHARES_OF
from pika_async.temporal._signals import tell

LIMIT: Final = 100
"""Jobs in flight where nobody says how many."""

_LOOK_AROUND: Final = timedelta(minutes=5)
_LOOK_AT_THE_GONE: Final = timedelta(seconds=20)
_LOOKING: Final = timedelta(minutes=1)
_A_FEW_TIMES: Final = RetryPolicy(maximum_attempts=5)


@workflow.defn(name=ACCOUNT)
class Account:
    """The workflow of an account; campaigns start it, and it ends with the last of them."""

    @workflow.init
    def __init__(self, order: AccountOrder) -> None:
        self._earlier = order.earlier
        self._limit = order.limit
        # Somebody has said the limit since: what was known before counts no more.
        self._is_limit_set = False
        self._shares = Shares(order.limit)
        self._places = Places()
        self._gone: set[str] = set()
        self._unseen: tuple[Unseen, ...] = ()
        self._begin(order)
        # Whoever starts it joins next.
        self._expected = not (order.wants or order.placed or order.asking)
        self._changed = False
        # When it looks around.
        self._due: datetime | None = None

    @workflow.run
    async def run(self, order: AccountOrder) -> None:
        """Ends when no campaign shares it any more, and no job of an ended one may run."""
        while self._earlier is not None:
            await self._take_over(self._earlier)
        wake_at_ends(self._unseen, self._wake)
        while True:
            try:
                await workflow.wait_condition(lambda: self._changed, timeout=self._left())
            except TimeoutError:
                self._due = None
                if not self._in_use:
                    return
                await self._look_around()
            self._changed = False
            await self._share()
            if self._changed:
                continue
            if not (self._in_use or self._expected):
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._order())

    @property
    def _in_use(self) -> bool:
        return bool(self._shares.members or self._places or self._unseen)

    def _begin(self, order: AccountOrder) -> None:
        for name, wants in order.wants.items():
            # Whoever has joined this run knows better.
            if name not in self._shares.members:
                self._shares.join(name, Member(wants, order.told[name], order.holds[name]))
                self._gone |= {name} & set(order.gone)
        self._places.begin(order.placed, order.asking)
        self._gone |= {name for name in order.gone if name in self._places}
        self._unseen += order.unseen
        if not self._is_limit_set:
            self._limit = order.limit

    def _order(self) -> AccountOrder:
        members = self._shares.members
        return AccountOrder(
            limit=self._limit,
            wants={name: member.wants for name, member in members.items()},
            told={name: member.told for name, member in members.items()},
            holds={name: member.holds for name, member in members.items()},
            gone=tuple(sorted(self._gone)),
            unseen=self._unseen,
            placed=self._places.placed,
            asking=self._places.asking,
            earlier=self._earlier,
        )

    def _patience(self) -> timedelta | None:
        """How long it waits for others before it looks around itself."""
        if self._gone:
            return _LOOK_AT_THE_GONE
        members = len(self._shares.members)
        several = members + bool(self._places) > 1
        lack = self._shares.lack or self._places.asking
        # What one campaign holds is of interest only where another lacks it.
        return _LOOK_AROUND if not members or (several and lack) else None

    def _left(self) -> timedelta | None:
        """The rest of that patience, however much is said meanwhile."""
        patience = self._patience()
        if patience is None:
            self._due = None
            return None
        now = workflow.now()
        due = now + patience
        self._due = due if self._due is None else min(due, self._due)
        return max(self._due - now, timedelta(milliseconds=1))

    async def _share(self) -> None:
        self._unseen = still(self._unseen, workflow.now())
        limit = max(self._limit - jobs(self._unseen), 0)
        wants = {name: member.wants for name, member in self._shares.members.items()}
        places = self._places.part(limit, wants)
        self._shares.limit = max(limit - places, 0)
        changes = self._shares.changes()
        # Before anybody is told anything: meanwhile others speak.
        placed = self._places.hand_out(min(places, limit - self._shares.held))
        for campaign, amount in changes.items():
            if not await tell(campaign, "allot", amount):
                self._lose(campaign)
                self._changed = True
        for repair, anew in placed.items():
            if not await tell(repair, "placed"):
                self._lose_repair(repair, may_run=not anew)

    def _lose(self, campaign: str) -> None:
        """A campaign has ended without a word: it begins nothing, and its jobs may run still."""
        self._gone.add(campaign)
        self._shares.want(campaign, 0)
        self._shares.tell(campaign, 0)

    def _lose_repair(self, repair: str, *, may_run: bool) -> None:
        """A repair has ended without a word."""
        if may_run:
            self._gone.add(repair)
        else:
            self._gone.discard(repair)
            self._places.leave(repair)
        self._changed = True

    def _hold(self, unseen: tuple[Unseen, ...]) -> None:
        self._unseen += unseen
        wake_at_ends(unseen, self._wake)
        self._changed = True

    def _wake(self) -> None:
        self._changed = True

    async def _look_around(self) -> None:
        """Campaigns that were terminated say nothing. Their share is free once their jobs ended."""
        with suppress(ActivityError):
            left: list[Remains] = await workflow.execute_activity(
                LEFT_BEHIND,
                sorted({*self._shares.members, *self._places.placed, *self._places.asking}),
                result_type=list[Remains],
                start_to_close_timeout=_LOOKING,
                retry_policy=_A_FEW_TIMES,
            )
            for remains in left:
                self._settle(remains)

    def _settle(self, remains: Remains) -> None:
        campaign = remains.campaign
        if campaign in self._places:
            self._settle_repair(remains)
            return
        member = self._shares.members.get(campaign)
        if member is None:
            return
        if remains.running:
            if campaign in self._gone:
                # Somebody has reset it; it says what it wants when it is asked.
                self._gone.discard(campaign)
                self._asking = asyncio.create_task(tell(campaign, "say_again"))
        elif remains.draining:
            self._lose(campaign)
        else:
            self._gone.discard(campaign)
            self._shares.leave(campaign)
            self._hold(_at_most(remains.unseen, member.holds))

    def _settle_repair(self, remains: Remains) -> None:
        repair = remains.campaign
        if remains.running:
            self._gone.discard(repair)
            return
        held = repair in self._places.placed
        self._lose_repair(repair, may_run=False)
        # One that still waited for its place has submitted nothing.
        if held:
            self._hold(remains.unseen)

    async def _take_over(self, run_id: str) -> None:
        """Go on where an account was terminated: its campaigns hold what it has told them."""
        known: AccountOrder | None = None
        try:
            known = await workflow.execute_activity(
                SHARES_OF,
                args=[workflow.info().workflow_id, run_id],
                result_type=AccountOrder,
                start_to_close_timeout=_LOOKING,
                retry_policy=_A_FEW_TIMES,
            )
        except ActivityError:
            workflow.logger.warning(_FORGOTTEN, workflow.info().workflow_id, run_id)
        self._earlier = None if known is None else known.earlier
        if known is None:
            return
        self._begin(known)
        for campaign in known.wants:
            # What it has said while nobody listened is said again.
            if campaign not in self._gone and not await tell(campaign, "say_again"):
                self._lose(campaign)
        for repair in (*known.placed, *known.asking):
            if repair not in self._gone and not await tell(repair, "say_again"):
                self._lose_repair(repair, may_run=repair in self._places.placed)
        self._changed = True

    @workflow.signal
    def join(self, joining: Joining) -> None:
        """A campaign joins, or says again how it stands."""
        self._expected = False
        self._changed = True
        if joining.limit is not None:
            self._limit, self._is_limit_set = joining.limit, True
        self._gone.discard(joining.campaign)
        member = Member(joining.wants, joining.told, joining.holds)
        self._shares.join(joining.campaign, member)

    @workflow.signal
    def want(self, amount: Amount) -> None:
        """A campaign could have so many jobs in flight."""
        if amount.campaign in self._shares.members and amount.campaign not in self._gone:
            self._shares.want(amount.campaign, amount.jobs)
            self._changed = True

    @workflow.signal
    def released(self, amount: Amount) -> None:
        """A campaign has no more than so many jobs in flight."""
        self._shares.released(amount.campaign, amount.jobs)
        self._changed = True

    @workflow.signal
    def leave(self, leaving: Departed) -> None:
        """A campaign has ended."""
        self._gone.discard(leaving.campaign)
        self._shares.leave(leaving.campaign)
        self._hold(leaving.unseen)

    @workflow.signal
    def ask(self, asking: Asking) -> None:
        """A repair wants a place for its job, or says that its job is in flight."""
        self._expected = False
        self._changed = True
        self._gone.discard(asking.repair)
        (self._places.take if asking.has else self._places.ask)(asking.repair)

    @workflow.signal
    def give_back(self, leaving: Departed) -> None:
        """A repair needs its place no more."""
        self._gone.discard(leaving.campaign)
        self._places.leave(leaving.campaign)
        self._hold(leaving.unseen)

    @workflow.signal
    def unseen(self, unseen: Unseen) -> None:
        """A page has ended after its campaign: these jobs may run, and nobody waits for them."""
        self._hold((unseen,))

    @workflow.signal
    def set_limit(self, jobs: int) -> None:
        """So many jobs in flight at most from now on."""
        self._limit, self._is_limit_set = jobs, True
        self._changed = True

    @workflow.query
    def shares(self) -> AccountOrder:
        """The limit, and who has what of it."""
        return self._order()


def _at_most(unseen: tuple[Unseen, ...], most: int) -> tuple[Unseen, ...]:
    """No more jobs can run than were held."""
    found = []
    for each in sorted(unseen, key=lambda one: one.until, reverse=True):
        found.append(evolve(each, jobs=min(each.jobs, most)))
        most -= found[-1].jobs
    return tuple(each for each in found if each.jobs)


_FORGOTTEN: Final = (
    "The account %s begins anew, and does not know what its run %s has told its campaigns: more "
    "jobs than its limit may be in flight until they have joined again."
)
