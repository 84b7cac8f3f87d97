"""Settle an uncertain line by the word of its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from pika_async import FieldError
from pika_async.temporal._campaign import files
from pika_async.temporal._campaign.engine import CampaignError, said
from pika_async.temporal._campaign.records import RepairOrder
from pika_async.temporal._campaign.repair import Repair
from pika_async.temporal._outcomes import Declined, Dropped, Refused, Uncertain

if TYPE_CHECKING:
    from temporalio.client import Client

    from pika_async.temporal._outcomes import Outcome
    from pika_async.temporal._store.store import Store

_MAY_END_WELL: Final = ("timeout", "not_found", "not_saved")


class Resolving:
    """The repairs of one campaign."""

    def __init__(self, engine: Client, campaign_id: str, store: Store, queue: str) -> None:
        self._engine = engine
        self._campaign_id = campaign_id
        self._store = store
        self._queue = queue

    async def resolve(self, index: int, *, adopt: str | None, drop: bool) -> Outcome | Dropped:
        """Adopt a job, drop the line, or else submit it again; see ``Campaign.resolve``."""
        store = self._store
        manifest = await files.read_manifest(store)
        if not 0 <= index < manifest.prompts:
            raise FieldError("index", index, f"0 to {manifest.prompts - 1}")
        page, place = divmod(index, manifest.page_size)
        sealed = await files.read_sealed(store, page)
        if sealed is None:
            raise CampaignError(
                f"the page of line {index + 1} (index {index}) has not ended yet, so nobody can "
                "say what became of it; nothing was changed"
            )
        earlier = (await files.repairs(store)).get(index, [])
        _check_open([sealed[place], *earlier][-1], index, adopted=adopt is not None)
        number = len(earlier) + 1
        if drop:
            await files.add_repair(store, index, number, Dropped())
            return Dropped()
        await self._repaired(
            RepairOrder(
                store=store.place,
                digest=manifest.digest,
                index=index,
                page=page,
                place=place,
                number=number,
                adopt=adopt,
            )
        )
        return (await files.repairs(store))[index][-1]

    async def _repaired(self, order: RepairOrder) -> None:
        repair_id = f"{self._campaign_id}/repair/{order.index}-{order.number}"
        try:
            handle = await said(
                self._engine.start_workflow(
                    Repair.run,
                    order,
                    id=repair_id,
                    task_queue=self._queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                )
            )
        except WorkflowAlreadyStartedError:
            # Somebody waits for it already, or has waited for it.
            handle = self._engine.get_workflow_handle_for(Repair.run, repair_id)
        await said(handle.result())


def _check_open(outcome: Outcome | Dropped, index: int, *, adopted: bool) -> None:
    # A job may be waited for again: it may have ended, its id may have been mistyped, its video
    # may be had now. Whoever submits again says himself that he pays again.
    again = isinstance(outcome, Declined) and (not adopted or outcome.code in _MAY_END_WELL)
    resubmittable = isinstance(outcome, Refused) and not adopted
    if isinstance(outcome, Uncertain) or again or resubmittable:
        return
    raise CampaignError(
        f"line {index + 1} (index {index}) is {type(outcome).__name__.lower()}: there is nothing "
        "to settle, and nothing was changed"
    )
