"""Which campaign works on a store: one at a time.

Two would take each other's pages for abandoned ones, and write down as uncertain what the other one
waits for. So each campaign leaves its name in the store, and the next one looks whether the one
before it, and each of its pages, has ended.

A name may stand there of which no campaign ever began here: somebody else has started one of that
name on another store at the same moment, and the engine has refused the one here. Such a name
stands in nobody's way, unless pages were begun here and nobody else can have begun them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async.temporal._contents import files
from pika_async.temporal._contents.formats import BEGUN, SEALED
from pika_async.temporal._engine import CampaignError, is_running, memo_of
from pika_async.temporal._names import PROOF, ids_of_page

if TYPE_CHECKING:
    from temporalio.client import Client

    from pika_async.temporal._store.store import Store


async def claim(
    engine: Client, store: Store, campaign_id: str, pages: int, *, carry_on: bool
) -> None:
    """Note down that this campaign works on the store from now on.

    Raises:
        CampaignError: Another one does, or has done and is not to be carried on, or has left
            nothing to carry on.
        StoreError: The store cannot be used.
    """
    noted = await campaigns_of(store)
    if noted and noted[-1] == campaign_id:
        return
    if noted and carry_on:
        await _check_left(store, pages, noted[-1])
    names = dict.fromkeys(noted)
    earlier = [name for name in names if not await _is_elsewhere(engine, store, name)]
    if not earlier and [page async for page in store.names(BEGUN)]:
        # One did begin here; the engine has forgotten it, and its name was given again elsewhere.
        earlier = list(names)
    if earlier and not carry_on:
        raise CampaignError(
            f"the prompts in {store.place} have been started as the campaign {earlier[-1]}; "
            "nothing was started now. Where that one has ended, its rest can be started under a "
            "new name (carry_on=True, or --carry-on)"
        )
    for other in earlier:
        await _check_ended(engine, store, other, pages)
    if not await store.create(_name(len(noted)), campaign_id.encode()):
        raise CampaignError(
            f"another campaign on {store.place} is being started at this moment; nothing was "
            "started now"
        )


async def campaigns_of(store: Store) -> list[str]:
    """The campaigns that have been started on a store, the last one last.

    Raises:
        StoreError: The store cannot be used.
    """
    names: list[str] = []
    while (note := await store.read(_name(len(names)))) is not None:
        names.append(note.decode(errors="replace"))
    return names


async def is_of(store: Store, campaign_id: str) -> bool:
    """Whether this campaign was started on a store; False: none was, as far as the store tells.

    Raises:
        CampaignError: Others were, and this one was not.
        StoreError: The store cannot be used.
    """
    names = await campaigns_of(store)
    if names and campaign_id not in names:
        others = " and ".join(dict.fromkeys(names))
        raise CampaignError(
            f"the store {store.place} is of the campaign {others}, not of {campaign_id}; nothing "
            f"was changed. Say the store that {campaign_id} was started with"
        )
    return bool(names)


def _name(number: int) -> str:
    return f"started-{number + 1}.txt" if number else "started.txt"


async def _check_left(store: Store, pages: int, earlier: str) -> None:
    ended = [page async for page in store.names(SEALED)]
    if len(ended) >= pages:
        raise CampaignError(
            f"every page in {store.place} has ended, so nothing is left to start; nothing was "
            "started now. Prompts that were never sent, as since the campaign was stopped, are "
            f"submitted by: pika-async campaign resolve {earlier} --all submit "
            "(Campaign.resolve_all)"
        )


async def _is_elsewhere(engine: Client, store: Store, name: str) -> bool:
    """Whether the campaign of that name works on another store, so that none began here."""
    proof = await memo_of(engine, name, PROOF)
    if proof is None:
        # The engine knows none, or one of an earlier version, which may be the one that began here.
        return False
    return proof != (await files.read_manifest(store)).proof(name)


async def _check_ended(engine: Client, store: Store, other: str, pages: int) -> None:
    if await is_running(engine, other):
        raise CampaignError(
            f"the campaign {other} on {store.place} has not ended yet; nothing was started now"
        )
    # Where it was terminated, its pages wait on for what is paid for.
    for page in await files.open_pages(store, pages):
        for name in ids_of_page(other, page):
            if await is_running(engine, name):
                raise CampaignError(
                    f"page {page} of the campaign {other} on {store.place} still waits for jobs "
                    "that are paid for; nothing was started now. Start it when that page has ended"
                )
