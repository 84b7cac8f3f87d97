"""Begin an account where none is under way; whoever comes first does."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from pika_async.temporal._account.account import LIMIT, Account
from pika_async.temporal._messages.accounts import AccountOrder
from pika_async.temporal._names import ACCOUNTS, EARLIER_ACCOUNT

_LOOKING: Final = timedelta(minutes=1)


async def begin_account(account_id: str, limit: int | None) -> None:
    """Return once the workflow of an account has begun; it may have ended again.

    Args:
        account_id: The id of that workflow.
        limit: Its limit, should none be under way.
    """
    # Where it was terminated, the next one takes over what it knew.
    earlier: str | None = await workflow.execute_activity(
        EARLIER_ACCOUNT,
        account_id,
        result_type=str,
        task_queue=ACCOUNTS,
        start_to_close_timeout=_LOOKING,
    )
    with suppress(WorkflowAlreadyStartedError):
        await workflow.start_child_workflow(
            Account.run,
            AccountOrder(limit=limit or LIMIT, earlier=earlier),
            id=account_id,
            task_queue=ACCOUNTS,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
        )
