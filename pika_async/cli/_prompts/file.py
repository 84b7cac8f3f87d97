"""A file of prompts, read twice: to check all of it, then to send it, a line at a time."""

from __future__ import annotations

import codecs
import io
import json
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
from pika_async._request.spelling import MARK
from pika_async.cli._prompts.fields import Check, check_encoding, from_cells, from_json, from_text
from pika_async.cli._prompts.table import Row, rows_of
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.trail import STDIN

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


_SHOWN_PROBLEMS: Final = 20
_JOINED: Final = (
    "a byte-order mark (U+FEFF) stands in the middle of it, where another file seems to begin: put "
    "a line end there, or take the mark away"
)
_SPOOLED_IN_MEMORY: Final = 1 << 20


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
    check: Check
    """What the service would not take is refused by it."""

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
            encoding="utf-8",
            # What is no UTF-8 is met again in the line that holds it.
            errors="surrogateescape",
            newline="" if self.format is Format.CSV else None,
        )
        try:
            match self.format:
                case Format.TXT:
                    yield from _prompts(text, self.check)
                case Format.CSV:
                    yield from _rows(text, self.check, self.folder)
                case Format.JSONL:
                    yield from _objects(text, self.check, self.folder)
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


def _prompts(text: io.TextIOWrapper, check: Check) -> Iterator[Line]:
    for number, line in enumerate(text, 1):
        parts = [part for one in line.split(MARK) if (part := one.strip())]
        if len(parts) > 1:
            yield Line(number=number, problem=_JOINED)
        elif parts and not parts[0].startswith("#"):
            yield _line(number, parts[0], partial(from_text, parts[0], check))


def _objects(text: io.TextIOWrapper, check: Check, folder: Path) -> Iterator[Line]:
    for number, line in enumerate(text, 1):
        for value in _values(line):
            yield _line(number, value, partial(from_json, value, check, folder))


def _values(line: str) -> Iterator[str]:
    """The JSON texts of a line: several where files were joined without a line end between them."""
    *parts, last = line.split(MARK)
    text = ""
    for part in parts:
        text += part
        if _is_json(text):
            yield text.strip()
            text = ""
    text = (text + last).strip()
    if text:
        yield text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _line(number: int, text: str, made: Callable[[], GenerationRequest]) -> Line:
    try:
        check_encoding(text)
        return Line(number=number, request=made())
    except UsageError as error:
        return Line(number=number, problem=str(error))


def _rows(text: io.TextIOWrapper, check: Check, folder: Path) -> Iterator[Line]:
    for row in rows_of(text):
        if row.problem is not None and not row.cells:
            yield Line(number=row.number, problem=row.problem)
            continue
        yield _line(row.number, "".join(row.cells.values()), partial(_row, row, check, folder))


def _row(row: Row, check: Check, folder: Path) -> GenerationRequest:
    if row.problem is not None:
        raise UsageError(row.problem)
    return from_cells(row.cells, check, folder)


@contextmanager
def opened(given: str, chosen: Format | None, check: Check) -> Iterator[PromptFile]:
    """The file, or standard input for ``-``; ``check``: refuses what the service would not take.

    Raises:
        UsageError: It cannot be read, or its format is not known.
    """
    if given == STDIN:
        with _spooled(_stdin()) as file:
            yield PromptFile(
                name="<stdin>",
                file=file,
                format=chosen or Format.TXT,
                folder=Path(),
                check=check,
            )
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
        yield PromptFile(name=given, file=again, format=kind, folder=path.parent, check=check)


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
