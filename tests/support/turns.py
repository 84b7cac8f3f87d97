"""An event loop that counts its turns, and does something at a chosen one."""

from __future__ import annotations

import asyncio
import gc
import itertools
import selectors
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


class _Counting(selectors.DefaultSelector):
    """Asked once a turn."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0
        self.at: dict[int, Callable[[], object]] = {}

    def select(self, timeout: float | None = None) -> Any:
        self.turns += 1
        if (act := self.at.pop(self.turns, None)) is not None:
            act()
            timeout = 0
        return super().select(timeout)


@define(eq=False)
class Stage:
    """Where a piece of work is run again and again, and cancelled at one turn after the other."""

    _selector: _Counting = field(factory=_Counting)
    complaints: list[str] = field(factory=list)
    """What nobody retrieved."""

    @property
    def turns(self) -> Iterator[int]:
        """One after the other."""
        return itertools.count(1)

    def loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(self._selector)
        loop.set_exception_handler(self._complain)
        return loop

    def _complain(self, _: object, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context['message']}: {context.get('exception')!r}")

    async def cancelled_at(
        self, turns: list[int], work: Callable[[], Awaitable[object]], *, scoped: bool = False
    ) -> bool:
        """Cancel the work after so many turns of the loop; False where it has ended before.

        Args:
            turns: When, one after the other.
            work: What is cancelled.
            scoped: By a cancel scope around it, which goes on cancelling; else by its task.
        """
        scope = anyio.CancelScope()

        async def in_scope() -> None:
            with scope:
                await work()

        task = asyncio.ensure_future(in_scope() if scoped else work())
        cancel = scope.cancel if scoped else task.cancel
        came_too_late = await self._wait(task, turns, cancel)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
        return not came_too_late

    async def _wait(
        self, task: asyncio.Future[object], turns: list[int], cancel: Callable[[], object]
    ) -> bool:
        now = self._selector.turns
        self._selector.at = {now + turn: cancel for turn in turns}
        await asyncio.wait({task})
        came_too_late = now + turns[0] in self._selector.at
        self._selector.at = {}
        return came_too_late

    def collected(self) -> list[str]:
        """The complaints, after what nobody holds is gone."""
        gc.collect()
        return self.complaints


class EagerStage(Stage):
    """The same with tasks that begin to run where they are made."""

    def loop(self) -> asyncio.AbstractEventLoop:
        loop = super().loop()
        loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        return loop


class ForeignStage(Stage):
    """The same on a loop of another make, whose turns are counted by going round with it.

    It never rests then, and so has many more turns, of which some are tried.
    """

    @property
    def turns(self) -> Iterator[int]:
        return itertools.accumulate(itertools.repeat(1), lambda turn, _: turn + 1 + turn // 12)

    def loop(self) -> asyncio.AbstractEventLoop:
        import uvloop  # noqa: PLC0415 - where it is installed

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        loop.set_exception_handler(self._complain)
        return loop

    async def _wait(
        self, task: asyncio.Future[object], turns: list[int], cancel: Callable[[], object]
    ) -> bool:
        came_too_late = False
        for turn in range(1, turns[-1] + 1):
            await anyio.lowlevel.checkpoint()
            if turn in turns:
                came_too_late = came_too_late or (turn == turns[0] and task.done())
                cancel()
        await asyncio.wait({task})
        return came_too_late
