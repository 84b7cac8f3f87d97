"""What is said where a command went wrong, and how it exits."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from pika_async import (
    ConfigurationError,
    JobFailedError,
    JobTimeoutError,
    JournalError,
    NotFoundError,
    PikaError,
)
from pika_async.cli._running.exits import (
    FAILED,
    SIGNALLED,
    USAGE,
    InterruptedRunError,
    UsageError,
)
from pika_async.cli._running.trail import JobTrail, without_option
from pika_async.cli._showing.sentences import consequences, sentence
from pika_async.cli._showing.shown import Failure

if TYPE_CHECKING:
    from pika_async.cli._running.trail import Trail


def failure(error: BaseException, trail: Trail) -> Failure:
    """What to say of ``error``, and how to exit."""
    if trail.job_id is None and isinstance(error, PikaError):
        # A submit that broke off may still have told which job it started.
        trail.job_id = error.job_id
    if isinstance(error, JobTimeoutError):
        # The line that waits again would give up as soon.
        trail.again = without_option(trail.again, "--timeout")
    resume = trail.resume() if _can_go_on(error, trail) else None
    return Failure(
        kind="Interrupted" if isinstance(error, InterruptedRunError) else type(error).__name__,
        message=_message(error, trail, resume),
        job_id=trail.job_id,
        resume=resume,
        code=_code(error),
        **_consequences(error),
    )


def _consequences(error: BaseException) -> dict[str, str | None]:
    match error:
        case PikaError():
            return consequences(error)
        case UsageError():
            return consequences(None)
        case _:
            return {}


def _code(error: BaseException) -> int:
    match error:
        case UsageError() | ConfigurationError() | JournalError():
            return USAGE
        case FileNotFoundError() if _has_no_folder():
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
            return sentence(error, trail, resume)
        case UsageError():
            return str(error)
        case _:
            known = f" But {trail.left()}" if trail.begun else ""
            if isinstance(error, FileNotFoundError) and _has_no_folder():
                return (
                    "the folder in which this command runs has been deleted: change to another "
                    f"folder, or give whole paths.{known}"
                )
            return (
                f"{type(error).__name__}: {error}. This should not happen; --debug shows where it "
                f"did.{known}"
            )


def _has_no_folder() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _signal_words(number: int) -> str:
    return "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
