"""A file of prompts, read twice: to check all of it, then to send it, a line at a time."""

from __future__ import annotations

import codecs
import io
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from attrs import evolve, field, frozen

from pika_async import GenerationRequest
from pika_async._figures import counted
from pika_async._request.spelling import MARK
from pika_async.cli._prompts.fields import check_encoding
from pika_async.cli._prompts.requests import Check, Reading, from_cells, from_json, from_text
from pika_async.cli._prompts.table import Row, rows_of
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.trail import STDIN

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

_SHOWN_PROBLEMS: Final = 20
_SHOWN_NUMBERS: Final = 5
_ZIP: Final = b"PK"
_AS_CSV: Final = (
    'in the spreadsheet program, save it as "CSV UTF-8" (Excel) or as "Text CSV" (LibreOffice), '
    'or download it as "Comma-separated values" (Google Sheets)'
)
_AS_JSONL: Final = (
    "write one JSON object a line into a .jsonl file, as `jq -c '.[]' prompts.json > "
    'prompts.jsonl` does, or pandas\' `to_json(name, orient="records", lines=True)`'
)
_SAVED_OTHERWISE: Final = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), _AS_CSV),
    ".json": _AS_JSONL,
}
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
    ".tsv": Format.CSV,
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
    how: Reading
    """How its lines become requests."""
    _own: dict[str, None] = field(factory=dict, init=False, eq=False)

    @property
    def own_columns(self) -> tuple[str, ...]:
        """The names of the texts that are kept with the results, once all of it was checked."""
        return tuple(self._own)

    def lines(self) -> Generator[Line]:
        """Its lines, without those that are empty or comments; one at a time in memory."""
        self.file.seek(0)
        start = self.file.read(2)
        if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            yield Line(number=1, problem="the file is UTF-16; save it as UTF-8")
            return
        if start == _ZIP:
            yield Line(number=1, problem=f"it is not text, but packed like a workbook: {_AS_CSV}")
            return
        self.file.seek(0)
        text = io.TextIOWrapper(
            self.file,
            encoding="utf-8",
            # Bytes that are not UTF-8 are refused with the line that holds them.
            errors="surrogateescape",
            newline="" if self.format is Format.CSV else None,
        )
        try:
            match self.format:
                case Format.TXT:
                    yield from _prompts(text, self.how)
                case Format.CSV:
                    yield from _rows(text, self.how)
                case Format.JSONL:
                    yield from _objects(text, self.how)
        finally:
            # The file stays open, to be read again.
            if not self.file.closed:
                text.detach()

    def checked(self) -> int:
        """Read all of it, and count its requests.

        Raises:
            UsageError: Lines that cannot be used, named and numbered; or there is no request.
        """
        total = 0
        complaints = _Complaints(self.name)
        for line in self.lines():
            total += 1
            if line.request is not None:
                self._own.update(dict.fromkeys(line.request.metadata))
            if line.problem is not None:
                complaints.add(line.number, line.problem)
        if complaints.lines:
            lines = counted(complaints.lines, "line")
            shown = list(complaints.shown())
            raise UsageError("\n".join([f"{lines} cannot be used; nothing was sent.", *shown]))
        if not total:
            raise UsageError(f"there are no prompts in {self.name}.")
        return total


class _Complaints:
    """What is wrong with the lines of a file; equal complaints are told once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers: dict[str, list[int]] = {}
        self._counts: Counter[str] = Counter()
        self.lines = 0
        """How many lines are complained of."""
        self._others = 0

    def add(self, number: int, problem: str) -> None:
        """Of one line."""
        self.lines += 1
        if problem not in self._numbers:
            if len(self._numbers) == _SHOWN_PROBLEMS:
                self._others += 1
                return
            self._numbers[problem] = []
        self._counts[problem] += 1
        if len(self._numbers[problem]) < _SHOWN_NUMBERS:
            self._numbers[problem].append(number)

    def shown(self) -> Iterator[str]:
        """One line for each complaint: ``shots.csv:2, 3, 4 and 17 more: …``."""
        for problem, numbers in self._numbers.items():
            more = self._counts[problem] - len(numbers)
            named = ", ".join(map(str, numbers)) + (f" and {more} more" if more else "")
            yield f"{self._name}:{named}: {problem}"
        if self._others:
            yield f"… and {self._others} more"


def _prompts(text: io.TextIOWrapper, how: Reading) -> Iterator[Line]:
    for number, line in enumerate(text, 1):
        parts = [part for one in line.split(MARK) if (part := one.strip())]
        if len(parts) > 1:
            yield Line(number=number, problem=_JOINED)
        elif parts and not parts[0].startswith("#"):
            yield _line(number, parts[0], partial(from_text, parts[0], how))


def _objects(text: io.TextIOWrapper, how: Reading) -> Iterator[Line]:
    for number, line in enumerate(text, 1):
        for value in _values(line):
            yield _line(number, value, partial(from_json, value, how))


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


def _rows(text: io.TextIOWrapper, how: Reading) -> Iterator[Line]:
    for row in rows_of(text):
        if row.problem is not None and not row.cells:
            yield Line(number=row.number, problem=row.problem)
            continue
        text_of_it = "".join((*row.cells.values(), *row.own.values()))
        yield _line(row.number, text_of_it, partial(_row, row, how))


def _row(row: Row, how: Reading) -> GenerationRequest:
    if row.problem is not None:
        raise UsageError(row.problem)
    return from_cells(row.cells, row.own, how)


def is_file_of_prompts(given: str) -> bool:
    """Whether it is the name of a file of prompts, even of one that is not there."""
    try:
        path = Path(given)
        if path.is_file():
            return True
    except (OSError, ValueError):
        return False
    suffix = path.suffix.lower()
    return not re.search(r"\s", given) and (suffix in _SUFFIXES or suffix in _SAVED_OTHERWISE)


@contextmanager
def opened(
    given: str,
    chosen: Format | None,
    check: Check,
    defaults: Mapping[str, Any] | None = None,
) -> Iterator[PromptFile]:
    """The file, or standard input for ``-``.

    Args:
        given: Its name.
        chosen: How it is written; None: its name tells.
        check: Refuses what the service would not take.
        defaults: The fields of lines that do not say otherwise.

    Raises:
        UsageError: It cannot be read, or its format is not known.
    """
    how = Reading(check=check, defaults=defaults or {})
    if given == STDIN:
        with _spooled(_stdin()) as file:
            yield PromptFile(name="<stdin>", file=file, format=chosen or Format.TXT, how=how)
        return
    path = Path(given)
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        said = f"{given!r} cannot be read: {reason}"
        if isinstance(error, FileNotFoundError) and " " in given and not path.suffix:
            said += (
                "; it takes a file of prompts, and for one prompt there is `pika-async generate`"
            )
        raise UsageError(f"{said}.") from error
    # A pipe can be read only once.
    with file, nullcontext(file) if path.is_file() else _spooled(file) as again:
        kind = chosen or _SUFFIXES.get(path.suffix.lower())
        if kind is None:
            if advice := _SAVED_OTHERWISE.get(path.suffix.lower()):
                raise UsageError(f"{given!r} cannot be read as it is: {advice}.")
            raise UsageError(
                f"the name {given!r} does not tell how the prompts are written down: add --format "
                "txt, csv or jsonl."
            )
        here = evolve(how, folder=path.parent)
        yield PromptFile(name=given, file=again, format=kind, how=here)


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
