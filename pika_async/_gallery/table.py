"""A report as the rows of a spreadsheet: CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async._gallery.bill import added
from pika_async._sheet import MARK, Row, Sheet, seeds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pika_async._gallery.gallery import Gallery
    from pika_async._gallery.values import Attempt, Entry


def table(gallery: Gallery) -> Iterator[str]:
    """The header, then a row for each request; see ``_sheet`` for the columns.

    A mark for spreadsheets stands in front where a letter is not ASCII.
    """
    names: dict[str, None] = {}
    is_ascii = True
    for entry in gallery.entries():
        # In the order in which they are met.
        names.update(dict.fromkeys(entry.metadata))
        is_ascii = is_ascii and _sheet(entry.metadata).row(row(entry)).isascii()
    sheet = _sheet(names)
    header = sheet.header()
    yield header if is_ascii and header.isascii() else MARK + header
    for entry in gallery.entries():
        yield sheet.row(row(entry))


def _sheet(own: Iterable[str]) -> Sheet:
    return Sheet(tuple(own), has_lines=False, of_journal=True)


def row(entry: Entry) -> Row:
    """The row of a request."""
    attempt = entry.attempt
    asked_for = entry.options.get("seed")
    earlier = (each.cost for each in entry.earlier if each.is_submit and each.cost is not None)
    known = attempt.is_submit and attempt.charged is None
    return Row(
        number=entry.number,
        metadata=entry.metadata,
        standing=attempt.standing,
        job_id=attempt.job_id,
        files=[clip.file for clip in entry.clips if clip.file is not None],
        seeds=seeds_of(attempt.end, asked_for),
        charged=attempt.charged,
        estimated=attempt.quoted if known else None,
        earlier=added(earlier),
        error=_error(attempt),
    )


def _error(attempt: Attempt) -> str:
    return attempt.reason or ("" if attempt.problem is None else attempt.problem.text)
