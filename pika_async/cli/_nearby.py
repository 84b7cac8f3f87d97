"""What lies near a journal: the prompts it is of, the videos of its batch, and the line of that."""

import os
import shlex
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from itertools import islice, product
from pathlib import Path
from typing import Final

from pika_async import FieldError
from pika_async._http import one_spelling
from pika_async.cli import _options
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.kinds import SIMULATED_SUFFIX, is_simulated
from pika_async.cli._running.places import default_output_dir
from pika_async.dialects import service_named

_SQLITE: Final = b"SQLite format 3\0"
_PROMPTS: Final = (".txt", ".csv", ".jsonl")
# Of paid jobs first.
_JOURNALS: Final = (".journal", ".simulated", ".journal.simulated")
# Of the names that `pika-async batch` gives to folders.
_FOLDER_ENDS: Final = ("-videos", "-simulated")
# Folders in a folder; the videos of a batch are not looked for everywhere.
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
        # Whoever opens a pipe waits for its other end.
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
    # What it imports may be missing; see report.
    from pika_async._gallery import folders_of as found_by  # noqa: PLC0415

    candidates = list(_candidates(journal))
    usual = [folder for folder in candidates[: len(_FOLDER_ENDS)] if folder.is_dir()]
    found = found_by(journal, candidates)
    return [_shown(one) for one in found.holding or (*found.used, *usual)[:1]]


def _shown(folder: Path) -> Path:
    """As people call it who are where the command runs."""
    here = Path().absolute()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def batch_line(
    journal: Path, places: Collection[tuple[str, str | None]], output_dir: Path | None
) -> str:
    """The command that runs the batch of a journal again.

    Args:
        journal: The journal.
        places: The services that it was submitted to, and where they were.
        output_dir: Where its videos are; None: not known.
    """
    prompts = journal.with_suffix("")
    simulated = journal.suffix == SIMULATED_SUFFIX or any(is_simulated(url) for _, url in places)
    words = ["pika-async", "batch"]
    usual = None
    if journal.suffix == ".journal" and prompts.is_file():
        words.append(str(prompts))
        if simulated:
            # Then there is none unless it is named.
            words += ["--journal", str(journal)]
        usual = default_output_dir(str(prompts), simulate=simulated)
    else:
        words += ["FILE", "--journal", str(journal)]
    if output_dir is not None and not _is_same(output_dir, usual):
        words += ["--output-dir", str(output_dir)]
    if simulated:
        # Each run has a place of its own.
        words += [*_one_place({(service, None) for service, _ in places}), "--simulate"]
    else:
        words += _one_place(places)
    return shlex.join(words)


def settle_line(journal: Path, places: Collection[tuple[str, str | None]]) -> str:
    """The command that lists what is uncertain in a journal, and takes decisions about it."""
    return shlex.join(["pika-async", "settle", str(journal), *_one_place(places)])


def _one_place(places: Collection[tuple[str, str | None]]) -> list[str]:
    return place_options(*next(iter(places))) if len(places) == 1 else []


def _is_same(folder: Path, other: Path | None) -> bool:
    return other is not None and folder.absolute() == other.absolute()


def place_options(service: str, base_url: str | None) -> list[str]:
    """Jobs are asked for, and bought again, only where they were submitted."""
    words = [] if service == _options.GATEWAY else ["--service", service]
    try:
        usual = service_named(service).hosts["api"]
    except (FieldError, KeyError):
        # Of a dialect of the user's own, or of a newer version.
        return words
    if base_url is not None and one_spelling(base_url) != one_spelling(usual):
        words += ["--base-url", base_url]
    return words
