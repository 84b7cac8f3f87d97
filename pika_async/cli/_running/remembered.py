"""What the journal of a batch remembers of its limits, for whoever goes on and says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

if TYPE_CHECKING:
    from pathlib import Path

    from pika_async._journal.history import Limits
    from pika_async.cli._running.bounds import Bounds


def has_content(journal: Path) -> bool:
    """Whether there is a journal to look into; what is wrong with it, the batch says."""
    try:
        return journal.stat().st_size > 0
    except OSError:
        return False


def with_remembered(bounds: Bounds, journal: Path | None) -> Bounds:
    """What holds for a run: what was given, else what the last run with the journal had.

    Raises:
        JournalError: The journal cannot be read.
    """
    known = _limits(journal)
    if known is None:
        return bounds
    if bounds.budget is None and not bounds.lifted and known.budget is not None:
        bounds = evolve(bounds, budget=known.budget, is_remembered=True)
    if bounds.budget is None or bounds.price is not None or known.price is None:
        return bounds
    is_alike = known.price.currency == bounds.budget.currency
    return evolve(bounds, price=known.price) if is_alike else bounds


def _limits(journal: Path | None) -> Limits | None:
    if journal is None or not has_content(journal):
        return None
    from pika_async._journal.reader import opened  # noqa: PLC0415 - sqlite, where needed

    with opened(journal) as reader:
        return reader.limits()
