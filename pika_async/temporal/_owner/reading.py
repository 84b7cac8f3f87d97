"""A campaign as its store has it: no engine is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async.temporal._contents import files
from pika_async.temporal._contents.claims import is_of
from pika_async.temporal._store.store import open_store

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator

    from pika_async.temporal._contents.formats import CampaignResult, Manifest


async def read_manifest(
    store: str | os.PathLike[str], *, campaign_id: str | None = None
) -> Manifest:
    """What was prepared in a store.

    Args:
        store: A folder, or the address of an object store.
        campaign_id: The campaign that is looked for there; None: any.

    Raises:
        ConfigurationError: Nothing was, or the store cannot be opened.
        CampaignError: Other campaigns were started on it, and this one was not.
        StoreError: It cannot be read.
    """
    opened = open_store(store)
    manifest = await files.read_manifest(opened)
    if campaign_id is not None:
        await is_of(opened, campaign_id)
    return manifest


async def read_results(store: str | os.PathLike[str]) -> AsyncIterator[CampaignResult]:
    """What became of each prompt, in order; at most one page is held in memory.

    ``outcome`` is None where its page has not ended yet.

    Raises:
        ConfigurationError: No campaign is prepared there, or the store cannot be opened.
        StoreError: It cannot be read.
    """
    async for result in files.results(open_store(store)):
        yield result
