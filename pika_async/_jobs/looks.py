"""What watchers of a job share: the poll under way, and the changes of state that polls found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from attrs import define, frozen

from pika_async._backoff import RetryPolicy
from pika_async._errors import PikaError
from pika_async._log import Teller
from pika_async._pickles import twin
from pika_async._polling.policies import PollPolicy
from pika_async._states import JobState
from pika_async._timing import Sleepers
from pika_async._wire.heard import Heard
from pika_async.dialects import Handle


@frozen(kw_only=True)
class Waiting:
    """What all jobs of a client wait with."""

    look: Callable[[Handle, float, Heard], Awaitable[JobState | None]]
    """One poll of a job, bounded by seconds."""
    cancel: Callable[[Handle], Awaitable[bool]]
    """Ask the service to stop a job."""
    polling: PollPolicy
    retry: RetryPolicy
    request_timeout: float
    """Seconds that one request may take."""
    now: Callable[[], float]
    """Seconds on a clock that never goes back."""
    rest: Callable[[float, Sleepers], Awaitable[None]]
    random: Callable[[], float]
    tell: Teller
    host: str | None = None
    """The name of the machine that is asked."""


@define(eq=False)
class Change:
    """A change of state, and the one after it."""

    state: JobState | None
    at: float
    polls: int
    next: Change | None = None


@define(eq=False)
class Look:
    """A poll under way, and what came of it for those who wait for it too."""

    answered: bool = False
    error: PikaError | None = None
    final: bool = False
    """The error ends the waiting."""
    _landed: anyio.Event | None = None
    _is_taken: bool = False
    _spare: PikaError | None = None
    """The error as it was when the look landed. It is copied, and never raised."""

    @property
    def done(self) -> bool:
        """False while it is under way, and where whoever polled was cancelled."""
        return self.answered or self.error is not None

    async def landed(self) -> None:
        """Wait for its end."""
        if self._landed is None:
            self._landed = anyio.Event()
        await self._landed.wait()

    def land(self) -> None:
        """Tell those who wait."""
        if self.error is not None and (self.final or self._landed is not None):
            self._spare = twin(self.error)
        if self._landed is not None:
            self._landed.set()

    def taken_error(self) -> PikaError:
        """The error of a look that has landed, for one of those whom it concerns.

        Each has an object of its own: the one object, raised to all, would hold the tracebacks of
        all of them, and what one of them notes on it.
        """
        assert self.error is not None  # noqa: S101 - whoever asks has seen it
        if self._is_taken and self._spare is not None:
            return twin(self._spare)
        self._is_taken = True
        return self.error
