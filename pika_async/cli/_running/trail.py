"""What a command knows by now: enough to say how to go on, whatever happens."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from attrs import Factory, define

from pika_async import (
    BatchStopped,
    JobAccepted,
    JournalBroken,
    JournalError,
    Money,
    SubmitHeldBack,
    SubmitUncertain,
    VideoKept,
    VideoSaved,
)
from pika_async._figures import counted
from pika_async.cli._running.progress import Progress
from pika_async.dialects import service_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pika_async import Event

STDIN: Final = "-"


@define(kw_only=True)
class Trail:
    """Filled in as the command goes along; this one is of a command that starts no job."""

    service: str = "gateway"
    """The name of the service that is asked."""
    base_url: str | None = None
    """Where it is, if an option says so."""
    allow_insecure: bool = False
    again: list[str] = Factory(list)
    """The options that were given and hold for the line that goes on; what came from the
    environment is still there next time."""
    simulated: bool = False
    """The service is inside this process and ends with it."""
    job_id: str | None = None
    """The job, where the command is about one."""
    uncertain: bool = False
    """A submit broke off where the job may exist."""
    told: bool = False
    """What it leaves behind has been said."""
    reads_file: ClassVar[bool] = False
    """Whether requests come from a file, and not from options."""

    def hears(self, event: Event) -> bool:
        """Note what an event of the library tells; whether it is to be shown now.

        What is not is said at the end, or by what the command waits for.
        """
        return isinstance(event, SubmitHeldBack) and not event.in_line

    def resume(self) -> str | None:
        """The line that goes on without paying again, or None where there is none."""
        return None

    @property
    def begun(self) -> bool:
        """Whether it leaves something behind."""
        return False

    def left(self) -> str:
        """What it leaves behind when it ends early."""
        return "nothing was started and nothing is charged."


@define(kw_only=True)
class JobTrail(Trail):
    """Of a command that is about one job."""

    overwrite: bool = False
    target: Path | None = None
    submits: bool = False
    """The job is submitted by this command, not found by its id."""
    finished: bool = False
    """The service has the video."""

    def hears(self, event: Event) -> bool:
        """See :class:`Trail`."""
        match event:
            case JobAccepted(unclaimed=True):
                self.job_id = event.job_id
                return False
            case SubmitUncertain(unclaimed=True):
                self.uncertain = True
                return True
            case VideoSaved():
                return True
            case _:
                return Trail.hears(self, event)

    def resume(self) -> str | None:
        """The line that waits for the job again and saves its video without paying again."""
        if self.job_id is None or self.simulated:
            return None
        words = []
        if self.target is not None:
            words = ["-o", str(self.target), *(["--overwrite"] if self.overwrite else [])]
        return watch_line(self.job_id, [*words, *self.again])

    @property
    def begun(self) -> bool:
        """Whether it leaves something behind."""
        return self.job_id is not None

    def left(self) -> str:
        """What it leaves behind when it ends early."""
        if self.simulated:
            return "the simulated job ended with this command; nothing was paid."
        if self.finished:
            return (
                "the video is finished and paid for; the line below saves it without paying again."
            )
        if self.job_id is not None:
            return (
                f"job {self.job_id} runs on at the service and stays paid for; the line below "
                "waits for it without paying again."
            )
        if self.uncertain:
            return (
                "the job may exist and may be billed; look at the account's usage before "
                "submitting again."
            )
        # Not super(): attrs replaces this class by one with slots.
        return Trail.left(self)


@define(kw_only=True)
class BatchTrail(Trail):
    """Of a command that is about a file of prompts."""

    reads_file: ClassVar[bool] = True

    file: str
    journal: str | None = None
    """The file of the journal that knows what is paid for, where there is one."""
    saved_in: str | None = None
    """The folder of the videos, where they are saved."""
    progress: Progress | None = None
    """How far the batch has come, once it has begun."""
    budget: Money | None = None
    """What may be spent over all runs with the journal, given now or before."""
    price: Money | None = None
    """What a job is taken to cost where the service does not say."""
    limit: int | None = None
    """How many may be submitted in a run."""
    lost: int = 0
    """How many submits of this run may have started a job that nobody knows."""
    left_out: tuple[str, ...] = ()
    """Options that were given and that the line which resumes does not repeat."""

    def place(self, number: int) -> str:
        """How a line of the file is named."""
        return f"{'<stdin>' if self.file == STDIN else self.file}:{number}"

    def hears(self, event: Event) -> bool:
        """See :class:`Trail`."""
        self.lost += isinstance(event, SubmitUncertain)
        match event:
            case SubmitUncertain(unclaimed=True) | JournalBroken() | VideoKept():
                return True
            case BatchStopped():
                # A broken journal has an event of its own.
                return not isinstance(event.error, JournalError)
            case _:
                return Trail.hears(self, event)

    def line(self, *more: str, budget: str | None = None) -> str | None:
        """The command again, with ``more`` options; None where it would pay again for all.

        ``budget``: one to be given in the place of that which it had.
        """
        again = self.again if budget is None else with_option(self.again, "--budget", budget)
        return self._line(again, more)

    def _line(self, again: Sequence[str], more: Sequence[str] = ()) -> str | None:
        if self.simulated or self.journal is None:
            return None
        return shlex.join(["pika-async", "batch", argument(self.file), *again, *more])

    def settle_line(self) -> str | None:
        """The command that lists what is uncertain in the journal; None where there is none."""
        if self.simulated or self.journal is None:
            return None
        return shlex.join(["pika-async", "settle", argument(self.journal), *self._way()])

    def _way(self) -> Iterator[str]:
        """The options that say where the service is, of those that were given."""
        words = iter(self.again)
        for word in words:
            if word in ("--service", "--base-url"):
                yield from (word, next(words))
            elif word == "--allow-insecure":
                yield word

    def resume(self) -> str | None:
        """The line that goes on without paying again; of a limit, with what is left of it."""
        if self.progress is None:
            return None
        again = self.again
        if self.limit is not None:
            # A submit that is sent again with its key is counted by the run that sends it.
            lost = 0 if service_named(self.service).repeatable else self.lost
            left = max(0, self.limit - self.progress.stats.submitted - lost)
            again = with_option(again, "--limit", str(left))
        return self._line(again)

    @property
    def begun(self) -> bool:
        """Whether it leaves something behind."""
        return self.progress is not None

    def left(self) -> str:
        """What it leaves behind when it ends early."""
        if self.progress is None:
            return Trail.left(self)
        if self.simulated:
            ended = "the simulated jobs ended with this command; nothing was paid."
            if self.journal is None:
                return ended
            return f"{ended} The journal knows what is done: the same command simulates the rest."
        sentences = [
            "nothing more is submitted.",
            f"{self.progress.finished:,} of {counted(self.progress.total, 'prompt')} done.",
            *self._jobs(self.progress),
        ]
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
            verbs = ("job runs", "stays") if len(running) == 1 else ("jobs run", "stay")
            sentences.append(
                f"{len(running):,} {verbs[0]} on at the service and {verbs[1]} paid for"
                f"{self._ids(running)}."
            )
        if unsaved:
            jobs = "job is" if len(unsaved) == 1 else "jobs are"
            sentences.append(
                f"{len(unsaved):,} {jobs} finished and paid for, and not saved yet"
                f"{self._ids(unsaved)}."
            )
        return sentences or ["No job is left running."]

    def _ids(self, job_ids: tuple[str, ...]) -> str:
        """The ids of jobs that nothing else knows."""
        return "" if self.journal else f": {', '.join(job_ids)}"

    def _ways_on(self) -> str:
        if not self.journal:
            return (
                "There is no journal: come back to each job with `pika-async watch JOB_ID -o "
                "FILE`; to run the batch again pays again for all."
            )
        given = "Given the same input again, the" if self.file == STDIN else "The"
        line = f"{given} line below waits for what runs and does the rest, without paying again."
        if self.left_out:
            line += (
                f" It does not repeat {' and '.join(self.left_out)}, which would also pay again "
                "for what this run has submitted."
            )
        return line


def with_option(words: Sequence[str], option: str, value: str) -> list[str]:
    """The words of a command with this value of an option, in the place of the one it had."""
    if option not in words:
        return [*words, option, value]
    place = words.index(option) + 1
    return [*words[:place], value, *words[place + 1 :]]


def without_option(words: Sequence[str], option: str) -> list[str]:
    """The words of a command without an option and its value."""
    if option not in words:
        return list(words)
    place = words.index(option)
    return [*words[:place], *words[place + 2 :]]


def argument(file: str) -> str:
    """The name of a file as an argument: one that looks like an option would be taken for it."""
    return f"./{file}" if file.startswith("-") and file != STDIN else file


def watch_line(job_id: str, options: Sequence[str] = ()) -> str:
    """The command that goes on waiting for a job."""
    # An id that looks like an option must come after everything else.
    words = [*options, "--", job_id] if job_id.startswith("-") else [job_id, *options]
    return shlex.join(["pika-async", "watch", *words])
