"""A campaign that the engine has forgotten: what its store alone tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pika_async.temporal._contents import files
from pika_async.temporal._contents.allowances import Allowed, allowed_of
from pika_async.temporal._contents.claims import campaigns_of, is_of
from pika_async.temporal._limits.purse import Cost
from pika_async.temporal._messages.campaigns import CampaignOrder, CampaignState
from pika_async.temporal._messages.pages import Tally, tally_of

if TYPE_CHECKING:
    from pika_async import Money
    from pika_async.temporal._contents.formats import Manifest
    from pika_async.temporal._store.store import Store


async def remembered(store: Store, campaign_id: str) -> CampaignState | None:
    """Where it stood; None where no campaign was started on the store.

    Raises:
        CampaignError: The store is of another campaign.
        ConfigurationError: Nothing was prepared there.
        StoreError: The store cannot be read.
    """
    manifest = await files.read_manifest(store)
    if not await is_of(store, campaign_id):
        return None
    noted = await allowed_of(store, campaign_id)
    return await _state(store, manifest, noted or Allowed(campaign=campaign_id))


async def books_of(store: Store, campaign_id: str) -> CampaignState | None:
    """What it may spend and has spent; None where an earlier version has noted nothing of it.

    Raises:
        StoreError: The store cannot be read.
    """
    noted = await allowed_of(store, campaign_id)
    if noted is None:
        return None
    return await _state(store, await files.read_manifest(store), noted)


async def _state(store: Store, manifest: Manifest, noted: Allowed) -> CampaignState:
    """What the pages that are sealed have come to, at the price that was noted.

    Lines of pages that were begun and never sealed are uncertain, and count as spent.
    """
    order = CampaignOrder(
        store=store.place,
        digest=manifest.digest,
        prompts=manifest.prompts,
        pages=manifest.pages,
        page_size=manifest.page_size,
        account="",
        budget=noted.budget,
        price=noted.price,
    )
    tally = Tally()
    for page in range(manifest.pages):
        sealed = await files.read_sealed(store, page, manifest)
        if sealed is not None:
            tally += tally_of(sealed, noted.price)
    stranded: tuple[int, ...] = ()
    if noted.campaign == (await campaigns_of(store))[-1]:
        # Else the one that carries it on may have them open.
        stranded = tuple(await files.open_pages(store, manifest.pages))
        lines = sum(map(order.lines_of, stranded))
        lost = Cost(estimated=None if noted.price is None else lines * noted.price)
        tally += Tally(taken=lines, uncertain=lines, cost=lost if lines else Cost())
    return CampaignState(
        order=evolve(order, stranded=stranded, ended=tally, spent=_spent(tally, noted.price))
    )


def _spent(tally: Tally, price: Money | None) -> int:
    """In millionths: what was charged, what was estimated, and what was lost without a price."""
    total = tally.cost.total
    if total is None:
        return 0
    known = tally.succeeded + tally.failed
    if price is not None or not known:
        return total.micros
    # The service has told prices; what is uncertain may have cost as much as the rest on average.
    return total.micros - (-total.micros // known) * tally.uncertain
