"""Where a batch keeps what it makes, if nobody says: beside the file of prompts."""

from __future__ import annotations

import os
from pathlib import Path

from pika_async._download.names import LONGEST_NAME
from pika_async._download.targets import UnusableTargetError, check_target
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.trail import STDIN


def _named(file: str) -> Path:
    """What the default names are made of; a pipe has no name that lasts."""
    return Path(file if file != STDIN and Path(file).is_file() else "batch")


def default_output_dir(file: str, *, simulate: bool) -> Path:
    """The folder of the videos: NAME-videos beside NAME.txt."""
    path = _named(file)
    return path.with_name(f"{path.stem}-{'simulated' if simulate else 'videos'}")


def default_journal(file: str, *, simulate: bool) -> Path | None:
    """The journal: FILE.journal."""
    # Simulated jobs end with the command, so there is nothing to come back to.
    path = _named(file)
    return None if simulate else path.with_name(f"{path.name}.journal")


def results_file(file: str, saved_in: Path | None) -> Path:
    """The table of results: NAME.results.csv among the videos, else beside the prompts."""
    name = f"{_named(file).stem}.results.csv"
    return _named(file).with_name(name) if saved_in is None else saved_in / name


def check_places(saved_in: Path | None, kept_in: Path | None) -> None:
    """Refuse a folder or a journal that a run could not write to. Makes and leaves nothing.

    Raises:
        UsageError: It cannot be written to.
    """
    if saved_in is not None:
        _check("--output-dir", saved_in, saved_in / ("x" * LONGEST_NAME), "written to")
    if kept_in is not None:
        if kept_in.exists() and not os.access(kept_in, os.W_OK):
            raise UsageError(f"--journal: {str(kept_in)!r} cannot be written: it is read-only.")
        _check("--journal", kept_in, kept_in, "written")


def _check(option: str, place: Path, target: Path, deed: str) -> None:
    try:
        check_target(target, overwrite=True)
    except UnusableTargetError as error:
        why = error.reason or error.problem
        raise UsageError(f"{option}: {str(place)!r} cannot be {deed}: {why}.") from error


def check_one(both: object, one: str, other: str) -> None:
    """Refuse two options of which only one may be given.

    Raises:
        UsageError: Both are.
    """
    if both:
        raise UsageError(f"{one} and {other} contradict each other: give one of them.")
