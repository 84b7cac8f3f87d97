"""What a simulator knows while it runs: its settings, its jobs, and what arrived."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING, Any

from attrs import define, field
from yarl import URL

from pika_async.simulator._faults import Ledger
from pika_async.simulator._jobs import SimulatedJob
from pika_async.simulator._limit import Bucket
from pika_async.simulator._records import Download, Poll, Stray, Submission
from pika_async.simulator._settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async.simulator._faults import Fault
    from pika_async.simulator._rows import Place
    from pika_async.simulator._services._service import Arrived, Call

_ALL_ADDRESSES = ("0.0.0.0", "::", "")  # noqa: S104 - asked for by the one who starts it

_LAG = 15.0
"""Seconds by which answers are behind at most."""


@define(kw_only=True, eq=False)
class State(Settings):
    """Settings, jobs and records."""

    submissions: list[Submission] = field(factory=list, init=False)
    """Every request that asked for a job, faulty or not."""
    polls: list[Poll] = field(factory=list, init=False)
    """Every look at a job."""
    downloads: list[Download] = field(factory=list, init=False)
    """Every request for a media file."""
    strays: list[Stray] = field(factory=list, init=False)
    """Every request at the media's origin that is not for a media file: redirects lead there."""
    jobs: dict[str, SimulatedJob] = field(factory=dict, init=False)
    """Jobs by id, in order of creation."""
    media_origin: str = field(default="", init=False)
    """The base URL of the media, once it runs."""
    _bucket: Bucket = field(factory=Bucket, init=False)
    _requests: int = field(default=0, init=False)
    ledger: Ledger = field(init=False, repr=False)
    _ids: random.Random = field(init=False)
    _draws: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        # A generator for each purpose: one more fault does not change the ids or the durations.
        self._ids = random.Random(f"ids {self.seed}")  # noqa: S311 - reproducible, not secret
        self._draws = random.Random(f"jobs {self.seed}")  # noqa: S311
        self.ledger = Ledger(random.Random(f"faults {self.seed}"))  # noqa: S311

    # These two are `prefix` and `now` under other names: pyright takes neither a field with a
    # converter nor one that holds a function for what a protocol asks for.

    @property
    def base_path(self) -> str:
        """What stands in front of the API's paths."""
        return self.prefix

    def clock(self) -> float:
        """Seconds on the clock of the jobs."""
        return self.now()

    def next_request_id(self) -> str:
        """An id by which the service names one request."""
        self._requests += 1
        return f"sim{self._requests:012d}"

    def serve_media_at(self, origin: str) -> None:
        """Take note of where the media are, now that they are somewhere."""
        self.media_origin = origin

    def is_called(self, host: str) -> None:
        """Let links lead where the one who asks has found this machine.

        Whoever listens on all addresses at once has no address to name.
        """
        if self.host not in _ALL_ADDRESSES:
            return
        try:
            named = URL(f"http://{host}").host
            if named:
                self.media_origin = str(URL(self.media_origin).with_host(named).origin())
        except ValueError:
            # It is not the name of a host: links lead where they led before.
            return

    def wait_for_submit(self) -> float:
        """0.0 when one more submit is allowed now, else the seconds until it will be."""
        rate = self.submits_per_second
        return 0.0 if rate is None else self._bucket.take(rate, self.now())

    def fault_for(self, call: Call, arrived: Arrived) -> Fault | None:
        """The fault that strikes a request, which counts as having met it."""
        if call.place is None or not self.faults:
            return None
        if call.place != "submit":
            return self.fault_of_job(call.place, call.job_id)
        prompt = None if arrived.json is None else self.service_at_work.prompt(arrived.json)
        return self.ledger.pick(self.faults, "submit", prompt=prompt)

    def fault_of_job(self, place: Place, job_id: str) -> Fault | None:
        """The fault that strikes a request for what a job has made."""
        job = self.jobs.get(job_id)
        prompt = None if job is None else self.service_at_work.prompt(job.body)
        return self.ledger.pick(self.faults, place, job_id, prompt)

    def create_job(self, key: str, body: Mapping[str, Any]) -> SimulatedJob:
        """Make the job that a valid submit asks for."""
        variants = frozenset(
            name for name, chance in self.variants.items() if self._draws.random() < chance
        )
        reason = self.failure(body) if callable(self.failure) else self.failure
        job = SimulatedJob(
            id=self._new_id(variants),
            number=len(self.jobs),
            body=body,
            key=key,
            submitted_at=self.now(),
            duration=self.duration(self._draws) if callable(self.duration) else self.duration,
            queue=self.queue,
            outcome="finished" if reason is None else "error",
            reason=reason or "",
            videos=_videos(self.videos_per_job, variants),
            seed=self._draws.getrandbits(31),
            lag=self._draws.uniform(0, _LAG) if "lagging" in variants else 0.0,
            variants=variants,
        )
        self.jobs[job.id] = job
        return job

    def _new_id(self, variants: frozenset[str]) -> str:
        if "number-ids" in variants:
            return str(1_000_000 * (len(self.jobs) + 1) + self._ids.randrange(1_000_000))
        if "odd-ids" in variants:
            return f"task {len(self.jobs)}/é?#%2F{self._ids.getrandbits(24):06x}"
        unique = uuid.UUID(int=self._ids.getrandbits(128), version=4)
        return f"{self.service_at_work.id_prefix}{unique}"


def _videos(asked: int, variants: frozenset[str]) -> int:
    several = 3 if "several-videos" in variants else 1
    mixed = 2 if "mixed-outcomes" in variants else 1
    return max(asked, several, mixed)
