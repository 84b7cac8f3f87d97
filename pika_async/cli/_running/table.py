"""The results of a batch as a table, for spreadsheets: a row for each prompt of the file.

All of it is there from the beginning, and what is on the disk is whole at every moment: it is
written beside and moved into place, now and then while the batch runs, and once more when it ends
or is interrupted. The journal knows more, and knows it at once; this is for people.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define, evolve, field

from pika_async._sheet import MARK, Row, Sheet, Standing, seeds_of
from pika_async.cli._running.run import repeating
from pika_async.cli._showing.batch_words import end_of, reason, standing
from pika_async.cli._showing.shown import Note, Show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async import BatchResult
    from pika_async.cli._prompts.file import Line

_SECONDS_BETWEEN: Final = 2.0
# The share of the time that writing may take.
_SHARE: Final = 0.05


@define(kw_only=True)
class ResultsTable:
    """A table that fills up."""

    path: Path
    columns: Sequence[str]
    """Of the caller's own texts."""
    show: Show
    running: Callable[[], Mapping[int, str]] = dict
    """The jobs in flight, by the places of their rows."""
    _rows: list[Row] = field(factory=list, init=False)
    _written_at: float = field(default=float("-inf"), init=False)
    _took: float = field(default=0.0, init=False)
    _is_changed: bool = field(default=True, init=False)
    _told: bool = field(default=False, init=False)

    def expect(self, line: Line, number: int | None) -> None:
        """The next line of the file; ``number``: the one of its request, where there is one."""
        request = line.request
        self._rows.append(
            Row(
                number=number,
                line=line.number,
                metadata={} if request is None else request.metadata,
                standing=Standing.WAITING,
                seeds=[] if request is None else seeds_of(None, request.seed),
            )
        )

    def came(self, place: int, result: BatchResult | str) -> None:
        """The result of a line; text: why it cannot be used any more."""
        self._is_changed = True
        row = self._rows[place]
        if isinstance(result, str):
            self._rows[place] = evolve(row, standing=Standing.FAILED, error=result)
            return
        end = end_of(result)
        self._rows[place] = evolve(
            row,
            number=result.number,
            standing=standing(result),
            job_id=result.job_id,
            files=[path.name for path in result.files],
            seeds=seeds_of(end, None) or row.seeds,
            charged=None if end is None else end.charge,
            error="" if result.error is None else reason(result.error),
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
                why = error.strerror or error
                self.show(Note(f"warning: the table {self.path} cannot be written: {why}"))
        self._is_changed = False
        self._written_at = time.monotonic()
        self._took = self._written_at - began

    def _now_and_then(self) -> None:
        since = time.monotonic() - self._written_at
        if (self._is_changed or self.running()) and since >= self._took / _SHARE:
            self.write()

    def _text(self) -> str:
        sheet = Sheet(self.columns, has_lines=True)
        running = self.running()
        lines = [sheet.header()]
        for place, row in enumerate(self._rows):
            now = row
            if row.standing is Standing.WAITING and (job_id := running.get(place)) is not None:
                now = evolve(row, standing=Standing.RUNNING, job_id=job_id)
            lines.append(sheet.row(now))
        written = "".join(lines)
        return written if written.isascii() else MARK + written
