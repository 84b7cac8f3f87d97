"""A campaign's share of its account's limit: what it wants, what it has, what it gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from temporalio import workflow

from pika_async.temporal._account.beginning import begin_account
from pika_async.temporal._messages.accounts import Amount, Departed, Joining
from pika_async.temporal._names import id_of_account
from pika_async.temporal._signals import tell

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async.temporal._limits.unseen import Unseen

_STEP: Final = 2 / 3


class Membership:
    """How one campaign stands in its account.

    Attributes:
        allotted: How many jobs it may have in flight.
        held: How many jobs the account takes to be in flight here; there are no more.
        limit: The limit of the account, if this campaign sets it.
        crowded_since: Since when it may have no job in flight, though it could have some: others of
            the account have all places. None where that is not so.
    """

    def __init__(self, campaign_id: str, account: str, limit: int | None, held: int) -> None:
        self.allotted = 0
        self.limit = limit
        self.crowded_since: datetime | None = None
        self._campaign_id: Final = campaign_id
        self._account: Final = id_of_account(account)
        self.held = held
        self._wanted = -1
        self._joined = False

    def allot(self, jobs: int) -> None:
        """The account's word."""
        self.allotted = jobs
        self.held = max(self.held, jobs)
        self._look(self._wanted)

    def say_again(self) -> None:
        """The account has begun anew, or has taken the campaign for ended."""
        self._wanted = -1

    def begin_anew(self, held: int) -> None:
        """The campaign was reset: it has no more in flight than this, and it may have much less."""
        self.held = max(self.held, held)
        self.say_again()

    async def want(self, wants: int) -> None:
        """Say how many jobs the campaign could have in flight."""
        self._look(wants)
        # Less is of no interest to others while it is more than the campaign has.
        if wants == self._wanted or self.allotted < wants < self._wanted:
            return
        anew, self._wanted = self._wanted < 0, wants
        want = Amount(campaign=self._campaign_id, jobs=wants)
        if anew or not await self._tell("want", want):
            await self._join(wants)

    def _look(self, wants: int) -> None:
        crowded = wants > 0 and self.allotted == 0
        self.crowded_since = (self.crowded_since or workflow.now()) if crowded else None

    async def free(self, held: int) -> None:
        """Others get what was taken away here only once it is not in use any more."""
        rest = max(self.allotted, held)
        # Not with each job: that would cost as much as the job.
        if rest < self.held and (rest == self.allotted or rest <= _STEP * self.held):
            self.held = rest
            await self._tell("released", Amount(campaign=self._campaign_id, jobs=rest))

    async def set_limit(self, jobs: int) -> None:
        """Set the limit of the account."""
        self.limit = jobs
        if not await self._tell("set_limit", jobs):
            # The next account is told of it by whoever joins it.
            self._joined = False
            self.say_again()

    async def leave(self, unseen: tuple[Unseen, ...]) -> None:
        """The campaign has ended, and these jobs of it may run still."""
        await self._tell("leave", Departed(campaign=self._campaign_id, unseen=unseen))

    async def _join(self, wants: int) -> None:
        while True:
            await begin_account(self._account, self.limit)
            joining = Joining(
                campaign=self._campaign_id,
                wants=wants,
                told=self.allotted,
                holds=self.held,
                # Another campaign may have set it since.
                limit=None if self._joined else self.limit,
            )
            # It may have ended in between.
            if await self._tell("join", joining):
                self._joined = True
                return

    async def _tell(self, what: str, value: object) -> bool:
        return await tell(self._account, what, value)
