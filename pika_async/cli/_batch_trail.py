"""What the command ``batch`` knows by now, and the lines that go on from there."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from attrs import define

from pika_async.cli._batch_progress import Progress
from pika_async.cli._prompts import STDIN
from pika_async.cli._trail import Trail

if TYPE_CHECKING:
    import logging

# Where a journal has them all.
_NAMED: Final = 20


@define(kw_only=True)
class BatchTrail(Trail):
    """Filled in as the command goes along."""

    file: str
    options: list[str]
    """Those that were given and hold for a second run too."""
    journal: bool
    progress: Progress | None = None

    @property
    def file_name(self) -> str:
        """The file, as lines in it are named."""
        return "<stdin>" if self.file == STDIN else self.file

    def line(self, *more: str) -> str | None:
        """The command again, with ``more`` options; None where it would pay again for all."""
        if self.simulated or not self.journal:
            return None
        file = f"./{self.file}" if self.file.startswith("-") and self.file != STDIN else self.file
        words = ["pika-async", "batch", file, *self.options, *self._connection(), *more]
        return shlex.join(words)

    def resume(self) -> str | None:
        """The line that goes on without paying again."""
        return self.line() if self.begun() else None

    def begun(self) -> bool:
        """Whether it leaves something behind."""
        return self.progress is not None

    def left(self) -> str:
        """What it leaves behind when it ends early."""
        if self.progress is None:
            return Trail.left(self)
        if self.simulated:
            return "the simulated jobs ended with this command; nothing was paid."
        sentences = ["nothing more is submitted.", *self._jobs(self.progress)]
        if self.uncertain and self.progress.submitting:
            sentences.append(
                "Submits whose answers were not awaited may have started more jobs: "
                + (
                    "the journal knows them, and a second run calls them uncertain."
                    if self.journal
                    else "look at the account's usage."
                )
            )
        sentences.append(self._ways_on())
        return " ".join(sentences)

    def _jobs(self, progress: Progress) -> list[str]:
        running = progress.in_flight
        unsaved = progress.unsaved()
        sentences = []
        if running:
            runs = "job runs on" if len(running) == 1 else "jobs run on"
            stays = "stays" if len(running) == 1 else "stay"
            sentences.append(
                f"{len(running)} {runs} at the service and {stays} paid for: {self._ids(running)}."
            )
        if unsaved:
            jobs = "job is" if len(unsaved) == 1 else "jobs are"
            sentences.append(
                f"{len(unsaved)} {jobs} finished and paid for, and not saved yet: "
                f"{self._ids(unsaved)}."
            )
        return sentences or ["No job is left running."]

    def _ids(self, job_ids: tuple[str, ...]) -> str:
        named = job_ids[:_NAMED] if self.journal else job_ids
        more = len(job_ids) - len(named)
        return ", ".join(named) + (f" and {more} more" if more else "")

    def _ways_on(self) -> str:
        if not self.journal:
            return (
                "There is no journal: come back to each job with `pika-async watch JOB_ID -o "
                "FILE`; to run the batch again pays again for all."
            )
        given = "Given the same input again, the" if self.file == STDIN else "The"
        return f"{given} line below waits for them and does the rest, without paying again."

    def reads_file(self) -> bool:
        """Whether requests come from a file, and not from options."""
        return True

    def tells_later(self, record: logging.LogRecord) -> bool:
        """Whether what a record of the library's log says is said at the end anyway."""
        return getattr(record, "job_ids", None) is not None
