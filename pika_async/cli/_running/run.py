"""Running a command: signals, errors, exit codes."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import typer

from pika_async import _log
from pika_async.cli._running.exits import InterruptedRunError
from pika_async.cli._running.failures import failure
from pika_async.cli._running.signals import ENDING, Signals, leave
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.words import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Show

# Takes away the line that moves.
_CLEARED = "\r\x1b[K" if os.name == "posix" and os.isatty(2) else ""


@contextmanager
def reported(show: Show, trail: Trail, *, debug: bool) -> Iterator[None]:
    """Turn every error into sentences on stderr and an exit code."""
    try:
        with _log.shown((lambda line: show(Note(line))) if debug else None):
            yield
    except KeyboardInterrupt as error:
        # It came before `run` took the signals.
        raise _ended(InterruptedRunError(signal.SIGINT), show, trail) from error
    except Exception as error:
        if isinstance(error, typer.Exit):
            raise
        if debug:
            show(Note("".join(traceback.format_exception(error)).rstrip()))
        raise _ended(error, show, trail) from error


def _ended(error: Exception, show: Show, trail: Trail) -> typer.Exit:
    told = failure(error, trail)
    show(told)
    trail.told = True
    return typer.Exit(told.code)


@contextmanager
def repeating(act: Callable[[], None], seconds: float) -> Iterator[None]:
    """Do something again and again; without a task group, which would wrap the errors inside."""

    async def again() -> None:
        while True:
            await anyio.sleep(seconds)
            act()

    acting = asyncio.create_task(again())
    try:
        yield
    finally:
        acting.cancel()


def run(work: Callable[[anyio.CancelScope], Awaitable[None]], trail: Trail) -> None:
    """Run ``work``, which does inside the scope what a first signal is to break off.

    What it does around the scope is finished in spite of the signal; a second one, later than a
    moment after it, leaves at once, with what ``trail`` knows.

    Raises:
        InterruptedRunError: A signal broke it off.
    """
    running = _Running(trail)
    with running.signals.taken(*ENDING):
        anyio.run(running, work)


class _Running:
    """Work that a first signal cancels, and a second one leaves."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._cancel: Callable[[], object] | None = None
        self.signals = Signals(first=self._break_off, again=self._leave_at_once)

    async def __call__(self, work: Callable[[anyio.CancelScope], Awaitable[None]]) -> None:
        scope = anyio.CancelScope()
        loop = asyncio.get_running_loop()
        self._cancel = lambda: loop.call_soon_threadsafe(scope.cancel)
        if self.signals.received is not None:
            # It came while the loop was made.
            scope.cancel()
        try:
            await work(scope)
        finally:
            self._cancel = None
        if scope.cancelled_caught and self.signals.received is not None:
            raise InterruptedRunError(self.signals.received)

    def _break_off(self, _: int) -> None:
        if self._cancel is not None:
            self._cancel()

    def _leave_at_once(self, number: int) -> None:
        if not self._trail.told:
            _tell_at_once(number, self._trail, breaks_off=self._cancel is not None)
        leave(number)


def _tell_at_once(number: int, trail: Trail, *, breaks_off: bool) -> None:
    trail.uncertain = trail.uncertain or breaks_off
    told = failure(InterruptedRunError(number), trail)
    words = f"{told.line}\n" + (f"  {told.resume}\n" if told.resume else "")
    # Not through sys.stderr: the signal may have come in the middle of a write to it.
    with suppress(OSError):
        _write_what_is_taken(f"{_CLEARED}{printable(words)}".encode())


def _write_what_is_taken(text: bytes) -> None:
    """Write to stderr, but wait for no reader: one that has stopped would keep the process."""
    if os.name != "posix":
        os.write(2, text)
        return
    for start in range(0, len(text), select.PIPE_BUF):
        if select.select([], [2], [], 0)[1]:
            os.write(2, text[start : start + select.PIPE_BUF])
