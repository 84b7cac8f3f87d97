"""A report as the rows of a spreadsheet: CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async._gallery.bill import added
from pika_async._sheet import MARK, Row, Sheet, seeds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async._gallery.gallery import Gallery
    from pika_async._gallery.values import Attempt, Entry


def table(gallery: Gallery) -> Iterator[str]:
    """The header, then a row for each request; see ``_sheet`` for the columns.

    A mark for spreadsheets stands in front where a letter is not ASCII. A cost is that of all
    submits of the request together; where the service does not say what a job cost, it is what the
    job was taken to cost.
    """
    names: dict[str, None] = {}
    is_ascii = True
    for entry in gallery.entries():
        # In the order in which they are met.
        names.update(dict.fromkeys(entry.metadata))
        is_ascii = (
            is_ascii and Sheet(tuple(entry.metadata), has_lines=False).row(row(entry)).isascii()
        )
    sheet = Sheet(tuple(names), has_lines=False)
    header = sheet.header()
    yield header if is_ascii and header.isascii() else MARK + header
    for entry in gallery.entries():
        yield sheet.row(row(entry))


def row(entry: Entry) -> Row:
    """The row of a request."""
    attempt = entry.attempt
    asked_for = entry.options.get("seed")
    submits = (each.cost for each in entry.attempts if each.is_submit and each.cost is not None)
    return Row(
        number=entry.number,
        metadata=entry.metadata,
        standing=attempt.standing,
        job_id=attempt.job_id,
        files=[clip.file for clip in entry.clips if clip.file is not None],
        seeds=seeds_of(attempt.end, asked_for),
        costs=added(submits),
        error=_error(attempt),
    )


def _error(attempt: Attempt) -> str:
    return attempt.reason or ("" if attempt.problem is None else attempt.problem.text)
