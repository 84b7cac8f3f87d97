"""What a batch works on: requests are taken while there is room for them, each becomes an item."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from pika_async._batch.item import Item, OutsideError, cause
from pika_async._batch.results import BatchResult
from pika_async._batch.source import allowed
from pika_async._errors import PikaError
from pika_async._log import source_left_behind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pika_async._batch.board import Board
    from pika_async._batch.record import Record
    from pika_async._jobs.slots import Slots
    from pika_async._request.request import GenerationRequest

# Seconds between two cancellations of the same batch, and how many there are before a source of
# requests that swallows them all is left to itself.
_CANCELLED_AGAIN: Final = 0.5
_CANCELLATIONS: Final = 10
# There are thousands of items: none has a name of its own.
_ITEM: Final = "one request of a pika_async.Batch"


class Feeding:
    """Takes the requests of one batch, and works on them."""

    def __init__(
        self,
        board: Board,
        take: Callable[[], Awaitable[GenerationRequest | str]],
        room: Slots,
        *,
        is_of_known_length: bool,
    ) -> None:
        """Nothing is taken yet.

        Args:
            board: What all parts of the batch know.
            take: Takes the next request; see ``taker``.
            room: A place for each item until its result is taken, which gives it back.
            is_of_known_length: Whether the source ends by itself.
        """
        self._board = board
        self._take = take
        self._is_of_known_length = is_of_known_length
        self._room = room
        self._record: Callable[[int], Record] | None = None
        self.task: asyncio.Task[None] | None = None

    def start(self, record: Callable[[int], Record]) -> None:
        """Begin; ``record`` makes what writes a request down, by its index."""
        self._record = record
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Take requests and work on them until there are none, or one of the caller's own raises.

        A task group of asyncio rather than anyio: with thousands of items in flight the lighter
        one is felt, and nothing in it needs scopes.
        """
        try:
            async with asyncio.TaskGroup() as group:
                await self._feed(group)
        except BaseExceptionGroup as problems:
            self._board.fail(_first(problems))
        except asyncio.CancelledError as error:
            if not self._board.left:
                # The batch has not cancelled itself: this came out of the source of requests.
                self._board.fail(error)
            raise
        finally:
            self._board.results.put_nowait(None)

    async def _feed(self, group: asyncio.TaskGroup) -> None:
        board = self._board
        assert self._record is not None  # noqa: S101 - it was started
        while True:
            if not self._room.take():
                await self._room.wait(self)
            if not board.generating.take():
                await board.generating.wait(self)
            if board.is_beyond_use and not self._is_of_known_length:
                return
            try:
                given = await self._take()
            except StopAsyncIteration:
                return
            except (Exception, KeyboardInterrupt, SystemExit) as error:
                raise OutsideError from error
            if board.has_failed or board.left:
                # The source has swallowed the cancellation.
                raise asyncio.CancelledError
            index = board.counts.taken
            board.counts.taken += 1
            try:
                request = allowed(given, board.jobs.check)
            except PikaError as error:
                board.generating.give_back()
                board.deliver(BatchResult(index=index, request=given, error=error))
            else:
                self._begin(group, Item(board, index, request, self._record(index)), index)

    def _begin(self, group: asyncio.TaskGroup, item: Item, index: int) -> None:
        task = group.create_task(item.run(), name=_ITEM)
        # An eager factory of tasks may have run it to its end.
        if not task.done():
            self._board.items[index] = task

    async def stop(self) -> None:
        """End the items, and the taking of requests as far as their source allows that."""
        assert self.task is not None  # noqa: S101 - it was started
        items = self._board.items
        for _ in range(_CANCELLATIONS):
            # Again and again: a source of requests may swallow a cancellation.
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=_CANCELLED_AGAIN)
            if self.task.done():
                return
            # They are cancelled with the group, which waits for the source.
            for item in items.values():
                item.cancel()
        source_left_behind(_CANCELLATIONS)
        if items:
            await asyncio.wait(items.values())


def _first(problems: BaseExceptionGroup[BaseException]) -> BaseException:
    problem = problems.exceptions[0]
    for another in problems.exceptions[1:]:
        problem.add_note(f"Beside it there was {another.__cause__ or another!r}")
    return cause(problem)
