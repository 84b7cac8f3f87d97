"""Exit codes, and the errors that are a command's own."""

from __future__ import annotations

from typing import Final

FAILED: Final = 1
USAGE: Final = 2
SIGNALLED: Final = 128
"""Plus the signal's number: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""


class UsageError(Exception):
    """The command was called in a way that cannot work; nothing was sent."""


class InterruptedRunError(Exception):
    """A signal ended the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
