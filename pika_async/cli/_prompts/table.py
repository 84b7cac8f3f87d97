"""A table of prompts: rows of cells, whatever spreadsheet wrote them down."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from pika_async._request.spelling import MARK
from pika_async.cli._prompts.fields import COLUMNS, check_encoding
from pika_async.cli._prompts.names import near, plain_name, shortened
from pika_async.cli._running.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN_CELLS: Final = 5
_HEADER: Final = "the first line must be a header that names the columns, such as prompt,seed;"
# Characters. Without a limit an open quote would take the rest of the file; data URLs are long.
_LONGEST_CELL: Final = 1 << 26
_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}
# What pandas calls a column without a name, its own index first of all.
_UNNAMED: Final = re.compile(r"unnamed:_?\d+(\.\d+)*(_level_\d+)?")
# A line by which spreadsheets tell each other what separates the cells.
_SAID: Final = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)


@frozen
class Row:
    """A row with something in it, or why it cannot be read."""

    number: int
    """Of its first line, counted from 1."""
    cells: dict[str, str]
    """By the names of ``COLUMNS``, without those that are empty."""
    own: dict[str, str] = field(factory=dict)
    """Those of columns that are no fields, by their titles, without those that are empty."""
    problem: str | None = None


@frozen
class _Line:
    number: int
    text: str
    """Without byte-order marks."""
    marked: bool
    """A mark stood before it: it may be the first of a file that was joined to another."""


class _Lines(Iterator[str]):
    def __init__(self, text: Iterable[str]) -> None:
        self._text = enumerate(text, 1)
        self._ahead: list[_Line] = []

    def __next__(self) -> str:
        found = self.look_ahead()
        del self._ahead[0]
        return found.text

    def look_ahead(self) -> _Line:
        """The next line."""
        if not self._ahead:
            self._ahead = self._read()
        return self._ahead[0]

    def _read(self) -> list[_Line]:
        number, text = next(self._text)
        before, mark, rest = text.partition(MARK)
        rest = rest.replace(MARK, "")
        if before and mark and _separator(rest, sure=True) is not None:
            # The first of two joined files had no line end behind its last line.
            return [_Line(number, f"{before}\n", marked=False), _Line(number, rest, marked=True)]
        return [_Line(number, before + rest, marked=bool(mark) and not before)]


def rows_of(text: Iterable[str]) -> Iterator[Row]:  # noqa: C901 - one way through a file
    """The rows, one at a time; the first that cannot be read as a row at all is the last."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = _Lines(text)
    columns: list[str] = []
    titles: list[str] = []
    number = 1
    separator, said = ",", None
    reader = _reader(lines, separator)
    while True:
        try:
            ahead = lines.look_ahead()
            number = ahead.number
            begins = not columns or (ahead.marked and _may_be_header(ahead.text))
            if (not columns or ahead.marked) and (match := _SAID.fullmatch(ahead.text)):
                said, columns = match[1], []
                next(lines)
                continue
            if begins:
                separator, said = said or _separator(ahead.text) or ",", None
                reader = _reader(lines, separator)
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number, {}, problem=_csv_words(error))
            return
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            # Spreadsheets fill rows up with empty cells.
            del cells[-1]
        if not cells or (columns and cells == titles):
            # Each of several files that were joined has its header.
            continue
        if begins:
            try:
                columns, titles = _columns(cells), cells
            except UsageError as error:
                yield Row(number, {}, problem=str(error))
                return
            continue
        if found := _row(number, cells, columns, titles, separator):
            yield found


def _row(
    number: int, cells: list[str], columns: list[str], titles: list[str], separator: str
) -> Row | None:
    """A row; None where nothing stands in it but its number."""
    named: dict[str, str] = {}
    own: dict[str, str] = {}
    problem = _too_many(cells, columns, separator)
    for place, (name, cell) in enumerate(zip(columns, cells, strict=False)):
        if name in COLUMNS and cell:
            named[name] = cell
        elif name and cell:
            own[titles[place]] = cell
        elif cell and any(columns[:place]):
            # Columns without a name in front are the index that pandas writes.
            problem = problem or f"cell {place + 1} stands in a column without a name"
    return Row(number, named, own, problem) if named or own or problem else None


def _reader(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    # Strict: a quote that is never closed would otherwise make one prompt of all that follows.
    return csv.reader(lines, strict=True, skipinitialspace=True, delimiter=separator)


def _names(line: str, separator: str) -> list[str]:
    cells: list[str] = []
    with suppress(csv.Error, StopIteration):
        cells = [plain_name(cell) for cell in next(_reader([line], separator))]
    while cells and not cells[-1]:
        del cells[-1]
    return cells


def _separator(header: str, *, sure: bool = False) -> str | None:
    """What separates the names of a header; prompts hold such signs too, and are not looked at.

    ``sure``: only where the line can be nothing but a header.
    """
    names = {sign: _names(header, sign) for sign in _SEPARATORS}
    for sign, found in names.items():
        if "prompt" in found and all(name in COLUMNS for name in found):
            return sign
    if sure:
        return None
    for sign, found in names.items():
        if len(found) > 1 and any(name in COLUMNS for name in found):
            return sign
    return None


def _may_be_header(line: str) -> bool:
    return any("prompt" in _names(line, sign) for sign in _SEPARATORS)


def _columns(cells: list[str]) -> list[str]:
    check_encoding("".join(cells))
    names = ["" if _UNNAMED.fullmatch(name) else name for name in map(plain_name, cells)]
    for cell, name in zip(cells, names, strict=True):
        if not name or name in COLUMNS:
            continue
        if meant := near(name):
            raise UsageError(
                f"{_HEADER} it was read as {_shown(cells)}: there is no column "
                f"{shortened(cell)!r}; did you mean {meant!r}? allowed are {', '.join(COLUMNS)}, "
                "and names of your own that are less like one of these"
            )
    for name in names:
        if name and names.count(name) > 1:
            raise UsageError(f"the column {name!r} is there twice")
    if "prompt" not in names:
        raise UsageError(f"{_HEADER} it was read as {_shown(cells)}, without prompt")
    return names


def _shown(cells: list[str]) -> str:
    shown = ", ".join(repr(shortened(cell)) for cell in cells[:_SHOWN_CELLS])
    return f"{shown}, …" if len(cells) > _SHOWN_CELLS else shown


def _too_many(cells: list[str], columns: list[str], separator: str) -> str | None:
    if len(cells) <= len(columns):
        return None
    return (
        f"it has {len(cells)} cells, and the first line names {len(columns)} columns; a text with "
        f'{_SEPARATORS[separator]} stands in "quotes"'
    )


def _csv_words(error: csv.Error) -> str:
    if "unexpected end of data" in str(error) or "field larger than" in str(error):
        return 'the text that begins here with " has no end; a " inside of it is written ""'
    return f"it is not CSV: {error}; what follows was not read"
