"""Where a campaign stands that the engine has forgotten, by its store alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pika_async.temporal._contents import files
from pika_async.temporal._contents.claims import campaigns_of, is_of
from pika_async.temporal._messages.campaigns import CampaignOrder, CampaignState
from pika_async.temporal._messages.pages import Tally, tally_of
from pika_async.temporal._owner.progress import CampaignProgress, progress_of

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async.temporal._store.store import Store


async def remembered(store: Store, campaign_id: str, now: datetime) -> CampaignProgress | None:
    """What its sealed pages say; None where no campaign was started on it.

    Lines of pages that were begun and never sealed are uncertain. What jobs cost by their prices
    is known to nobody any more. Repairs are not counted, as while the engine knew it.

    Raises:
        CampaignError: The store is of another campaign.
        ConfigurationError: Nothing was prepared there.
        StoreError: The store cannot be read.
    """
    manifest = await files.read_manifest(store)
    if not await is_of(store, campaign_id):
        return None
    campaigns = await campaigns_of(store)
    tally = Tally()
    for page in range(manifest.pages):
        sealed = await files.read_sealed(store, page)
        if sealed is not None:
            tally += tally_of(sealed, None)
    order = CampaignOrder(
        store=store.place,
        digest=manifest.digest,
        prompts=manifest.prompts,
        pages=manifest.pages,
        page_size=manifest.page_size,
        account="",
    )
    stranded: tuple[int, ...] = ()
    if campaign_id == campaigns[-1]:
        # Else the one that carries it on may have them open.
        stranded = tuple(await files.open_pages(store, manifest.pages))
        lines = sum(map(order.lines_of, stranded))
        tally = evolve(tally, taken=tally.taken + lines, uncertain=tally.uncertain + lines)
    state = CampaignState(order=evolve(order, stranded=stranded, ended=tally))
    progress = progress_of(state, [], ended=True, troubles=[], now=now)
    return evolve(progress, forgotten=True)
