"""Whether an earlier campaign has left anything that another one could start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async.temporal._contents.claims import campaigns_of
from pika_async.temporal._contents.formats import SEALED
from pika_async.temporal._engine import CampaignError

if TYPE_CHECKING:
    from pika_async.temporal._contents.formats import Manifest
    from pika_async.temporal._store.store import Store


async def check_left(store: Store, manifest: Manifest, campaign_id: str) -> None:
    """Refuse to carry on where every page has ended: nothing would be submitted.

    Raises:
        CampaignError: None is left.
        StoreError: The store cannot be used.
    """
    earlier = await campaigns_of(store)
    if not earlier or earlier[-1] == campaign_id:
        return
    ended = 0
    async for _ in store.names(SEALED):
        ended += 1
    if ended >= manifest.pages:
        raise CampaignError(
            f"every page in {store.place} has ended, so nothing is left to start; nothing was "
            "started now. Prompts that were never sent, as since the campaign was stopped, are "
            f"submitted by: pika-async campaign resolve {earlier[-1]} --all submit "
            "(Campaign.resolve_all)"
        )
