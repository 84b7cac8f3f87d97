"""Pages that were ended by hand, whose outcomes nobody will ever write down: read off histories.

A page is begun once, and the one that takes its place submits nothing. So of a page that was begun,
has no seal, and has nobody who works on it any more, all is known that will ever be known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async.temporal._contents import files
from pika_async.temporal._contents.claims import campaigns_of
from pika_async.temporal._contents.discreet import spelled_out
from pika_async.temporal._engine import is_known, is_running
from pika_async.temporal._names import ids_of_page
from pika_async.temporal._outcomes import Outcome, Uncertain, Why
from pika_async.temporal._repairs.owners import told_of_pages

if TYPE_CHECKING:
    from temporalio.client import Client

    from pika_async.temporal._contents.formats import Manifest
    from pika_async.temporal._store.store import Store


async def outcomes_of_stranded(
    engine: Client, store: Store, manifest: Manifest, page: int
) -> tuple[Outcome, ...] | None:
    """What the lines of a page without a seal have come to; None where it may get one yet.

    A job that has ended has its outcome. All others are uncertain; ``Campaign.known_jobs`` names
    their jobs, where the engine still does.

    Raises:
        CampaignError: The engine cannot be asked.
        StoreError: The store cannot be used.
    """
    if not await files.is_begun(store, page):
        return None
    for campaign in dict.fromkeys(await campaigns_of(store)):
        if await _goes_on(engine, campaign, page):
            return None
    told = await told_of_pages(engine, store, [page])
    requests = await files.read_page(store, page, manifest)
    lost = Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)
    return tuple(
        spelled_out(told.ended.get(index, lost), page, index, request.prompt)
        for index, request in zip(manifest.indexes(page), requests, strict=True)
    )


async def _goes_on(engine: Client, campaign: str, page: int) -> bool:
    """Whether a campaign works on a page, or will."""
    first, again = ids_of_page(campaign, page)
    if await is_running(engine, first) or await is_running(engine, again):
        return True
    # It begins another run of the page once, as soon as it is told that the first has ended.
    return await is_running(engine, campaign) and not await is_known(engine, again)
