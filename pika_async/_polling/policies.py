"""When to look again: pure arithmetic over what is known of a job."""

from __future__ import annotations

from typing import Protocol

from attrs import field, frozen

from pika_async._backoff import growing, spread
from pika_async._checks import seconds, share
from pika_async._request.request import GenerationRequest
from pika_async._states import JobState


@frozen(kw_only=True)
class Observation:
    """What is known of one job when its next poll is planned, or when it has ended.

    Attributes:
        job_id: The job.
        request: What was asked for; None for a job re-attached by its id.
        state: Its last known state; None where a re-attached job has not been looked at.
        elapsed: Seconds from the submit (re-attached: from the re-attachment) to the last answer.
        unchanged_for: Seconds from the last change of state to the last answer.
        polls: Polls sent so far, answered or not.
        at: When the last answer came, in seconds on the clock that all jobs of a client share:
            while somebody waits for the job, ``time.monotonic() - at`` tells for how long the
            service has been silent. None where no clock is shared.
    """

    job_id: str
    request: GenerationRequest | None
    state: JobState | None
    elapsed: float
    unchanged_for: float
    polls: int
    at: float | None = field(default=None, eq=False)


class PollPolicy(Protocol):
    """Decides when a job is looked at next. One policy may serve all jobs of a client.

    A policy may keep what it learns; :meth:`finished` is how it hears of a job's end.
    """

    def delay(self, observation: Observation, random_number: float) -> float:
        """Seconds from the last look to the next.

        Args:
            observation: What is known of the job.
            random_number: From 0 to below 1, new at each call: the source of all jitter.
        """
        ...

    def finished(self, observation: Observation) -> None:
        """Hear, once a job, that it was seen in a terminal state: ``observation`` has it."""
        ...


@frozen
class FixedPolling:
    """A look every ``interval`` seconds, without jitter."""

    interval: float = field(validator=seconds(at_least=0.0))

    def delay(self, observation: Observation, random_number: float) -> float:
        """The interval."""
        return self.interval

    def finished(self, observation: Observation) -> None:
        """Nothing to learn."""


@frozen(kw_only=True)
class ExponentialPolling:
    """Delays that grow from ``initial`` by ``factor`` to ``maximum`` seconds.

    After the n-th poll the delay is ``min(initial * factor ** n, maximum)``, then moved
    by up to ``jitter`` (a share of it) either way. The jitter comes after the bound, so that jobs
    submitted together do not poll together once they have reached it.
    """

    initial: float = field(default=1.0, validator=seconds(at_least=0.0))
    factor: float = field(default=1.5, validator=seconds(at_least=1.0))
    maximum: float = field(default=10.0, validator=seconds(at_least=0.0))
    jitter: float = field(default=0.1, validator=share)

    def delay(self, observation: Observation, random_number: float) -> float:
        """The next step of the backoff."""
        step = growing(self.initial, self.factor, self.maximum, observation.polls)
        return spread(step, self.jitter, random_number)

    def finished(self, observation: Observation) -> None:
        """Nothing to learn."""
