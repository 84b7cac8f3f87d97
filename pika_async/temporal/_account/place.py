"""The place of one job that is of no open page, under the limit of an account."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import workflow

from pika_async.temporal._account.beginning import begin_account
from pika_async.temporal._messages.accounts import Asking, Departed
from pika_async.temporal._names import id_of_account
from pika_async.temporal._signals import tell

if TYPE_CHECKING:
    from pika_async.temporal._limits.unseen import Unseen


LONG: Final = timedelta(seconds=8)
"""A pause of so long is for others. To give a place back and to get one costs as much as a job."""

# In histories: of workflows that kept their places while they waited for the service.
_RESTS: Final = "who waits for the service leaves its place to others"


class Place:
    """The place of one workflow, which hands on the signals ``placed`` and ``say_again``."""

    def __init__(self, account: str, limit: int | None) -> None:
        """Name the account, by its name; with "" there is none, and every place is free.

        Args:
            account: Its name.
            limit: Its limit, where it has not begun yet.
        """
        self._account: Final = account
        self._limit: Final = limit
        self._id: Final = workflow.info().workflow_id
        self._has = False
        self._asked = False

    async def wait_for(self) -> None:
        """Return once the job may be in flight; until then others have all places.

        Raises:
            CancelledError: The workflow is cancelled.
        """
        if self._account:
            workflow.set_current_details(_WAITS.format(account=self._account))
            await self._ask()
            await workflow.wait_condition(lambda: self._has)
            workflow.set_current_details("")

    async def rest(self, pause: timedelta) -> None:
        """Wait for so long before the next try; others have the place meanwhile, if that is long.

        Nothing is in flight. Whoever comes back is the last of those who wait for a place.

        Raises:
            CancelledError: The workflow is cancelled.
        """
        if not self._account or pause < LONG or not workflow.patched(_RESTS):
            await workflow.sleep(pause)
            return
        self._has = False
        await self.give_back()
        await workflow.sleep(pause)
        await self.wait_for()

    async def take(self) -> None:
        """Say that the job is in flight already."""
        if self._account:
            self._has = True
            await self._ask()

    def placed(self) -> None:
        """The account's word: the job may be in flight."""
        self._has = True

    async def say_again(self) -> None:
        """The account's word: it has begun anew, and does not know how this one stands."""
        if self._asked:
            await self._tell("ask", Asking(repair=self._id, has=self._has))

    async def give_back(self, *unseen: Unseen) -> None:
        """The job has ended; or nobody knows, and then its place is kept for a time."""
        if self._account:
            self._asked = False
            await self._tell("give_back", Departed(campaign=self._id, unseen=unseen))

    async def _ask(self) -> None:
        self._asked = True
        while True:
            told = await self._tell("ask", Asking(repair=self._id, has=self._has))
            # The end of a signal is waited for, and hides that the workflow was cancelled.
            if workflow.cancellation_reason() is not None:
                raise asyncio.CancelledError
            if told:
                return
            await begin_account(id_of_account(self._account), self._limit)

    async def _tell(self, what: str, value: object) -> bool:
        return await tell(id_of_account(self._account), what, value)


_WAITS: Final = (
    "Waits for a place: all jobs that the account {account} may have in flight are in flight, or "
    "may be. Nothing is submitted until one of them has ended."
)
