"""Running a command: signals, the library's log, errors, exit codes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import typer

from pika_async.cli._exits import SIGNALLED, InterruptedRunError, failure
from pika_async.cli._words import for_shell, printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pika_async.cli._report import Report
    from pika_async.cli._trail import Trail

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Takes away the live line and shows the cursor again, which it hides.
_CLEARED = "\r\x1b[K\x1b[?25h" if os.name == "posix" and os.isatty(2) else ""


@contextmanager
def reported(report: Report, trail: Trail, *, debug: bool) -> Iterator[None]:
    """Turn every error into sentences on stderr and an exit code."""
    try:
        with _relayed_log(report, trail, debug=debug):
            yield
    except KeyboardInterrupt as error:
        # Before `run` takes the signals.
        raise _ended(InterruptedRunError(signal.SIGINT), report, trail) from error
    except Exception as error:
        if isinstance(error, typer.Exit):
            raise
        if debug:
            report.note("".join(traceback.format_exception(error)).rstrip())
        raise _ended(error, report, trail) from error


def _ended(error: Exception, report: Report, trail: Trail) -> typer.Exit:
    told = failure(error, trail)
    report.failure(told)
    return typer.Exit(told.code)


def run(work: Callable[[anyio.CancelScope], Awaitable[None]], trail: Trail | None = None) -> None:
    """Run ``work``, which does inside the scope what a first signal is to break off.

    What it does around the scope is finished in spite of the signal; a second one leaves at once,
    with what ``trail`` knows.

    Raises:
        InterruptedRunError: A signal broke it off.
    """
    anyio.run(_run, work, trail)


async def _run(work: Callable[[anyio.CancelScope], Awaitable[None]], trail: Trail | None) -> None:
    scope = anyio.CancelScope()
    with _signals_cancel(scope, trail) as received:
        await work(scope)
    if scope.cancelled_caught:
        raise InterruptedRunError(received[0])


@contextmanager
def _signals_cancel(scope: anyio.CancelScope, trail: Trail | None) -> Iterator[list[int]]:
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def on_signal(number: int, _: object) -> None:
        received.append(number)
        if len(received) > 1:
            _leave_at_once(received[0], trail)
        loop.call_soon_threadsafe(scope.cancel)

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_at_once(number: int, trail: Trail | None) -> None:
    words = ""
    if trail is not None:
        trail.uncertain = True
        told = failure(InterruptedRunError(number), trail)
        words += f"{told.message}\n" + (f"  {told.resume}\n" if told.resume else "")
    # The interpreter may be inside a write to stderr, so not through Python's own.
    with suppress(OSError):
        os.write(2, f"{_CLEARED}{printable(words)}".encode())
    os._exit(SIGNALLED + number)


@contextmanager
def _relayed_log(report: Report, trail: Trail, *, debug: bool) -> Iterator[None]:
    logger = logging.getLogger("pika_async")
    handler = _Relay(report, trail)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


class _Relay(logging.Handler):
    """Brings the library's log to stderr, but for what is said at the end anyway."""

    def __init__(self, report: Report, trail: Trail) -> None:
        super().__init__()
        self._report = report
        self._trail = trail

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record."""
        if self._trail.tells_later(record):
            return
        text = f"{record.levelname.lower()}: {for_shell(record.getMessage())}"
        if record.levelno == logging.WARNING:
            self._report.warning(record.msg, text)
        else:
            self._report.note(text)
