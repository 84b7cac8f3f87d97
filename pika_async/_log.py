"""The log: the first reader of events, and the only place that writes to ``logging``.

One INFO line when a job is accepted and one when it ends; warnings and errors for what costs money
or may cost it; prompts at DEBUG, and where nothing else names a submit that may have been paid for.
Records carry the facts as attributes, for handlers that act on them: ``job_id`` or ``job_ids``, and
``uncertain``.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pika_async._errors import JournalError
from pika_async._events import (
    BatchLeft,
    BatchStopped,
    FileSystemLimited,
    JobAccepted,
    JobEnded,
    JournalBroken,
    NamesOrigins,
    PollingPolicyFailed,
    StateChanged,
    SubmitHeldBack,
    SubmitRefused,
    SubmitSent,
    SubmitUncertain,
    SubmitWithdrawn,
    VideoKept,
    VideoSaved,
    WaitingEnded,
)
from pika_async._meaning import Started, runs_on
from pika_async._states import Succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pika_async._errors import PikaError
    from pika_async._events import Event, Observer
    from pika_async._request.request import GenerationRequest

_logger: Final = logging.getLogger("pika_async")

# Ids that fit into a line of a log.
_NAMED: Final = 20

# Characters. A longer text of an observer is more than a name.
_LONGEST_ORIGIN: Final = 200


class Teller:
    """Tells events: to the log, then to the observer, if there is one."""

    __slots__ = ("_names", "_observer", "is_observed")

    def __init__(self, observer: Observer | None = None) -> None:
        self._observer = observer
        self._names = observer if isinstance(observer, NamesOrigins) else None
        self.is_observed: bool = observer is not None
        """Whether anyone but the log listens; events that no log line is made of can be spared."""

    @property
    def is_heard(self) -> bool:
        """Whether anyone wants to know of what is worth a line at INFO."""
        return self.is_observed or _logger.isEnabledFor(logging.INFO)

    @property
    def is_traced(self) -> bool:
        """Whether anyone wants to know of what is worth a line at DEBUG alone."""
        return self.is_observed or _logger.isEnabledFor(logging.DEBUG)

    def __call__(self, event: Event) -> None:
        """Tell ``event``. Raises nothing."""
        log(event)
        if self._observer is None:
            return
        try:
            self._observer(event)
        except Exception:
            _logger.exception("the observer raised at %s", type(event).__name__)

    def origin(
        self, submit_id: str, request: GenerationRequest, service: str, earlier: str | None
    ) -> str | None:
        """What the observer calls a submit, as it may be kept. Raises nothing."""
        if self._names is None:
            return None
        try:
            origin = self._names.submit_origin(
                submit_id=submit_id, request=request, service=service, earlier=earlier
            )
            if origin is None:
                return None
            return _checked_origin(origin)
        except Exception:
            _logger.exception("the observer named no origin of the submit %s", submit_id)
            return None


def _checked_origin(origin: object) -> str:
    # Half a surrogate pair, say, could not be written to the journal.
    if isinstance(origin, str) and origin.isascii() and len(origin) <= _LONGEST_ORIGIN:
        return origin
    raise ValueError(
        f"{origin!r:.300} is not allowed as the origin of a submit; allowed is ASCII text of up to "
        f"{_LONGEST_ORIGIN} characters"
    )


def log(event: Event) -> None:  # noqa: C901, PLR0912 - one case an event
    """The line of the log that an event is worth, if it is worth one."""
    match event:
        case SubmitSent():
            _logger.debug("submit %s: sending %r", event.submit_id, event.request.prompt)
        case SubmitHeldBack():
            _logger.log(
                logging.INFO if event.in_line else logging.WARNING,
                "submit held back for %.1f s (attempt %d): %s",
                event.seconds,
                event.tries,
                # The advice of an error is for its end, and this submit goes on.
                event.error.what if event.error.started is Started.MAYBE else event.error,
            )
        case JobAccepted(unclaimed=True, recorded=False):
            _logger.warning(
                "job %s was accepted, and its caller was not told of it; it runs and is paid for: "
                "wait for it with client.job(%r).result()",
                event.job_id,
                event.job_id,
                extra={"job_id": event.job_id},
            )
        case JobAccepted():
            _logger.info("job %s: accepted", event.job_id)
        case SubmitUncertain(unclaimed=True):
            _logger.warning(
                "a submit broke off after its caller had been cancelled; the job may exist and "
                "be billed: %r: %s",
                event.error.request.prompt,
                event.error,
                extra={"uncertain": True},
            )
        case JobEnded():
            if _logger.isEnabledFor(logging.INFO):
                _logger.info("job %s: %s", event.job_id, _outcome(event))
        case WaitingEnded(error=None):
            _logger.warning("the wait was cancelled. %s", runs_on(event.job_id))
        case FileSystemLimited():
            _logger.warning(
                "%s: the file system cannot %s (%s); the video was saved all the same",
                event.path,
                event.cannot,
                event.reason,
            )
        case VideoKept():
            _logger.warning(
                "%s: the video was changed after it was saved (%d bytes now, %d then), and stays "
                "as it is; move it away to have that of the job again",
                event.path,
                event.size,
                event.saved_size,
                extra={"job_id": event.video.job_id},
            )
        case JournalBroken(job_id=None):
            _logger.error("%s", event.error)
        case JournalBroken():
            _logger.error(
                "job %s is paid for, and is not in the journal: write it down, and wait for it "
                "with client.job(%r).result()",
                event.job_id,
                event.job_id,
                extra={"job_id": event.job_id},
            )
        case PollingPolicyFailed():
            _logger.error(
                "the polling policy %s failed (%s); a backoff takes its place",
                event.policy,
                event.problem or repr(event.error),
                exc_info=event.error,
            )
        case BatchStopped(error=JournalError()):
            # Told with JournalBroken.
            pass
        case BatchStopped():
            _logger.error("the batch submits nothing more: %s", event.error)
        case BatchLeft():
            _tell_of_jobs_left(event)
        case (
            SubmitUncertain()
            | SubmitRefused()
            | SubmitWithdrawn()
            | StateChanged()
            | WaitingEnded()
            | VideoSaved()
        ):
            # Whoever waits is told by an error, a transition or a result.
            pass


def poll_waited_out(job_id: str, polls: int, error: PikaError) -> None:
    """A failed poll that is no end: at DEBUG, and no event, since there may be hundreds."""
    _logger.debug("job %s: poll %d failed, waited out: %s", job_id, polls, error)


def record_raised(where: str, error: Exception, job_id: str | None = None) -> None:
    """The ``SubmitRecord`` of a user raised where it is to raise nothing; ``where``: its method."""
    if job_id is None:
        message = "the record of a submit that started nothing raised at %s; it may still have it"
        _logger.error(message, where, exc_info=error)
        return
    _logger.error(
        "the record of a submit raised at %s, so job %s may not be written down; it runs and is "
        "paid for: client.job(%r) comes back to it",
        where,
        job_id,
        job_id,
        exc_info=error,
        extra={"job_id": job_id},
    )


def source_left_behind(cancellations: int) -> None:
    """A batch was left, and its source of requests is not: no event, since no job is concerned."""
    _logger.warning(
        "the source of requests of a batch swallowed %d cancellations, and was left to itself",
        cancellations,
    )


@contextmanager
def shown(show: Callable[[str], None] | None) -> Iterator[None]:
    """Show the log, from DEBUG on, for as long as this lasts.

    Args:
        show: Called with each line. None: whoever runs this reads events, and the log goes only
            where the program has sent it; Python's last resort does not write it to stderr.
    """
    handler: logging.Handler = logging.NullHandler() if show is None else _Lines(show)
    level = _logger.level
    _logger.addHandler(handler)
    if show is not None:
        _logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        _logger.setLevel(level)
        _logger.removeHandler(handler)


@contextmanager
def brief(name: str, show: Callable[[str], None]) -> Iterator[None]:
    """Show what a library warns of in a line each, for as long as this lasts.

    Args:
        name: The library's logger.
        show: Called with each line. What the program has sent elsewhere still goes there, too.
    """
    logger, handler = logging.getLogger(name), _Brief(show)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Brief(logging.Handler):
    """Hands each warning on as a line, without a traceback."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        error = record.exc_info[1] if record.exc_info else None
        why = "" if error is None else f": {error}"
        self._show(f"{record.levelname.lower()}: {record.getMessage()}{why}")


