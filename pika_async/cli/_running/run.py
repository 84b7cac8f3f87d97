"""Running a command: signals, errors, exit codes."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import typer

from pika_async import _log
from pika_async.cli._running.exits import SIGNALLED, InterruptedRunError
from pika_async.cli._running.failures import failure
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.words import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Show

# SIGHUP: the terminal is closed, or the connection to it is gone.
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# Seconds within which signals count as one: `timeout` and some supervisors send theirs to the
# process and, in the same moment, to its group.
_SAME_SIGNAL = 1.0
# Takes away the line that moves, and shows the cursor again.
_CLEARED = "\r\x1b[K\x1b[?25h" if os.name == "posix" and os.isatty(2) else ""


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
    anyio.run(_run, work, trail)


async def _run(work: Callable[[anyio.CancelScope], Awaitable[None]], trail: Trail) -> None:
    scope = anyio.CancelScope()
    with _signals_cancel(scope, trail) as received:
        await work(scope)
    if scope.cancelled_caught:
        raise InterruptedRunError(received[0])


@contextmanager
def _signals_cancel(scope: anyio.CancelScope, trail: Trail) -> Iterator[list[int]]:
    loop = asyncio.get_running_loop()
    received: list[int] = []
    first_at = math.inf

    def on_signal(number: int, _: object) -> None:
        nonlocal first_at
        if received and loop.time() - first_at >= _SAME_SIGNAL:
            _leave_at_once(received[0], trail)
        if not received:
            first_at = loop.time()
            received.append(number)
            loop.call_soon_threadsafe(scope.cancel)

    # What was ignored when the command began stays so: that is what nohup asks for.
    taken = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, on_signal) for number in taken}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_at_once(number: int, trail: Trail) -> None:
    trail.uncertain = True
    told = failure(InterruptedRunError(number), trail)
    words = f"{told.line}\n" + (f"  {told.resume}\n" if told.resume else "")
    # Not through sys.stderr: the signal may have come in the middle of a write to it.
    with suppress(OSError):
        os.write(2, f"{_CLEARED}{printable(words)}".encode())
    os._exit(SIGNALLED + number)
