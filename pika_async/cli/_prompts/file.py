"""A file of prompts, read twice: to check all of it, then to send it, a line at a time."""

from __future__ import annotations

import codecs
import csv
import io
import shutil
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from attrs import frozen

from pika_async import GenerationRequest
from pika_async.cli._prompts.fields import (
    COLUMNS,
    check_names,
    from_cells,
    from_json,
    from_text,
    shortened,
)
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.trail import STDIN

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

_SHOWN_PROBLEMS: Final = 20
_SHOWN_CELLS: Final = 5
_HEADER: Final = "the first line must be a header that names the columns, such as prompt,seed;"
_SPOOLED_IN_MEMORY: Final = 1 << 20
# A text whose quote is never closed would otherwise be the rest of the file; data URLs are long.
_LONGEST_CELL: Final = 1 << 26


class Format(StrEnum):
    """How prompts are written down."""

    TXT = "txt"
    CSV = "csv"
    JSONL = "jsonl"


_SUFFIXES: Final = {
    ".txt": Format.TXT,
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
}


@frozen(kw_only=True)
class Line:
    """A line that is to become a job: its request, or why there is none."""

    number: int
    """Counted from 1; where a request takes several lines, the first."""
    request: GenerationRequest | None = None
    problem: str | None = None


@frozen(kw_only=True)
class PromptFile:
    """An open file of prompts, which can be read several times."""

    name: str
    """As errors name it."""
    file: BinaryIO
    format: Format
    folder: Path
    """Where relative paths in it begin."""

    def lines(self) -> Generator[Line]:
        """Its lines, without those that are empty or comments; one at a time in memory."""
        self.file.seek(0)
        start = self.file.read(2)
        if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            yield Line(number=1, problem="the file is UTF-16; save it as UTF-8")
            return
        self.file.seek(0)
        text = io.TextIOWrapper(
            self.file,
            encoding="utf-8-sig",
            # What is no UTF-8 is met again in the line that holds it.
            errors="surrogateescape",
            newline="" if self.format is Format.CSV else None,
        )
        try:
            match self.format:
                case Format.TXT:
                    yield from _prompts(text)
                case Format.CSV:
                    yield from _rows(text, self.folder)
                case Format.JSONL:
                    yield from _objects(text, self.folder)
        finally:
            # The file stays open, to be read again.
            if not self.file.closed:
                text.detach()

    def checked(self) -> int:
        """Read all of it, and count its requests.

        Raises:
            UsageError: Lines that cannot be used, named and numbered; or there is no request.
        """
        total = problems = 0
        shown: list[str] = []
        for line in self.lines():
            total += 1
            if line.problem is not None:
                problems += 1
                if problems <= _SHOWN_PROBLEMS:
                    shown.append(f"{self.name}:{line.number}: {line.problem}")
        if problems > len(shown):
            shown.append(f"… and {problems - len(shown)} more")
        if problems:
            lines = "1 line" if problems == 1 else f"{problems} lines"
            raise UsageError("\n".join([f"{lines} cannot be used; nothing was sent.", *shown]))
        if not total:
            raise UsageError(f"there are no prompts in {self.name}.")
        return total


def _prompts(text: io.TextIOWrapper) -> Iterator[Line]:
    for number, line in enumerate(text, 1):
        prompt = line.strip()
        if prompt and not prompt.startswith("#"):
            yield _line(number, prompt, partial(from_text, prompt))


def _objects(text: io.TextIOWrapper, folder: Path) -> Iterator[Line]:
    for number, line in enumerate(text, 1):
        value = line.strip()
        if value:
            yield _line(number, value, partial(from_json, value, folder))


def _line(number: int, text: str, made: Callable[[], GenerationRequest]) -> Line:
    try:
        _check_encoding(text)
        return Line(number=number, request=made())
    except UsageError as error:
        return Line(number=number, problem=str(error))


def _check_encoding(text: str) -> None:
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        raise UsageError("it is not UTF-8; save the file as UTF-8")


def _rows(text: io.TextIOWrapper, folder: Path) -> Iterator[Line]:
    csv.field_size_limit(_LONGEST_CELL)
    # Strict: a quote that is never closed would otherwise make one prompt of all that follows.
    reader = csv.reader(text, strict=True, skipinitialspace=True)
    columns: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number=number, problem=_csv_words(error))
            return
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            # Spreadsheets fill rows up.
            del cells[-1]
        if not cells:
            continue
        if columns is not None:
            yield _line(number, "".join(cells), partial(_row, cells, columns, folder))
            continue
        try:
            columns = _columns(cells)
        except UsageError as error:
            yield Line(number=number, problem=str(error))
            return


def _columns(cells: list[str]) -> list[str]:
    _check_encoding("".join(cells))
    try:
        check_names([cell for cell in cells if cell], COLUMNS, kind="column")
    except UsageError as error:
        for sign, words in ((";", "semicolons"), ("\t", "tabs")):
            names = cells[0].split(sign)
            # Prompts hold such signs too.
            if len(names) > 1 and any(name.strip() in COLUMNS for name in names):
                raise UsageError(f"columns are separated by commas, not by {words}") from error
        raise UsageError(f"{_HEADER} it was read as {_shown(cells)}: {error}") from error
    if "" in cells:
        raise UsageError(f"column {cells.index('') + 1} has no name")
    for name in cells:
        if cells.count(name) > 1:
            raise UsageError(f"the column {name!r} is there twice")
    if "prompt" not in cells:
        raise UsageError(f"{_HEADER} it was read as {_shown(cells)}, without prompt")
    return cells


def _shown(cells: list[str]) -> str:
    shown = ", ".join(repr(shortened(cell)) for cell in cells[:_SHOWN_CELLS])
    return f"{shown}, …" if len(cells) > _SHOWN_CELLS else shown


def _row(cells: list[str], columns: list[str], folder: Path) -> GenerationRequest:
    if len(cells) > len(columns):
        raise UsageError(
            f"it has {len(cells)} cells, and the first line names {len(columns)} columns; a "
            'text with commas stands in "quotes"'
        )
    named = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
    return from_cells(named, folder)


def _csv_words(error: csv.Error) -> str:
    if "unexpected end of data" in str(error) or "field larger than" in str(error):
        return 'the text that begins here with " has no end; a " inside of it is written ""'
    return f"it is no CSV: {error}; what follows was not read"


@contextmanager
def opened(given: str, chosen: Format | None) -> Iterator[PromptFile]:
    """The file, or standard input for ``-``.

    Raises:
        UsageError: It cannot be read, or its format is not known.
    """
    if given == STDIN:
        with _spooled(_stdin()) as file:
            yield PromptFile(name="<stdin>", file=file, format=chosen or Format.TXT, folder=Path())
        return
    path = Path(given)
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{given!r} cannot be read: {reason}.") from error
    # A pipe can be read only once.
    with file, nullcontext(file) if path.is_file() else _spooled(file) as again:
        kind = chosen or _SUFFIXES.get(path.suffix.lower())
        if kind is None:
            raise UsageError(
                f"the name {given!r} does not tell how the prompts are written down: add --format "
                "txt, csv or jsonl."
            )
        yield PromptFile(name=given, file=again, format=kind, folder=path.parent)


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise UsageError("there is no standard input.")
    return sys.stdin.buffer


@contextmanager
def _spooled(source: BinaryIO) -> Iterator[BinaryIO]:
    """A copy that can be read twice, on disk where it is large."""
    with tempfile.SpooledTemporaryFile(_SPOOLED_IN_MEMORY) as copy:
        shutil.copyfileobj(source, copy)
        yield cast("BinaryIO", copy)