class _Lines(logging.Handler):
    """Hands each record on as text."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        self._show(f"{record.levelname.lower()}: {self.format(record)}")


def _outcome(event: JobEnded) -> str:
    state = event.state
    what = (
        f"succeeded with {len(state.videos)} video(s)"
        if isinstance(state, Succeeded)
        else f"failed: {state.reason}"
    )
    return f"{what} after {event.elapsed:.1f} s and {event.polls} polls"


def _tell_of_jobs_left(event: BatchLeft) -> None:
    # Results that nobody took are lost only where there is no journal.
    untaken = {} if event.journalled else event.unclaimed
    uncertain = {} if event.journalled else event.uncertain
    job_ids = (*event.in_flight.values(), *untaken.values())
    if job_ids:
        _logger.warning(
            "a batch was left with jobs in flight (%d) and with jobs whose results were not taken "
            "(%d); they are paid for: %s. %s",
            len(event.in_flight),
            len(event.unclaimed),
            _listed(job_ids),
            "Run the batch again with the same journal to have them all."
            if event.journalled
            else "Come back to each with client.job(job_id).result().",
            extra={"job_ids": job_ids},
        )
    if uncertain:
        _logger.warning(
            "a batch was left with submits that may have started jobs, and whose results were not "
            "taken (%d): %s",
            len(uncertain),
            _listed([f"{error.request.prompt!r}: {error}" for error in uncertain.values()]),
            extra={"uncertain": True},
        )


def _listed(items: Sequence[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {more} more" if more > 0 else "")
