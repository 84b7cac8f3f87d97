"""What a job will cost, what it did cost, and what is left, where the service says so."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Final

from pika_async._errors import PikaError
from pika_async._request.fingerprint import fingerprint
from pika_async._wire.upload import shared
from pika_async.dialects import Handle, Quotes, SettlesLate, TellsBalance

if TYPE_CHECKING:
    from pika_async._money import Money
    from pika_async._request.request import GenerationRequest
    from pika_async._wire.api import API

_REMEMBERED: Final = 10_000


class Costs:
    """Quotes, charges and balances of one client. Equal requests are asked about once."""

    def __init__(self, api: API) -> None:
        self._api = api
        dialect = api.dialect
        self._quotes = dialect if isinstance(dialect, Quotes) else None
        self._settles = dialect if isinstance(dialect, SettlesLate) else None
        self._tells = dialect if isinstance(dialect, TellsBalance) else None
        self._known: OrderedDict[str, asyncio.Task[Money | None]] = OrderedDict()

    @property
    def can_quote(self) -> bool:
        """Whether the service says what a job will cost."""
        return self._quotes is not None

    async def quote(self, request: GenerationRequest) -> Money | None:
        """What ``request`` will cost, its files read or stood in for; None: not told.

        Raises:
            PikaError: The service could not be asked.
        """
        dialect = self._quotes
        if dialect is None:
            return None
        name = fingerprint(request)
        task = self._known.get(name)
        if task is None:
            conversation = dialect.quote(self._api.endpoint, request)
            task = self._known[name] = asyncio.create_task(self._api.ask(conversation))
            task.add_done_callback(partial(self._done, name))
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        # A caller that leaves must not take the answer away from the others.
        return await shared(task)

    def _done(self, name: str, task: asyncio.Task[Money | None]) -> None:
        # To look at the exception also keeps asyncio from logging it where every caller has left.
        if (task.cancelled() or task.exception() is not None) and self._known.get(name) is task:
            del self._known[name]

    @property
    def settles_late(self) -> bool:
        """Whether the service may say what a job cost only some time after its end."""
        return self._settles is not None

    async def charge(self, job_id: str) -> Money | None:
        """What an ended job cost; None: not told, not yet, or the service could not be asked."""
        if self._settles is None:
            return None
        try:
            handle = Handle(job_id)
            return await self._api.converse(self._settles.charge(self._api.endpoint, handle))
        except PikaError:
            return None

    async def balance(self) -> Money | None:
        """What is left in the account; None: not told.

        Raises:
            PikaError: The service could not be asked.
        """
        if self._tells is None:
            return None
        return await self._api.ask(self._tells.balance(self._api.endpoint))

    async def close(self) -> None:
        """Call off what is still asked."""
        tasks = [task for task in self._known.values() if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
