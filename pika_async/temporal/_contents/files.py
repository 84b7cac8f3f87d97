"""What lies in the store of a campaign: written once, read from any machine."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs

from pika_async._checks import FieldError, checked_bound
from pika_async._errors import ConfigurationError
from pika_async.temporal._contents.damage import as_damage, damaged, gone
from pika_async.temporal._contents.digests import first_exchanged, noted_in, without
from pika_async.temporal._contents.formats import (
    BEGUN,
    FORMAT,
    MANIFEST,
    PAGE_SIZE,
    SEALED,
    CampaignResult,
    Manifest,
    begun_name,
    line_places,
    manifest_bytes,
    outcome_lines,
    page_name,
    read_manifest_bytes,
    read_outcomes,
    read_requests,
    sealed_name,
)
from pika_async.temporal._contents.lines import Lines
from pika_async.temporal._contents.repairs import repairs
from pika_async.temporal._store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pika_async._batch.source import Requests
    from pika_async._request.request import GenerationRequest
    from pika_async.temporal._outcomes import Outcome
    from pika_async.temporal._store.store import Store

_LONGEST_NOTE: Final = 200
# A history that is full is ended by the engine, and a page is one history.
_UP_TO: Final = f" to {PAGE_SIZE}"


async def write_pages(
    store: Store, requests: Requests, *, page_size: int = PAGE_SIZE, service: str = ""
) -> Manifest:
    """Write the requests into pages; begun again with the same, it goes on or changes nothing.

    One page is in memory at a time. Paths of media are made absolute; every worker must find the
    same files there, with the content that they have now.

    Args:
        store: Where.
        requests: Requests and prompts.
        page_size: Requests in a page.
        service: The dialect that they are for, whose workers alone submit them; empty: any. What
            was prepared without stays without: its manifest tells.

    Raises:
        ConfigurationError: There is another campaign in the store, or the same with other files.
        FieldError: A request is not allowed, holds bytes, names a file that cannot be read or
            is no image or video, or is too large for a page.
        ValueError: There is no request at all.
        StoreError: The store cannot be used.
    """
    if checked_bound("page_size", page_size, _UP_TO) > PAGE_SIZE:
        raise FieldError("page_size", page_size, f"a whole number from 1{_UP_TO}")
    source = Lines(requests)
    known = await _manifest(store)
    if known is not None and known.page_size != page_size:
        raise _another(store, f"its pages have {known.page_size} requests, and not {page_size}")
    if known is not None:
        _check_service(store, known, service)
    digest, prompts, pages = hashlib.sha256(), 0, 0
    while lines := await source.of_page(pages, prompts, page_size):
        content = b"".join(lines)
        if known is not None and pages >= known.pages:
            raise _another(store, f"it has {known.prompts} requests, and here are more")
        digest.update(await _written(store, pages, content, is_known=known is not None))
        prompts += len(lines)
        pages += 1
        if len(lines) < page_size:
            break
    if not prompts:
        raise ValueError("requests: there are none; a campaign has at least one")
    manifest = Manifest(
        prompts=prompts,
        pages=pages,
        page_size=page_size,
        digest=digest.hexdigest(),
        id=secrets.token_hex(8) if known is None else known.id,
        service=service if known is None else known.service,
    )
    if known is None and not await store.create(MANIFEST, manifest_bytes(manifest)):
        # Somebody has prepared it at the same moment.
        known = await read_manifest(store)
        _check_service(store, known, service)
        manifest = attrs.evolve(manifest, id=known.id, service=known.service)
    if known not in (None, manifest):
        raise _another(store, f"it has {known.prompts} requests, and here are {prompts}")
    return manifest


def is_for(bound: str, service: str) -> bool:
    """Whether prompts that were bound to a service, or to none ("" then), are for this one."""
    return not bound or bound.casefold() == service.casefold()


def _check_service(store: Store, known: Manifest, service: str) -> None:
    if service and not is_for(known.service, service):
        raise _another(store, f"it is for the service {known.service}, and not for {service}")


async def _written(store: Store, page: int, content: bytes, *, is_known: bool) -> bytes:
    """Write a page, unless it is there; returns what lies there, as whoever wrote it had it."""
    name = page_name(page)
    if not is_known and await store.create(name, content):
        return content
    there = await store.read(name)
    if there is None:
        raise gone(store, name)
    if there == content:
        return there
    # An earlier version has noted down no digests.
    if there == without(content):
        return there
    if (exchanged := first_exchanged(there, content)) is not None:
        raise _another(store, f"{exchanged!r} holds something else than when it was prepared")
    raise _another(store, f"its page {page} has other requests, or a page_size of its own")


def _another(store: Store, how: str) -> ConfigurationError:
    return ConfigurationError(
        f"there is another campaign in {store.place}: {how}. Nothing of it was changed; take "
        "another folder",
        setting="store",
    )


async def read_manifest(store: Store) -> Manifest:
    """What was prepared.

    Raises:
        ConfigurationError: Nothing was, or by a newer version.
        StoreError: The store cannot be used, or the manifest is damaged.
    """
    manifest = await _manifest(store)
    if manifest is None:
        raise ConfigurationError(
            f"no campaign is prepared in {store.place}: prepare it first", setting="store"
        )
    return manifest


async def _manifest(store: Store) -> Manifest | None:
    content = await store.read(MANIFEST)
    if content is None:
        return None
    with as_damage(store, MANIFEST):
        manifest = read_manifest_bytes(content)
    if manifest.format > FORMAT:
        raise ConfigurationError(
            f"the campaign in {store.place} has the format {manifest.format}, and this version of "
            f"pika-async knows {FORMAT}: use the version that prepared it, or a newer one",
            setting="store",
        )
    return manifest


async def read_page(
    store: Store, page: int, manifest: Manifest | None = None
) -> tuple[GenerationRequest, ...]:
    """The requests of a page; they were checked when they were prepared.

    Args:
        store: Where.
        page: The page.
        manifest: What was prepared, for whoever has read it already.

    Raises:
        ConfigurationError: No campaign is prepared.
        StoreError: The page is gone or damaged, or the store cannot be used.
    """
    requests, _ = await read_placed_page(store, page, manifest or await read_manifest(store))
    return requests


async def read_placed_page(
    store: Store, page: int, manifest: Manifest
) -> tuple[tuple[GenerationRequest, ...], Sequence[int]]:
    """The same, with the byte where each line begins, and where the last one ends.

    Raises:
        StoreError: As of :func:`read_page`.
    """
    name = page_name(page)
    with as_damage(store, name):
        count = len(manifest.indexes(page))
    content = await store.read(name)
    if content is None:
        raise gone(store, name)
    with as_damage(store, name):
        return read_requests(content, count), line_places(content)


async def read_line(store: Store, page: int, start: int, end: int) -> GenerationRequest:
    """One request of a page, whose line lies there.

    Raises:
        StoreError: The page is gone or damaged, or the store cannot be used.
    """
    name = page_name(page)
    content = await store.read_part(name, start, end - start)
    if content is None:
        raise gone(store, name)
    with as_damage(store, name):
        (request,) = read_requests(content, 1)
    return request


async def read_digests(
    store: Store, page: int, place: int, places: Sequence[int] | None
) -> tuple[str | None, ...]:
    """What is noted of the media of a request; None for what nothing is noted of.

    Args:
        store: Where.
        page: The page.
        place: The line in it, from 0.
        places: Where the lines of the page lie, as of :func:`read_placed_page`, if that is known.

    Raises:
        StoreError: The page is gone or damaged, or the store cannot be used.
    """
    name = page_name(page)
    line: bytes | None = None
    if places is not None:
        start, end = places[place : place + 2]
        # Not every service reads a part; what is wrong with the page is told by its reading.
        with suppress(StoreError):
            line = await store.read_part(name, start, end - start)
    if line is None:
        content = await store.read(name)
        if content is None:
            raise gone(store, name)
        line = content.split(b"\n")[place]
    with as_damage(store, name):
        return noted_in(line)


async def begin(store: Store, page: int, run_id: str) -> bool:
    """Note which run submits a page.

    Returns:
        True where it is this run, the second time too; False where it is another.

    Raises:
        StoreError: The store cannot be used, or the note is damaged.
    """
    name, note = begun_name(page), run_id.encode()
    if not note:
        raise ValueError("run_id: it is empty")
    if await store.create(name, note):
        return True
    there = await store.read(name)
    if not there or len(there) > _LONGEST_NOTE:
        raise damaged(store, name, "it names no run")
    return there == note


async def is_begun(store: Store, page: int) -> bool:
    """Whether a run has begun to submit a page.

    Raises:
        StoreError: The store cannot be used.
    """
    return await store.read(begun_name(page)) is not None


async def open_pages(store: Store, pages: int) -> list[int]:
    """The pages that a run has begun and not sealed, of so many.

    Raises:
        StoreError: The store cannot be used.
    """
    begun = {name async for name in store.names(BEGUN)}
    sealed = {name async for name in store.names(SEALED)}
    return [
        page
        for page in range(pages)
        if begun_name(page) in begun and sealed_name(page) not in sealed
    ]


async def read_sealed(
    store: Store, page: int, manifest: Manifest | None = None
) -> tuple[Outcome, ...] | None:
    """The outcomes of a page; None where it is not sealed.

    Args:
        store: Where.
        page: The page.
        manifest: What was prepared, for whoever has read it already.

    Raises:
        ConfigurationError: No campaign is prepared.
        StoreError: They are damaged or of a newer version, or the store cannot be used.
    """
    manifest = manifest or await read_manifest(store)
    name = sealed_name(page)
    content = await store.read(name)
    if content is None:
        return None
    with as_damage(store, name):
        return read_outcomes(content, manifest.indexes(page))


async def seal(store: Store, page: int, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """Write down the outcomes of a page, once.

    Args:
        store: Where.
        page: The page.
        outcomes: One for each of its requests, in their order.

    Returns:
        The outcomes that are sealed: those of an earlier call stay.

    Raises:
        ConfigurationError: No campaign is prepared.
        ValueError: There are not as many outcomes as requests.
        StoreError: The store cannot be used, or what is sealed is damaged.
    """
    manifest = await read_manifest(store)
    content = outcome_lines(manifest.indexes(page), outcomes)
    if await store.create(sealed_name(page), content):
        return tuple(outcomes)
    sealed = await read_sealed(store, page, manifest)
    if sealed is None:
        raise gone(store, sealed_name(page))
    return sealed


async def results(store: Store) -> AsyncIterator[CampaignResult]:
    """Every request with what became of it, in order; one page is in memory at a time.

    Raises:
        ConfigurationError: No campaign is prepared.
        StoreError: Something is gone, damaged or of a newer version, or the store cannot be used.
    """
    manifest = await read_manifest(store)
    mended = await repairs(store)
    for page in range(manifest.pages):
        requests = await read_page(store, page, manifest)
        sealed = await read_sealed(store, page, manifest) or (None,) * len(requests)
        for index, request, outcome in zip(manifest.indexes(page), requests, sealed, strict=True):
            last = mended[index][-1] if index in mended else outcome
            yield CampaignResult(index=index, request=request, outcome=last)
