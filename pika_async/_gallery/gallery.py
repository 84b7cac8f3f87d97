"""A journal, opened to be shown: as it was at one moment, one request after the other."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pika_async._gallery.entries import Showing
from pika_async._journal import reader
from pika_async._meaning import in_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pika_async._gallery.entries import Words
    from pika_async._gallery.files import Folder
    from pika_async._gallery.values import Entry, Run


class Gallery:
    """What a journal held at one moment. Requests are read anew each time they are asked for."""

    def __init__(self, journal: reader.JournalReader, showing: Showing) -> None:
        self.path = journal.path
        self.runs: Sequence[Run] = journal.runs
        """In the order of their starts."""
        self.made_at = showing.now
        """Seconds since 1970."""
        self._journal = journal
        self._showing = showing

    def entries(self) -> Iterator[Entry]:
        """All requests: those of the last run in its order, then the others.

        Raises:
            JournalError: A row cannot be read.
        """
        return map(self._showing.entry, self._journal.entries())

    def in_last_run(self) -> Iterator[Entry]:
        """The requests that the last run has come to, in its order."""
        return map(self._showing.entry, self._journal.in_last_run())

    def in_other_runs(self) -> Iterator[Entry]:
        """The requests that only earlier runs have met, those of later runs first."""
        return map(self._showing.entry, self._journal.in_other_runs())

    def count(self) -> int:
        """How many requests there are."""
        return self._journal.count()


@contextmanager
def opened(
    path: Path, *, now: float, folder: Folder | None = None, words: Words = in_sentences
) -> Iterator[Gallery]:
    """The journal at ``path`` as it is now, whoever writes to it meanwhile.

    Args:
        path: The journal.
        now: Seconds since 1970.
        folder: Where the saved videos are, if that is known.
        words: Puts what an error means for the money, and what to do next, into the sentences of
            whoever reads the report.

    Raises:
        JournalError: It is not there, empty, not a journal, damaged, or of a newer version.
    """
    with reader.opened(path) as journal:
        showing = Showing(
            now=now,
            run_starts=[run.started_at for run in journal.runs],
            last_run=journal.last_run,
            folder=folder,
            words=words,
        )
        yield Gallery(journal, showing)
