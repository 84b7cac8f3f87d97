"""Exit codes, and what is said where something went wrong."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pika_async import (
    ConfigurationError,
    JobFailedError,
    JobTimeoutError,
    JournalError,
    NotFoundError,
    PikaError,
)
from pika_async.cli._trail import JobTrail
from pika_async.cli._words import for_shell

if TYPE_CHECKING:
    from pika_async.cli._trail import Trail

FAILED: Final = 1
USAGE: Final = 2
SIGNALLED: Final = 128
"""Plus the signal's number: 130 for Ctrl-C, 143 for SIGTERM."""


class UsageError(Exception):
    """The command was called in a way that cannot work; nothing was sent."""


class InterruptedRunError(Exception):
    """A signal ended the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@frozen(kw_only=True)
class Failure:
    """What is reported of an error."""

    kind: str
    """The class of the error; ``Interrupted`` where it was a signal."""
    message: str
    job_id: str | None
    resume: str | None
    """The line that goes on, or None where there is nothing to go on with."""
    code: int
    """The exit code."""


def failure(error: BaseException, trail: Trail) -> Failure:
    """What to say of ``error``, and how to exit."""
    if trail.job_id is None and isinstance(error, PikaError):
        # A submit that broke off may still have told which job it started.
        trail.job_id = error.job_id
    resume = trail.resume() if _can_go_on(error, trail) else None
    return Failure(
        kind="Interrupted" if isinstance(error, InterruptedRunError) else type(error).__name__,
        message=_message(error, trail, resume),
        job_id=trail.job_id,
        resume=resume,
        code=_code(error),
    )


def _code(error: BaseException) -> int:
    match error:
        case UsageError() | ConfigurationError() | JournalError():
            return USAGE
        case InterruptedRunError():
            return SIGNALLED + error.number
        case _:
            return FAILED


def _can_go_on(error: BaseException, trail: Trail) -> bool:
    match error:
        case UsageError() | JobFailedError():
            return False
        case NotFoundError():
            # The id of a job that was submitted here is worth another look; one that was typed
            # is probably mistyped.
            return not isinstance(trail, JobTrail) or trail.submits
        case _:
            return True


def _message(error: BaseException, trail: Trail, resume: str | None) -> str:
    match error:
        case InterruptedRunError():
            return f"{_signal_words(error.number)}: {trail.left()}"
        case PikaError():
            return f"error: {in_our_words(error, trail, resume)}"
        case UsageError():
            return f"error: {error}"
        case _:
            known = f" But {trail.left()}" if trail.begun() else ""
            return (
                f"error: {type(error).__name__}: {error}. This should not happen; --debug shows "
                f"where it did.{known}"
            )


def in_our_words(
    error: PikaError, trail: Trail, resume: str | None = None, *, brief: bool = False
) -> str:
    """What the library says of an error.

    Args:
        error: The error.
        trail: What the command knows.
        resume: The line that goes on, where it is shown below this.
        brief: Leave out what it means for the money and what to do.
    """
    text = error.what if brief or trail.simulated else str(error)
    if trail.simulated and not brief:
        # What it means for the money, it does not mean here.
        text += " Simulated: nothing was paid."
    if isinstance(error, JobTimeoutError) and error.__cause__ is not None:
        why = str(error.__cause__).removeprefix(f"job {error.job_id}: ")
        text += f" The last look at it failed: {why}"
    text = for_shell(text, of_file=trail.reads_file())
    if resume is not None:
        text = text.replace(f"`pika-async watch {trail.job_id}`", "the line below")
    if isinstance(error, ConfigurationError) and trail.base_url is None:
        text = text.replace("--base-url", "PIKA_BASE_URL")
    return text


def _signal_words(number: int) -> str:
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
