"""The limit that the campaigns of an account share, as their owner asks for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from attrs import frozen
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from pika_async.temporal._account.account import Account
from pika_async.temporal._names import id_of_account

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


async def limit_of_account(engine: Client, account: str) -> AccountLimit | None:
    """The limit of an account; None where no campaign shares it, or no worker tells."""
    handle = engine.get_workflow_handle_for(Account.run, id_of_account(account))
    try:
        order: AccountOrder = await handle.query(Account.shares, rpc_timeout=FOR_A_NOTE)
    except (RPCError, WorkflowQueryFailedError):
        return None
    campaigns = tuple(sorted(set(order.wants) - set(order.gone)))
    if not campaigns:
        return None
    return AccountLimit(account=account, jobs=order.limit, campaigns=campaigns)
