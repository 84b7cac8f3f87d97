"""Repairs that stand and submit nothing yet, since their account has no place for their jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import frozen

from pika_async.temporal._account.account import Account
from pika_async.temporal._engine import PATIENCE, CampaignError, said
from pika_async.temporal._limits.unseen import jobs, still
from pika_async.temporal._names import campaign_of, id_of_account
from pika_async.temporal._repairs.accounts import account_of

if TYPE_CHECKING:
    from temporalio.client import Client


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


async def repairs_waiting(engine: Client, campaign_id: str) -> RepairsWaiting | None:
    """What they wait for; None where none does, or nobody can say."""
    try:
        account = (await account_of(engine, campaign_id)).name
        handle = engine.get_workflow_handle_for(Account.run, id_of_account(account))
        shares = await said(handle.query(Account.shares, rpc_timeout=PATIENCE))
    except CampaignError:
        return None
    waiting = sum(campaign_of(name) == campaign_id for name in shares.asking)
    if not waiting:
        return None
    kept = still(shares.unseen, datetime.now(UTC))
    return RepairsWaiting(
        repairs=waiting,
        account=account,
        limit=shares.limit,
        kept=jobs(kept),
        kept_until=max((each.until for each in kept), default=None),
    )
