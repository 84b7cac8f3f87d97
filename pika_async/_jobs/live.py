"""The jobs that somebody holds. Whoever comes back to such a job by its id shares its polls."""

from __future__ import annotations

from weakref import ref

from pika_async._jobs.job import Job


class _Held(ref[Job]):
    __slots__ = ("job_id",)

    job_id: str


class LiveJobs:
    """Each job under its id, for as long as anybody holds it.

    It does what a ``WeakValueDictionary`` does, and costs less. The references of that are made in
    Python, and one of them is more work than everything else that is noted of a submit.
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        # One for all: a bound method of its own for each would be one more object a job.
        self._callback = self._gone

    def __len__(self) -> int:
        return len(self._held)

    def get(self, job_id: str) -> Job | None:
        """The job, where somebody holds it."""
        held = self._held.get(job_id)
        return None if held is None else held()

    def add(self, job_id: str, job: Job) -> None:
        """Find ``job`` from now on."""
        held = self._held[job_id] = _Held(job, self._callback)
        held.job_id = job_id

    def _gone(self, held: _Held) -> None:
        # Another may have taken its place in the meantime.
        if self._held.get(held.job_id) is held:
            del self._held[held.job_id]
