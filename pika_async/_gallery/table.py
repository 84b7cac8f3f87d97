"""A report as the rows of a spreadsheet: CSV."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Final

from pika_async._gallery.bill import added

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async._gallery.gallery import Gallery
    from pika_async._gallery.values import Attempt, Entry
    from pika_async._money import Money

_AFTER: Final = ("status", "job_id", "file", "seed", "cost", "error")
_OUR_CURRENCY: Final = "USD"
# Spreadsheets take a cell that begins with one of these for a formula, and run it:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def table(gallery: Gallery) -> Iterator[str]:
    """The header, then a row for each request.

    The columns are ``row`` (the number that its files are named by), the names of the metadata,
    then ``status``, ``job_id``, ``file``, ``seed``, ``cost`` and ``error``. Metadata of the same
    name as one of these is a column with ``metadata_`` in front. A cost is a number in US dollars,
    or has its currency behind it. It is that of all submits of the request together; where the
    service does not say what a job cost, it is what the job was taken to cost.
    """
    names = _names(gallery)
    yield _line(["row", *(_column(name) for name in names), *_AFTER])
    for entry in gallery.entries():
        yield _line(
            [
                str(entry.number),
                *(str(entry.metadata.get(name, "")) for name in names),
                *_cells(entry),
            ]
        )


def _names(gallery: Gallery) -> list[str]:
    """All that some request has, in the order in which they are met."""
    return list(dict.fromkeys(name for entry in gallery.entries() for name in entry.metadata))


def _column(name: str) -> str:
    return f"metadata_{name}" if name in ("row", *_AFTER) else name


def _cells(entry: Entry) -> list[str]:
    attempt = entry.attempt
    seeds = dict.fromkeys(
        str(clip.video.seed) for clip in entry.clips if clip.video.seed is not None
    )
    asked_for = entry.options.get("seed")
    if not seeds and asked_for is not None:
        seeds = {str(asked_for): None}
    return [
        attempt.standing.value,
        _text(attempt.job_id or ""),
        _text("; ".join(clip.file for clip in entry.clips if clip.file is not None)),
        "; ".join(seeds),
        _cost(entry),
        _text(_error(attempt)),
    ]


def _cost(entry: Entry) -> str:
    submits = (attempt for attempt in entry.attempts if attempt.is_submit)
    costs = added(attempt.cost for attempt in submits if attempt.cost is not None)
    return "; ".join(map(_amount, costs))


def _amount(cost: Money) -> str:
    amount = f"{cost.amount:f}"
    return amount if cost.currency == _OUR_CURRENCY else f"{amount} {cost.currency}"


def _error(attempt: Attempt) -> str:
    """On one line, as lines are counted by whoever looks at the file."""
    text = attempt.reason or ("" if attempt.problem is None else attempt.problem.text)
    return " ".join(text.split())


def _text(cell: str) -> str:
    """What others wrote, so that a spreadsheet shows it as it is."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _line(cells: list[str]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
