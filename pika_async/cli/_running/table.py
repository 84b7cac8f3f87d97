"""The results of a batch as a table, for spreadsheets: a row for each prompt of the file.

All of it is there from the beginning, and what is on the disk is whole at every moment: it is
written beside and moved into place, now and then while the batch runs, and once more when it ends
or is interrupted. The journal knows more, and knows it at once; this is for people.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define, field

from pika_async import JobError, NotSubmittedError, SubmissionUncertainError
from pika_async.cli._running.run import repeating
from pika_async.cli._running.trail import Trail
from pika_async.cli._showing.batch_words import problem
from pika_async.cli._showing.shown import Note, Show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async import BatchResult, Money
    from pika_async.cli._prompts.file import Line

_SECONDS_BETWEEN: Final = 2.0
# Of the time, what writing may take.
_SHARE: Final = 0.05
_BEFORE: Final = ("row", "line")
_AFTER: Final = ("status", "job_id", "file", "seed", "cost", "error")
# With it spreadsheets take the text for UTF-8; where all is ASCII it would only be in the way.
_MARK: Final = "\ufeff"


@define
class _Row:
    line: int
    number: int | None
    own: dict[str, str]
    seed: int | None
    ends: tuple[str, ...] | None = None
    """Status, job, file, seed, cost and error, once there is a result."""


@define(kw_only=True)
class ResultsTable:
    """A table that fills up."""

    path: Path
    columns: Sequence[str]
    """Of the caller's own texts."""
    trail: Trail
    show: Show
    running: Callable[[], Mapping[int, str]] = dict
    """The jobs in flight, by the places of their rows."""
    _rows: list[_Row] = field(factory=list, init=False)
    _written_at: float = field(default=float("-inf"), init=False)
    _took: float = field(default=0.0, init=False)
    _is_changed: bool = field(default=True, init=False)
    _told: bool = field(default=False, init=False)

    def expect(self, line: Line, number: int | None) -> None:
        """The next line of the file; ``number``: the one of its request, where there is one."""
        request = line.request
        self._rows.append(
            _Row(
                line.number,
                number,
                dict(request.metadata) if request is not None else {},
                request.seed if request is not None else None,
            )
        )

    def came(self, place: int, result: BatchResult | str) -> None:
        """The result of a line; text: why it cannot be used any more."""
        row = self._rows[place]
        self._is_changed = True
        said = result if isinstance(result, str) else result.error
        error = "" if said is None else problem(said, self.trail)
        if isinstance(result, str):
            row.ends = ("failed", "", "", "", "", error)
            return
        row.number = result.number
        state = result.error.state if isinstance(result.error, JobError) else result.state
        videos = getattr(state, "videos", ())
        seed = next((video.seed for video in videos if video.seed is not None), row.seed)
        row.ends = (
            _status(result),
            result.job_id or "",
            "|".join(self._name(path) for path in result.files),
            "" if seed is None else str(seed),
            _plain(getattr(state, "charge", None)),
            error,
        )

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What is known is written now and then, and when this ends, however it does."""
        self.write()
        try:
            with repeating(self._now_and_then, _SECONDS_BETWEEN):
                yield
        finally:
            self.write()

    def write(self) -> None:
        """Write all that is known; a disk that will not take it is told of once."""
        began = time.monotonic()
        beside = self.path.with_name(f"{self.path.name}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(self._text().encode("utf-8", "backslashreplace"))
            beside.replace(self.path)
        except OSError as error:
            # A spreadsheet program may hold the file: the batch goes on, and so does the journal.
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            if not self._told:
                self._told = True
                reason = error.strerror or error
                self.show(Note(f"warning: the table {self.path} cannot be written: {reason}"))
        self._is_changed = False
        self._written_at = time.monotonic()
        self._took = self._written_at - began

    def _now_and_then(self) -> None:
        since = time.monotonic() - self._written_at
        if (self._is_changed or self.running()) and since >= self._took / _SHARE:
            self.write()

    def _text(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([*_BEFORE, *map(_column, self.columns), *_AFTER])
        running = self.running()
        for place, row in enumerate(self._rows):
            job_id = running.get(place)
            seed = "" if row.seed is None else str(row.seed)
            waiting = ("waiting" if job_id is None else "running", job_id or "", "", seed, "", "")
            number = "" if row.number is None else row.number
            own = [row.own.get(name, "") for name in self.columns]
            writer.writerow([number, row.line, *own, *(row.ends or waiting)])
        written = text.getvalue()
        return written if written.isascii() else _MARK + written

    def _name(self, path: Path) -> str:
        """A file beside the table by its name alone: they are moved together."""
        return path.name if path.parent == self.path.parent else str(path)


def _column(name: str) -> str:
    return f"metadata.{name}" if name in (*_BEFORE, *_AFTER) else name


def _status(result: BatchResult) -> str:
    match result.error:
        case None:
            return "succeeded"
        case SubmissionUncertainError():
            return "uncertain"
        case NotSubmittedError():
            return "not submitted"
        case _:
            return "failed"


def _plain(charge: Money | None) -> str:
    """An amount that a spreadsheet can add up; its currency where that is not the dollar."""
    if charge is None:
        return ""
    return f"{charge.amount:f}" + ("" if charge.currency == "USD" else f" {charge.currency}")
