"""The command line: ``pika-async``. Needs the extra ``cli``."""

from __future__ import annotations

import atexit
import signal
import sys
from typing import Final

from pika_async.cli._running.exits import SIGNALLED
from pika_async.cli._running.signals import Signals, in_front, leave

__all__ = ["main"]

_INTERRUPTED: Final = SIGNALLED + signal.SIGINT


def main() -> None:
    """Run the command line; without its extra, say in one sentence how to get it."""
    process = _Process()
    # Before all others, so that it comes after them.
    atexit.register(process.end)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        process.signals.take(signal.SIGINT)
    try:
        _run()
    except SystemExit as ended:
        process.dies_of_ctrl_c = ended.code == _INTERRUPTED and in_front()
        raise
    finally:
        process.is_over = True


class _Process:
    """What Ctrl-C does where no work is under way, which takes it for as long as it is."""

    def __init__(self) -> None:
        self.is_over = False
        """The command has ended, and said so. Only the process has yet to."""
        self.dies_of_ctrl_c = False
        self.signals = Signals(first=self._interrupt, again=self._leave)

    def _interrupt(self, _: int) -> None:
        if not self.is_over:
            raise KeyboardInterrupt

    def _leave(self, _: int) -> None:
        if not self.is_over:
            raise KeyboardInterrupt
        # A thread keeps the process. Each line has been flushed when it was written.
        leave(signal.SIGINT)

    def end(self) -> None:
        """The last that is done at exit."""
        if self.dies_of_ctrl_c:
            leave(signal.SIGINT, at_terminal=True)


def _run() -> None:
    try:
        from pika_async.cli._app import app  # noqa: PLC0415 - what it imports may be missing
        from pika_async.cli._showing.output import (  # noqa: PLC0415 - as above
            keep_standard_streams,
        )

        keep_standard_streams()
        app()
    except KeyboardInterrupt:
        # While modules are loaded: from there on each verb hears of it, and says more. What sends
        # is loaded last.
        sent = "aiohttp" in sys.modules
        sys.stderr.write("interrupted\n" if sent else "interrupted; nothing was sent\n")
        sys.exit(_INTERRUPTED)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("jinja2", "markupsafe", "rich", "typer"):
            raise
        sys.stderr.write(
            f"error: the command line needs {missing}, which is not installed: "
            "pip install '/path/to/clone[cli]'\n"
        )
        sys.exit(2)
