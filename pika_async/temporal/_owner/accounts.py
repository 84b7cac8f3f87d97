"""What an account says to the owner of its campaigns: its limit, and which repairs wait for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from attrs import frozen
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from pika_async.temporal._account.account import Account
from pika_async.temporal._engine import PATIENCE, CampaignError
from pika_async.temporal._limits.unseen import jobs, still
from pika_async.temporal._names import campaign_of, id_of_account
from pika_async.temporal._repairs.accounts import account_of

if TYPE_CHECKING:
    from pika_async.temporal._messages.accounts import AccountOrder

FOR_A_NOTE: Final = timedelta(seconds=5)
"""How long something may take that is of use, and that nobody has asked for."""


@frozen(kw_only=True)
class AccountLimit:
    """How many jobs an account may have in flight.

    Attributes:
        account: Its name.
        jobs: The most jobs in flight, of all of its campaigns together.
        campaigns: Those that share them at the moment, by their names.
    """

    account: str
    jobs: int
    campaigns: tuple[str, ...]


@frozen(kw_only=True)
class RepairsWaiting:
    """What the repairs of a campaign wait for.

    Attributes:
        repairs: How many of them wait for a place.
        account: The account whose places are all taken.
        limit: How many places it has.
        kept: How many of these are kept for jobs that may run, and that nobody waits for.
        kept_until: When the last of these is free; None where none is kept.
    """

    repairs: int
    account: str
    limit: int
    kept: int = 0
    kept_until: datetime | None = None


async def limit_of_account(engine: Client, account: str) -> AccountLimit | None:
    """The limit of an account; None where no campaign shares it, or no worker tells."""
    order = await _shares_of(engine, account, FOR_A_NOTE)
    campaigns = () if order is None else tuple(sorted(set(order.wants) - set(order.gone)))
    if order is None or not campaigns:
        return None
    return AccountLimit(account=account, jobs=order.limit, campaigns=campaigns)


async def repairs_waiting(engine: Client, campaign_id: str) -> RepairsWaiting | None:
    """What repairs wait for that stand and submit nothing yet; None: none does, or nobody tells."""
    try:
        account = (await account_of(engine, campaign_id)).name
    except CampaignError:
        return None
    order = await _shares_of(engine, account, PATIENCE)
    waiting = 0 if order is None else sum(campaign_of(name) == campaign_id for name in order.asking)
    if order is None or not waiting:
        return None
    kept = still(order.unseen, datetime.now(UTC))
    return RepairsWaiting(
        repairs=waiting,
        account=account,
        limit=order.limit,
        kept=jobs(kept),
        kept_until=max((each.until for each in kept), default=None),
    )


async def _shares_of(engine: Client, account: str, patience: timedelta) -> AccountOrder | None:
    """Who has what of its limit; None where no worker tells."""
    handle = engine.get_workflow_handle_for(Account.run, id_of_account(account))
    try:
        return await handle.query(Account.shares, rpc_timeout=patience)
    except (RPCError, WorkflowQueryFailedError):
        return None
