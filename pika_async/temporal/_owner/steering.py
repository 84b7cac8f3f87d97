"""A campaign as its owner steers it: paused, gone on with, stopped, with other limits."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError

from pika_async import ConfigurationError
from pika_async.temporal._campaign.campaign import CampaignRun
from pika_async.temporal._contents.allowances import Allowed, allow
from pika_async.temporal._contents.files import read_manifest
from pika_async.temporal._engine import PATIENCE, CampaignError
from pika_async.temporal._names import DEFAULT_ACCOUNT
from pika_async.temporal._owner.accounts import AccountLimit, limit_of_account
from pika_async.temporal._owner.arguments import (
    check_above,
    check_currency,
    check_in_flight,
    checked_amount,
)
from pika_async.temporal._owner.reaching import Reaching
from pika_async.temporal._polled import UNTOLD, check_polled
from pika_async.temporal._store.errors import StoreError

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal

    from temporalio.client import Client

    from pika_async import Money


class Steering(Reaching):
    """The part of a campaign that tells it how to go on."""

    @staticmethod
    async def limit_of(engine: Client, account: str = DEFAULT_ACCOUNT) -> int | None:
        """How many jobs an account may have in flight that campaigns share at the moment.

        Whoever starts one with another ``max_in_flight`` changes it for them. None: no campaign
        shares it, or no worker tells within five seconds.
        """
        found = await limit_of_account(engine, account)
        return None if found is None else found.jobs

    async def account_limit(self) -> AccountLimit | None:
        """The limit of its account, and which campaigns share it at the moment.

        None: no worker tells within five seconds.

        Raises:
            CampaignError: There is no such campaign, or no worker answers.
        """
        state = await self._queried(await self._check_heard())
        return await limit_of_account(self._engine, state.order.account)

    async def pause(self, reason: str = "paused by its owner") -> None:
        """Submit nothing until it is resumed. Jobs that are paid for are waited for.

        Raises:
            CampaignError: There is no such campaign, it has ended, or no worker answers.
        """
        await self._update(CampaignRun.pause, reason)

    async def resume(
        self,
        *,
        budget: Money | Decimal | float | None = None,
        price: Money | Decimal | float | None = None,
        refuse_unknown: bool = False,
    ) -> None:
        """Go on, with this budget for the whole campaign if one is said.

        A campaign that is not paused, and waits since the service takes nothing, is not hurried by
        this alone: ``pause`` it first, and the service is asked at once.

        Args:
            budget: The most that the whole campaign may spend, with what is spent already, and with
                what was submitted again (``resolve``); None leaves it as it is.
            price: What each further job costs where the service does not say; None leaves it as it
                is.
            refuse_unknown: Have each prompt refused from now on of which the service says that it
                knows nothing (404), such as those for a model that is gone. Nothing is charged for
                them. It holds until ``resume`` is called without it: then five such answers in a
                row pause the campaign again, so that a wrong base URL costs no prompt.

        Budget and price are noted in its store, where that is reached from here, for the time when
        the engine has forgotten them.

        Raises:
            FieldError: An amount is none, not above 0, or in another currency than the budget; or
                the budget is less than what the pages that have ended have cost.
            CampaignError: As of :meth:`pause`; or a budget is said, and it was started without one.
        """
        money, each = checked_amount("budget", budget), checked_amount("price", price)
        going_on = CampaignRun.resume_refusing if refuse_unknown else CampaignRun.resume
        if money is None and each is None:
            await self._update(going_on, None)
            return
        state = await self._queried(await self._check_heard())
        check_currency(state.order.budget, money, each)
        check_above(money, state.order.ended.cost.total)
        if each is not None:
            # Its pages know it before they may submit again: else they would pause it at once.
            await self._update(CampaignRun.set_price, each)
        await self._update(going_on, money)
        with suppress(StoreError, ConfigurationError):
            await self._note(money or state.order.budget, each or state.order.price)

    async def _note(self, budget: Money | None, price: Money | None) -> None:
        """Note down what it may spend, unless its store lies elsewhere."""
        store = await self._opened()
        await read_manifest(store)
        await allow(store, Allowed(campaign=self.id, budget=budget, price=price))

    async def stop(self) -> None:
        """Submit nothing any more. It ends when the jobs that are paid for have ended.

        Raises:
            CampaignError: As of :meth:`pause`.
        """
        await self._update(CampaignRun.stop)

    async def set_max_in_flight(self, jobs: int) -> None:
        """So many jobs in flight at most, for all campaigns of the account; see ``account_limit``.

        Raises:
            FieldError: It is no whole number from 1 to 10,000.
            CampaignError: As of :meth:`pause`.
        """
        check_in_flight(jobs)
        await self._update(CampaignRun.set_max_in_flight, jobs)

    async def _check_heard(self) -> timedelta:
        """Refuse to tell a campaign something that goes on, where nobody works on it.

        Returns:
            How long an answer is to be waited for.

        Raises:
            NoAnswerError: Nobody does; nothing was changed.
        """
        described = await self._asked(self._handle.describe())
        if described.status is WorkflowExecutionStatus.RUNNING:
            return await check_polled(self._engine, described.task_queue, UNTOLD)
        return PATIENCE

    async def _update(self, update: Any, *args: Any) -> None:
        patience = await self._check_heard()
        asked = self._handle.execute_update(update, args=args, rpc_timeout=patience)
        try:
            await self._asked(asked)
        except WorkflowUpdateFailedError as error:
            raise CampaignError(f"campaign {self.id}: {error.cause}") from error
