"""Who takes the signals that end a command, from the first of them to the end of its process."""

from __future__ import annotations

import atexit
import math
import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from pika_async.cli._running.exits import SIGNALLED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import NoReturn

# SIGHUP: the terminal is closed, or the connection to it is gone.
ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# Seconds within which signals count as one: `timeout` and some supervisors send theirs to the
# process and, in the same moment, to its group.
_SAME_SIGNAL: Final = 1.0


class Signals:
    """Tells of the first signal, and of those that come later than a moment after it.

    One in the same moment does nothing at all. As a KeyboardInterrupt it would be raised wherever
    the process is on its way out. The threads of anyio are no daemons, and are told to end on that
    way: one that was not would be waited for, for ever.
    """

    def __init__(self, first: Callable[[int], None], again: Callable[[int], None]) -> None:
        """``again`` is given the number of the first signal, which is the one that is obeyed."""
        self._first = first
        self._again = again
        self._first_at = math.inf
        self.received: int | None = None
        """The number of the first signal."""

    def take(self, *numbers: int) -> None:
        """Take these signals, for the rest of the process.

        What was ignored when the command began stays so: that is what nohup asks for.
        """
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        atexit.register(self._ignore, numbers)

    @contextmanager
    def taken(self, *numbers: int) -> Iterator[None]:
        """Take these signals; they are given back only where none came."""
        before = {number: signal.getsignal(number) for number in numbers}
        self.take(*numbers)
        try:
            yield
        finally:
            if self.received is None:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self.received is None:
            self.received, self._first_at = number, now
            self._first(number)
        elif now - self._first_at >= _SAME_SIGNAL:
            self._again(self.received)

    def _ignore(self, numbers: tuple[int, ...]) -> None:
        # All threads have ended. What the interpreter does after this no handler is called in: it
        # would give the signals back to the system, which kills, and the exit code would be lost.
        for number in numbers:
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, signal.SIG_IGN)


def leave(number: int, *, at_terminal: bool | None = None) -> NoReturn:
    """End this process at once, as the one that this signal has ended.

    Of Ctrl-C at a terminal it dies in earnest. A shell sees the code 130 then, too. But it has had
    the same Ctrl-C, and only what died of it makes the shell leave its loop or script. After a mere
    exit code it would go on, and the next command of the loop would submit the next job.
    """
    if number == signal.SIGINT and (in_front() if at_terminal is None else at_terminal):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    os._exit(SIGNALLED + number)


def in_front() -> bool:
    """Whether Ctrl-C at the terminal comes to this process, and to what started it."""
    if sys.platform == "win32":
        return False
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False
