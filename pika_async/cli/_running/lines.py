"""The commands that go on with a journal, as they are to be typed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pika_async import FieldError
from pika_async._http import one_spelling
from pika_async.cli import _options
from pika_async.cli._running.journals import SIMULATED_SUFFIX, is_simulated
from pika_async.cli._running.places import default_output_dir
from pika_async.cli._running.trail import argument
from pika_async.dialects import service_named

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


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
        words.append(argument(str(prompts)))
        if simulated:
            # A simulated batch has no journal by default.
            words += ["--journal", str(journal)]
        usual = default_output_dir(str(prompts), simulate=simulated)
    else:
        words += ["FILE", "--journal", str(journal)]
    if output_dir is not None and not _is_same(output_dir, usual):
        words += ["--output-dir", str(output_dir)]
    if simulated:
        # Each simulated run has an address of its own.
        words += [*_one_place({(service, None) for service, _ in places}), "--simulate"]
    else:
        words += _one_place(places)
    return shlex.join(words)


def settle_words(journal: Path, places: Collection[tuple[str, str | None]]) -> list[str]:
    """The command that lists what is uncertain in a journal, and takes decisions about it."""
    return ["pika-async", "settle", argument(str(journal)), *_one_place(places)]


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
        # The service is a dialect of the user's own, or one of a newer version.
        return words
    if base_url is not None and one_spelling(base_url) != one_spelling(usual):
        words += ["--base-url", base_url]
    return words
