"""What a worker has read of its campaigns: stores that are open, and pages."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import anyio

from pika_async.temporal._campaign.files import read_manifest, read_page
from pika_async.temporal._store.errors import StoreError
from pika_async.temporal._store.store import open_store

if TYPE_CHECKING:
    from pika_async import GenerationRequest
    from pika_async.temporal._records import Line
    from pika_async.temporal._store.store import Store

MOST: Final = 64
"""Pages that are kept. A page of prompts is some 100 KB."""


class Shelf:
    """Each store is opened once, and a page is read once while it is worked on."""

    def __init__(self) -> None:
        self._stores: dict[str, Store] = {}
        self._pages: OrderedDict[_Name, tuple[GenerationRequest, ...]] = OrderedDict()
        self._reading: dict[_Name, anyio.Lock] = {}

    def store(self, place: str) -> Store:
        """The store there.

        Raises:
            ConfigurationError: It cannot be opened.
        """
        if place not in self._stores:
            self._stores[place] = open_store(place)
        return self._stores[place]

    async def page(self, place: str, digest: str, page: int) -> tuple[GenerationRequest, ...]:
        """The requests of a page; without their checks, which look into files.

        Args:
            place: Where the campaign lies.
            digest: That of its pages.
            page: The page, from 0.

        Raises:
            ConfigurationError: The store cannot be opened.
            StoreError: The page cannot be read, or here are the pages of another campaign.
        """
        name = (place, digest, page)
        lock = self._reading.setdefault(name, anyio.Lock())
        async with lock:
            if name not in self._pages:
                store = self.store(place)
                if (await read_manifest(store)).digest != digest:
                    raise StoreError(_ANOTHER.format(place=store.place), place=store.place)
                self._pages[name] = await read_page(store, page)
            self._pages.move_to_end(name)
            while len(self._pages) > MOST:
                oldest, _ = self._pages.popitem(last=False)
                self._reading.pop(oldest, None)
            return self._pages[name]

    async def request(self, line: Line) -> GenerationRequest:
        """The request of a line."""
        return (await self.page(line.store, line.digest, line.page))[line.place]


_Name = tuple[str, str, int]

_ANOTHER: Final = (
    "In {place} this worker finds the pages of another campaign. Every worker must see the same "
    "folder or object store as whoever started the campaign. Nothing was submitted."
)
