"""What a command knows of its job by now: enough to say how to go on, whatever happens."""

from __future__ import annotations

import shlex
from pathlib import Path

from attrs import define


@define(kw_only=True)
class Trail:
    """Filled in as the command goes along."""

    base_url: str | None = None
    """As given on the command line; what came from the environment is still there next time."""
    allow_insecure: bool = False
    overwrite: bool = False
    simulated: bool = False
    """The service is inside this process and ends with it."""
    target: Path | None = None
    job_id: str | None = None
    submits: bool = False
    """The job is submitted by this command, not found by its id."""
    uncertain: bool = False
    """A submit broke off where the job may exist."""
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
        words += ["--base-url", self.base_url] if self.base_url else []
        words += ["--allow-insecure"] if self.allow_insecure else []
        # An id that looks like an option must come after everything else.
        words[2:2] = [] if self.job_id.startswith("-") else [self.job_id]
        words += ["--", self.job_id] if self.job_id.startswith("-") else []
        return shlex.join(words)
