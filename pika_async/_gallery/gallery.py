"""A journal, opened to be shown: as it was at one moment, one request after the other."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pika_async._gallery.entries import Showing
from pika_async._gallery.files import holding, is_folder
from pika_async._journal import reader
from pika_async._meaning import in_sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo

    from pika_async._gallery.entries import Words
    from pika_async._gallery.files import Folder
    from pika_async._gallery.values import Entry, Run

_LOOKED_FOR: Final = 200


class Gallery:
    """What a journal held at one moment. Requests are read anew each time they are asked for."""

    def __init__(
        self, journal: reader.JournalReader, showing: Showing, zone: tzinfo | None
    ) -> None:
        self.path = journal.path
        self.runs: Sequence[Run] = journal.runs
        """In the order of their starts."""
        self.made_at = showing.now
        """Seconds since 1970."""
        self.zone = zone
        """Whose times are shown; None: that of this machine."""
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
    path: Path,
    *,
    now: float,
    folder: Folder | None = None,
    words: Words = in_sentences,
    zone: tzinfo | None = UTC,
) -> Iterator[Gallery]:
    """The journal at ``path`` as it is now, whoever writes to it meanwhile.

    Args:
        path: The journal.
        now: Seconds since 1970.
        folder: Where the saved videos are, if that is known.
        words: Puts what an error means for the money, and what to do next, into the sentences of
            whoever reads the report.
        zone: The time zone of the times that people see; None: that of this machine.

    Raises:
        JournalError: It is not there, empty, not a journal, damaged, or of a newer version.
    """
    with reader.opened(path) as journal:
        showing = Showing(
            now=now,
            runs=journal.runs,
            last_run=journal.last_run,
            folder=folder,
            words=words,
        )
        yield Gallery(journal, showing, zone)


@frozen
class Folders:
    """Where the videos of a journal may be."""

    holding: tuple[Path, ...]
    """Those that hold some, the fullest in front."""
    used: tuple[Path, ...]
    """Those in which the batch saved them, the last in front, as far as they are there."""


def folders_of(path: Path, near: Iterable[Path]) -> Folders:
    """Which folders have videos of the journal at ``path``.

    Args:
        path: The journal.
        near: Folders to look in beside those that the batch used.

    Raises:
        JournalError: As for :func:`opened`.
    """
    with reader.opened(path) as journal:
        used = [folder for folder in journal.output_dirs() if not _is_of_another_machine(folder)]
        saved = (file for entry in journal.entries() for file in entry.files)
        # Enough to tell: names have the ids of jobs in them.
        files = tuple(islice(saved, _LOOKED_FOR))
        return Folders(
            holding=tuple(holding(files, dict.fromkeys([*used, *near]))),
            used=tuple(filter(is_folder, used)),
        )


def _is_of_another_machine(folder: Path) -> bool:
    # A journal from anywhere could name it; to look there would tell that machine who looks.
    return PureWindowsPath(folder).drive.startswith("\\\\") and os.name == "nt"
