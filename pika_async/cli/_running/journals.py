"""The journal of a batch before the batch begins: what is in it, and whether that is simulated.

Simulated and paid jobs are kept apart. A simulated job that passes for a paid one is a video that
nobody gets: its prompt counts as done.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pika_async.cli._running.exits import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pika_async._journal.reader import JournalReader

SIMULATED_PATH: Final = "/simulated"
"""The path of the service that ``--simulate`` runs: its journals are told by it, in each submit."""

SIMULATED_SUFFIX: Final = ".simulated"
"""A journal whose name ends so is of simulated jobs, whatever is in it."""


def is_simulated(base_url: str | None) -> bool:
    """Whether this is where ``--simulate`` submits to."""
    if base_url is None:
        return False
    parts = urlsplit(base_url)
    return parts.hostname == "127.0.0.1" and parts.path.rstrip("/") == SIMULATED_PATH


def known_in(journal: Path | None) -> AbstractContextManager[JournalReader | None]:
    """The journal, opened to be read; None where there is none, or nothing in it yet.

    Raises:
        JournalError: On entering: it cannot be read.
    """
    if journal is None or not _has_content(journal):
        return nullcontext()
    from pika_async._journal.reader import opened  # noqa: PLC0415 - sqlite, where needed

    return opened(journal)


def check_kind(journal: Path | None, *, simulate: bool) -> None:
    """Keep simulated jobs out of the journals of paid ones, whose prompts they would answer for.

    Raises:
        UsageError: The journal is one of the other kind.
        JournalError: It cannot be read.
    """
    if journal is None or _holds_simulated(journal) in {simulate, None}:
        return
    if simulate:
        raise UsageError(
            f"--journal {str(journal)!r} is one of paid jobs, and simulated ones would pass for "
            "them; with --simulate give another."
        )
    raise UsageError(
        f"--journal {str(journal)!r} is one of simulated jobs, which would pass for paid ones; "
        "give another, or add --simulate."
    )


def begin_simulated_anew(journal: Path | None) -> int:
    """Have simulated jobs that were under way simulated anew; returns how many.

    They ended with the command that simulated them. Nobody waits for them, and they cost nothing.

    Raises:
        JournalError: The journal is in use, or cannot be read or written.
    """
    if journal is None or not _has_content(journal):
        return 0
    from pika_async._journal.settle import begin_anew  # noqa: PLC0415 - sqlite, where needed

    return begin_anew(journal, is_simulated)


def _holds_simulated(journal: Path) -> bool | None:
    """Whether the jobs of a journal are simulated; None: it knows of no submit."""
    if journal.suffix == SIMULATED_SUFFIX:
        return True
    with known_in(journal) as reader:
        if reader is None:
            return None
        attempts = chain.from_iterable(entry.attempts for entry in reader.entries())
        first = next(attempts, None)
    return None if first is None else is_simulated(first.base_url)


def _has_content(journal: Path) -> bool:
    try:
        return journal.stat().st_size > 0
    except OSError:
        # The batch itself says what is wrong with a file that cannot be looked at.
        return False
