"""What a command knows by now: enough to say how to go on, whatever happens."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    import logging


@define(kw_only=True)
class Trail:
    """Filled in as the command goes along; this one is of a command that starts no job."""

    base_url: str | None = None
    """As given on the command line; what came from the environment is still there next time."""
    allow_insecure: bool = False
    simulated: bool = False
    """The service is inside this process and ends with it."""
    job_id: str | None = None
    """The job, where the command is about one."""
    uncertain: bool = False
    """A submit broke off where the job may exist."""

    def resume(self) -> str | None:
        """The line that goes on without paying again, or None where there is none."""
        return None

    def begun(self) -> bool:
        """Whether it leaves something behind."""
        return False

    def left(self) -> str:
        """What it leaves behind when it ends early."""
        return "nothing was started and nothing is charged."

    def reads_file(self) -> bool:
        """Whether requests come from a file, and not from options."""
        return False

    def tells_later(self, record: logging.LogRecord) -> bool:
        """Whether what a record of the library's log says is said at the end anyway."""
        return False

    def _connection(self) -> list[str]:
        words = ["--base-url", self.base_url] if self.base_url else []
        return [*words, "--allow-insecure"] if self.allow_insecure else words


@define(kw_only=True)
class JobTrail(Trail):
    """Of a command that is about one job."""

    overwrite: bool = False
    target: Path | None = None
    submits: bool = False
    """The job is submitted by this command, not found by its id."""
    finished: bool = False
    """The service has the video."""

    def resume(self) -> str | None:
        """The line that waits for the job again and saves its video without paying again."""
        if self.job_id is None or self.simulated:
            return None
        words = ["pika-async", "watch"]
        if self.target is not None:
            words += ["-o", str(self.target)]
            words += ["--overwrite"] if self.overwrite else []
        words += self._connection()
        # An id that looks like an option must come after everything else.
        words[2:2] = [] if self.job_id.startswith("-") else [self.job_id]
        words += ["--", self.job_id] if self.job_id.startswith("-") else []
        return shlex.join(words)

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
        # Not super(): attrs makes another class of this one for its slots.
        return Trail.left(self)

    def tells_later(self, record: logging.LogRecord) -> bool:
        """Whether what a record of the library's log says is said at the end anyway."""
        if getattr(record, "uncertain", False):
            self.uncertain = True
        # What the library attaches where it tells of a submit whose caller had been interrupted.
        job_id = getattr(record, "job_id", None)
        if job_id is not None:
            self.job_id = str(job_id)
        return job_id is not None
