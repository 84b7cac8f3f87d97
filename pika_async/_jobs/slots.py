"""How many may go at once, and who waits in line: jobs of a client, items of a batch, POSTs."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Self

from pika_async._errors import ClientStateError
from pika_async._timing import end_of_sleep


class Slots:
    """So many may go at once; the others wait in line, first come first served."""

    __slots__ = ("_free", "_line")

    def __init__(self, limit: int | None) -> None:
        """``limit``: None for no bound."""
        self._free = limit
        # First come first served. A dict, so that each can leave from the middle at once.
        self._line: OrderedDict[object, asyncio.Future[None]] = OrderedDict()

    def take(self) -> bool:
        """Go at once; False where there is a line to wait in."""
        if self._free is None:
            return True
        if self._free:
            self._free -= 1
            return True
        return False

    async def wait(self, whom: object) -> None:
        """Wait in line; ``whom``: any object, which stands for one place in the line."""
        turn = self._line[whom] = asyncio.get_running_loop().create_future()
        try:
            await turn
        except BaseException:
            if self._line.pop(whom, None) is None:
                # Its turn came with the cancellation.
                self.give_back()
            raise

    def give_back(self) -> None:
        """Let the next one go."""
        if self._free is None:
            return
        if self._line:
            _, turn = self._line.popitem(last=False)
            # If it was cancelled and has yet to notice, it gives its turn back itself.
            end_of_sleep(turn)
        else:
            self._free += 1

    def ahead_of(self, whom: object) -> int | None:
        """How many go before it; None where it does not wait."""
        return next((ahead for ahead, waiting in enumerate(self._line) if waiting is whom), None)


class Slot:
    """One of a client's ``max_in_flight``, made by ``client.slot``. Entering it waits for its turn.

    Inside, submit and wait for one job; ``generate`` and batches take slots of their own.
    """

    __slots__ = ("_slots", "_used")

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._used = False

    @property
    def position(self) -> int | None:
        """While it waits: how many go before it. None before, and when its turn has come."""
        return self._slots.ahead_of(self)

    async def __aenter__(self) -> Self:
        if self._used:
            raise ClientStateError("this slot has been entered before; ask the client for another")
        self._used = True
        if not self._slots.take():
            await self._slots.wait(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._slots.give_back()
