"""What lies near a journal: the prompts that it is of, and the videos of its batch."""

import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice, product
from pathlib import Path
from typing import Final

from pika_async.cli._running.exits import UsageError

_SQLITE: Final = b"SQLite format 3\0"
_PROMPTS: Final = (".txt", ".csv", ".jsonl")
# Journals of paid jobs first.
_JOURNALS: Final = (".journal", ".simulated", ".journal.simulated")
# How the folders end that `pika-async batch` names.
_FOLDER_ENDS: Final = ("-videos", "-simulated")
# How many entries of a folder are looked at: it may be somebody's whole disk.
_MOST_LOOKED_AT: Final = 2_000


def check_journal(journal: Path, verb: str) -> None:
    """Where prompts or videos were given to ``verb`` in the place of a journal, say which is meant.

    Raises:
        UsageError: It is no journal, and there is one of its batch.
    """
    meant = None
    if not _is_database(journal):
        meant = next(filter(_is_database, _journals_of(journal)), None)
    if meant is not None:
        what = "is not a journal" if journal.exists() else "is not there"
        raise UsageError(
            f"{str(journal)!r} {what}; its batch keeps its journal in {str(meant)!r}: "
            f"pika-async {verb} {shlex.quote(str(meant))}"
        )


def _is_database(path: Path) -> bool:
    try:
        # To open a pipe would wait for its other end.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except (OSError, ValueError):
        return False


def _journals_of(given: Path) -> Iterator[Path]:
    """Where the journal of a batch may be of which the prompts, the videos or a name was given."""
    with suppress(ValueError):
        names = [given.name, given.stem]
        names += [given.name.removesuffix(end) for end in _FOLDER_ENDS if given.name.endswith(end)]
        for name in dict.fromkeys(filter(None, names)):
            for prompts, journal in product(("", *_PROMPTS), _JOURNALS):
                yield given.with_name(f"{name}{prompts}{journal}")


def _candidates(journal: Path) -> Iterator[Path]:
    """Where the videos of a journal may be: where `pika-async batch` saves them, then near it."""
    stem = Path(journal.stem).stem
    usual = [journal.parent / f"{stem}{end}" for end in _FOLDER_ENDS]
    yield from usual
    known = {folder.absolute() for folder in usual}
    for near in (journal.parent, Path()):
        for folder in (near, *_folders_in(near)):
            if folder.absolute() not in known:
                known.add(folder.absolute())
                yield folder


def _folders_in(folder: Path) -> Iterable[Path]:
    try:
        with os.scandir(folder) as found:
            return sorted(Path(one.path) for one in islice(found, _MOST_LOOKED_AT) if one.is_dir())
    except OSError:
        return ()


def folders_of(journal: Path) -> list[Path]:
    """Where the videos of a journal were saved, as far as they can be found; the fullest in front.

    Those that the batch used, and those near it: a folder may have been moved.

    Raises:
        JournalError: The journal cannot be read.
    """
    # jinja2 may be missing; see report.
    from pika_async._gallery import folders_of as found_by  # noqa: PLC0415

    candidates = list(_candidates(journal))
    usual = [folder for folder in candidates[: len(_FOLDER_ENDS)] if folder.is_dir()]
    found = found_by(journal, candidates)
    return [_shown(one) for one in found.holding or (*found.used, *usual)[:1]]


def _shown(folder: Path) -> Path:
    """As people call it who are where the command runs."""
    here = Path().absolute()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
