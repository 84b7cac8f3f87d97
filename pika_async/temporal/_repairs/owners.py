"""Which line of a campaign a job belongs to: one job is never counted for two.

The outcomes of sealed pages name their jobs, and so do the histories of pages that are open.
Repairs come afterwards, and each leaves a note by its job: create-only, so that of two decisions at
the same moment one is told of the other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pika_async._json import compact
from pika_async.temporal._contents import files
from pika_async.temporal._contents.claims import campaigns_of
from pika_async.temporal._contents.damage import damaged
from pika_async.temporal._contents.formats import job_name, sealed_name
from pika_async.temporal._engine import is_running
from pika_async.temporal._names import ids_of_page
from pika_async.temporal._outcomes import Declined, Finished
from pika_async.temporal._repairs.paid import PageTold, told_of_page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from temporalio.client import Client

    from pika_async.temporal._contents.formats import Manifest
    from pika_async.temporal._outcomes import Dropped, Outcome
    from pika_async.temporal._store.store import Store

ADOPTED: Final = "adopted"
SUBMITTED: Final = "submitted"

_NOTE: Final = re.compile(r"(\d{1,9}) (\w+) (\d{1,3}) (\d{1,6})")


@frozen(kw_only=True)
class Note:
    """What a repair leaves by its job.

    Attributes:
        index: The line.
        how: Whether its owner has named the job, or the repair has submitted it.
        repair: Which repair of the line it is, from 1.
        tries: Which try of that repair, from 1: a try may be ended by hand.
    """

    index: int
    how: str
    repair: int
    tries: int


@frozen
class Noted:
    """The last note by a job, and its number, from 1."""

    note: Note
    number: int


async def note_of(store: Store, job_id: str) -> Noted | None:
    """The last note by a job; None where there is none.

    Raises:
        StoreError: It is damaged, or the store cannot be used.
    """
    notes = await notes_of(store, job_id)
    return Noted(notes[-1], len(notes)) if notes else None


async def notes_of(store: Store, job_id: str) -> list[Note]:
    """All notes by a job, the last one last.

    Raises:
        StoreError: One is damaged, or the store cannot be used.
    """
    notes: list[Note] = []
    while True:
        name = job_name(job_id, len(notes) + 1)
        content = await store.read(name)
        if content is None:
            return notes
        found = _NOTE.fullmatch(content.decode(errors="replace"))
        if found is None:
            raise damaged(store, name, "it names no line")
        notes.append(
            Note(index=int(found[1]), how=found[2], repair=int(found[3]), tries=int(found[4]))
        )


async def take_note(store: Store, job_id: str, note: Note, *, after: Noted | None = None) -> bool:
    """Note down whose job it is; False where another note came in between."""
    name = job_name(job_id, 1 if after is None else after.number + 1)
    content = f"{note.index} {note.how} {note.repair} {note.tries}"
    return await store.create(name, content.encode())


def job_of(outcome: Outcome | Dropped | None) -> str | None:
    """The job that an outcome names."""
    return outcome.job_id if isinstance(outcome, Finished | Declined) else None


async def lines_in_pages(
    engine: Client, store: Store, manifest: Manifest, job_ids: Iterable[str]
) -> dict[str, set[int]]:
    """The lines that pages have these jobs for, before any repair: each page is read once.

    Raises:
        StoreError: The store cannot be used.
        CampaignError: The engine cannot be asked for open pages.
    """
    found: dict[str, set[int]] = {job_id: set() for job_id in job_ids}
    spelled = {job_id: compact(job_id).encode() for job_id in found}
    for page in range(manifest.pages):
        content = await store.read(sealed_name(page)) or b""
        # Most pages hold none of them, and are not even parsed.
        if not any(one in content for one in spelled.values()):
            continue
        outcomes = await files.read_sealed(store, page, manifest) or ()
        for index, outcome in zip(manifest.indexes(page), outcomes, strict=True):
            if (job_id := job_of(outcome)) is not None and job_id in found:
                found[job_id].add(index)
    # Those that open pages wait for.
    open_pages = await files.open_pages(store, manifest.pages)
    for index, job in (await told_of_pages(engine, store, open_pages, running=True)).jobs.items():
        if job.job_id in found:
            found[job.job_id].add(index)
    return found


async def told_of_pages(
    engine: Client, store: Store, pages: Iterable[int], *, running: bool = False
) -> PageTold:
    """What the histories of these pages tell, however a page has ended.

    Args:
        engine: A client of the engine.
        store: Where the campaign lies.
        pages: Their numbers, from 0.
        running: Only of those that are under way.

    Raises:
        StoreError: The store cannot be used.
        CampaignError: The engine cannot be asked.
    """
    told, several = PageTold(), tuple(pages)
    if not several:
        return told
    for campaign in dict.fromkeys(await campaigns_of(store)):
        for page in several:
            for name in ids_of_page(campaign, page):
                if not running or await is_running(engine, name):
                    told |= await told_of_page(engine, name)
    return told
