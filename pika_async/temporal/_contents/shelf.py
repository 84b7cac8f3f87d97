"""What a worker has read of its campaigns: stores that are open, and pages."""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import anyio
import attrs

from pika_async import ConfigurationError
from pika_async._request.parts import has_files
from pika_async.temporal._contents.claims import campaigns_of
from pika_async.temporal._contents.files import (
    is_for,
    read_digests,
    read_line,
    read_manifest,
    read_placed_page,
)
from pika_async.temporal._records import Line
from pika_async.temporal._store.errors import StoreError
from pika_async.temporal._store.store import open_store

if TYPE_CHECKING:
    from pika_async import GenerationRequest
    from pika_async.temporal._contents.formats import Manifest
    from pika_async.temporal._records import Requested
    from pika_async.temporal._store.store import Store

MOST_BYTES: Final = 128_000_000
"""Of pages that are kept in memory. A page of prompts takes some 300 KB, one that is full of
images 64 MB."""

_AT_ONCE: Final = 2
"""Pages that are read at once: while it is read, a page takes three times its size."""
_MOST_PLACES: Final = 5_000
"""Pages of which it is known where their lines lie: 4 KB each."""
_OF_A_REQUEST: Final = 700
"""Bytes that a request takes beside its texts."""


class Shelf:
    """Each store is opened once, and a page is read once while it is worked on.

    Where there is no room for all that are worked on, the lines of those that were put away are
    read one by one: not each whole page for each of its lines.
    """

    def __init__(self, service: str = "") -> None:
        """Keep nothing yet; ``service``: the dialect of the worker; empty: it is not looked at."""
        self._service = service
        self._stores: dict[str, Store] = {}
        self._pages: OrderedDict[_Name, tuple[GenerationRequest, ...]] = OrderedDict()
        self._sizes: dict[_Name, int] = {}
        self.size = 0
        """Bytes that its pages take in memory, about."""
        self._locks: dict[_Name, anyio.Lock] = {}
        self._places: dict[_Name, Sequence[int]] = {}
        self._reading = asyncio.Semaphore(_AT_ONCE)

    def store(self, place: str) -> Store:
        """The store there.

        Raises:
            ConfigurationError: It cannot be opened.
        """
        if place not in self._stores:
            self._stores[place] = open_store(place)
        return self._stores[place]

    async def page(self, place: str, digest: str, page: int) -> tuple[GenerationRequest, ...]:
        """The requests of a page; they were checked when they were prepared.

        Args:
            place: Where the campaign lies.
            digest: The proof that this is the place; see ``Manifest.proof``.
            page: The page, from 0.

        Raises:
            ConfigurationError: The store cannot be opened, or the prompts are for another service.
            StoreError: The page cannot be read, or the campaign was started on another store.
        """
        name = (place, digest, page)
        async with self._locks.setdefault(name, anyio.Lock()):
            found = self._pages.get(name)
            if found is None:
                async with self._reading:
                    found = await self._read(*name)
                self._pages[name] = found
                self._sizes[name] = sum(map(_size, found))
                self.size += self._sizes[name]
            self._pages.move_to_end(name)
            self._make_room()
            return found

    async def _read(self, place: str, digest: str, page: int) -> tuple[GenerationRequest, ...]:
        manifest = await self.manifest(place, digest)
        if self._service and not is_for(manifest.service, self._service):
            told = _OTHER_SERVICE.format(theirs=manifest.service, ours=self._service)
            raise ConfigurationError(told, setting="dialect")
        found, places = await read_placed_page(self.store(place), page, manifest)
        self._places[place, digest, page] = places
        if len(self._places) > _MOST_PLACES:
            del self._places[next(iter(self._places))]
        return found

    async def manifest(self, place: str, digest: str) -> Manifest:
        """What was prepared there, where that is the store of the campaign.

        Raises:
            ConfigurationError: The store cannot be opened.
            StoreError: It cannot be read, or the campaign was started on another store.
        """
        store = self.store(place)
        try:
            manifest = await read_manifest(store)
        except ConfigurationError as error:
            raise StoreError(f"{error}. {_THE_SAME}", place=store.place) from error
        proofs = {manifest.proof(campaign) for campaign in await campaigns_of(store)}
        # Earlier versions tell the digest of the pages alone.
        if digest not in (manifest.digest, *proofs):
            raise StoreError(_ANOTHER.format(place=store.place), place=store.place)
        return manifest

    def _make_room(self) -> None:
        # The last one is in use, however large it is.
        while len(self._pages) > 1 and self.size > MOST_BYTES:
            oldest, _ = self._pages.popitem(last=False)
            self.size -= self._sizes.pop(oldest)
            self._locks.pop(oldest, None)

    async def request(self, line: Line) -> GenerationRequest:
        """The request of a line, which is read alone where its page was put away.

        Raises:
            ConfigurationError: As of :meth:`page`.
            StoreError: As of :meth:`page`.
        """
        name = (line.store, line.digest, line.page)
        places = self._places.get(name)
        if name in self._pages or places is None:
            return (await self.page(*name))[line.place]
        start, end = places[line.place : line.place + 2]
        try:
            return await read_line(self.store(line.store), line.page, start, end)
        except StoreError:
            # Not every service reads a part; what is wrong with the page is told by its reading.
            return (await self.page(*name))[line.place]

    async def requested(self, requested: Requested) -> GenerationRequest:
        """The same, where it may be no line but the request itself."""
        return await self.request(requested) if isinstance(requested, Line) else requested

    async def digests(
        self, requested: Requested, request: GenerationRequest
    ) -> tuple[str | None, ...]:
        """What its files held when it was prepared, in the order of its media.

        Empty where it has no files, or is of no campaign; None for what nobody has noted, as with
        an earlier version.

        Raises:
            ConfigurationError: The store cannot be opened.
            StoreError: The page is gone or damaged, or the store cannot be used.
        """
        if not isinstance(requested, Line) or not has_files(request):
            return ()
        places = self._places.get((requested.store, requested.digest, requested.page))
        store = self.store(requested.store)
        return await read_digests(store, requested.page, requested.place, places)


def _size(request: GenerationRequest) -> int:
    return _OF_A_REQUEST + sum(
        _size_of(getattr(request, field.name)) for field in attrs.fields(type(request))
    )


def _size_of(value: Any) -> int:
    match value:
        case str():
            return sys.getsizeof(value)
        case list() | tuple():
            return sum(map(_size_of, value))
        case Mapping():
            return sum(_size_of(key) + _size_of(inner) for key, inner in value.items())
        case _:
            return 0


_Name = tuple[str, str, int]

_THE_SAME: Final = (
    "Every worker must see the same folder or object store as whoever started the campaign. "
    "Nothing was submitted."
)
_ANOTHER: Final = (
    "In {place} this worker finds another folder of that name than the one where the campaign was "
    "started: the pages of another campaign, the same prompts prepared a second time, or a copy. "
    + _THE_SAME
)
_OTHER_SERVICE: Final = (
    "The prompts were prepared for the service {theirs}, and this worker works for {ours}: nothing "
    "was submitted here. Run a worker with --service {theirs} (dialect=), and none of another "
    "service on the same queue"
)
