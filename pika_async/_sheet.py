"""The table of results, for spreadsheets: the same columns, words and cells wherever it is written.

``row`` is the number that the names of its videos begin with: that of the first request is 0 in a
batch, and 1 in a campaign. ``line`` is its place in the file of prompts, from 1, where there is
one. The columns of the caller's own follow, then ``status``, ``job_id``, ``file`` (names, with
``|`` between several), ``seed`` (the same), ``charged`` (what the service says that the job cost)
and ``error``. The report of a journal knows more: there ``charged`` is followed by ``estimated``
(what the job was taken to cost, where the service does not say) and ``earlier`` (what other submits
of the same request have cost, or may have). The three together are what was spent. An amount is a
number in US dollars, or has its currency behind it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from io import StringIO
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from pika_async._money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pika_async._states import Failed, Succeeded

_FIRST: Final = ("row", "line")
_LAST: Final = ("status", "job_id", "file", "seed", "charged", "error")
_LAST_OF_A_JOURNAL: Final = (*_LAST[:-1], "estimated", "earlier", _LAST[-1])
# As between the media in one cell of a file of prompts.
_BETWEEN: Final = "|"
_OUR_CURRENCY: Final = "USD"
MARK: Final = "\ufeff"
"""With it spreadsheets take a text for UTF-8; where all is ASCII it would only be in the way."""

# Spreadsheets take a cell that begins with one of these for a formula, and run it; some read the
# wide ones like the others, and skip blanks in front:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
# What they cannot run, and people calculate with: -5, +3.5, -1,000.00, -5 %, -2e3, +49 30 123456.
_NUMBER: Final = re.compile(r"[+-]?\d[\d .,]*(?:[eE][+-]?\d+)? ?%?", re.ASCII)


class Standing(StrEnum):
    """Where a request stands, in one word."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    """A submit broke off, or its answer was never noted: the job may exist."""
    RUNNING = "running"
    """Under way: the end of the job is not known."""
    WAITING = "waiting"
    """Nothing was sent, or what was sent provably started nothing."""


@frozen(kw_only=True)
class Row:
    """What there is to say of one request.

    Attributes:
        number: The number that its files are named by, or None where it has none yet.
        line: Its place in the file of prompts.
        metadata: The caller's own texts.
        standing: How far it has come.
        job_id: Its job, or None.
        files: The names of the files that were saved.
        seeds: Of its videos, or the one that was asked for.
        charged: What the service says that the job cost, or None.
        estimated: What the job was taken to cost, where the service does not say, or None.
        earlier: What other submits of the request have cost, or may have; an amount a currency.
        error: What went wrong; may be empty.
    """

    number: int | None
    line: int | None = None
    metadata: Mapping[str, str] = field(factory=dict)
    standing: Standing
    job_id: str | None = None
    files: Sequence[str] = ()
    seeds: Sequence[int] = ()
    charged: Money | None = None
    estimated: Money | None = None
    earlier: Sequence[Money] = ()
    error: str = ""


def seeds_of(end: Succeeded | Failed | None, asked_for: int | None) -> list[int]:
    """The seeds of the videos of a job; the one that was asked for where no video has one."""
    videos = () if end is None else end.videos
    told = dict.fromkeys(video.seed for video in videos if video.seed is not None)
    return list(told) or ([] if asked_for is None else [asked_for])


@frozen
class Sheet:
    """A table with certain columns of the caller's own."""

    own: Sequence[str]
    """The names of these columns."""
    has_lines: bool
    """Whether the requests are lines of a file."""
    of_journal: bool = False
    """Whether a journal tells of them, with all their submits."""

    def header(self) -> str:
        """The names of the columns.

        One of the caller's own that is called like another has ``metadata.`` in front.
        """
        return _line([*self._first(), *map(_text, map(self._named, self.own)), *self._last()])

    def row(self, row: Row) -> str:
        """A request."""
        first = {"row": row.number, "line": row.line}
        return _line(
            [
                *(_number(first[name]) for name in self._first()),
                *(_text(str(row.metadata.get(name, ""))) for name in self.own),
                row.standing.value,
                _text(row.job_id or ""),
                _text(_BETWEEN.join(row.files)),
                _BETWEEN.join(map(str, row.seeds)),
                *self._money(row),
                # On one line, as lines are counted by whoever looks at the file.
                _text(" ".join(row.error.split())),
            ]
        )

    def _money(self, row: Row) -> Iterator[str]:
        known = (row.charged, row.estimated) if self.of_journal else (row.charged,)
        yield from ("" if one is None else _amount(one) for one in known)
        if self.of_journal:
            yield _BETWEEN.join(map(_amount, row.earlier))

    def _last(self) -> Sequence[str]:
        return _LAST_OF_A_JOURNAL if self.of_journal else _LAST

    def _first(self) -> Sequence[str]:
        return _FIRST if self.has_lines else _FIRST[:1]

    def _named(self, name: str) -> str:
        # Spreadsheets and databases make no difference between Status and status.
        others = {one.casefold() for one in self.own}
        if name.casefold() not in (*_FIRST, *_LAST_OF_A_JOURNAL):
            return name
        found = f"metadata.{name}"
        while found.casefold() in others:
            found = f"metadata.{found}"
        return found


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def _amount(money: Money) -> str:
    """An amount that a spreadsheet can add up; its currency where that is not the dollar."""
    amount = f"{money.amount:f}"
    return amount if money.currency == _OUR_CURRENCY else _text(f"{amount} {money.currency}")


def _text(cell: str) -> str:
    """What somebody wrote, so that a spreadsheet shows it as it is."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _line(cells: Iterable[str]) -> str:
    line = StringIO()
    # With its own ends of lines a writer also puts a lone carriage return into quotes.
    csv.writer(line).writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"
