"""The steps that every workflow of ours is made of. Deterministic: they decide, activities do."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar, cast

from attrs import evolve, frozen
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from pika_async._backoff import growing
from pika_async.temporal._blame import MOST_UNREAD, is_down, is_put_off, is_unread
from pika_async.temporal._failures import JOB_TIMEOUT, Told, told_by
from pika_async.temporal._names import FIND, FINISH, SUBMIT, queue_of_submits
from pika_async.temporal._outcomes import Declined, Finished, Outcome, Refused, Uncertain, Why
from pika_async.temporal._records import Accepted, Errand, Leaving, Lost, Order
from pika_async.temporal._verdict import Cause, Recourse, Verdict, recourse, verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

SUBMIT_TIMEOUT: Final = timedelta(seconds=45)
"""For one attempt: the request's own 30 seconds, and then some. After it the worker is lost."""
SUBMIT_TIMEOUT_WITH_FILES: Final = timedelta(minutes=10)
"""The same where files are read, and perhaps uploaded, first."""
HEARTBEAT_TIMEOUT: Final = timedelta(seconds=50)
"""A worker that waits for a job and is not heard of for so long is lost."""

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_PATIENCE: Final = timedelta(days=1)
DOWN_FOR: Final = timedelta(hours=1)
"""How long one request is tried of which the service says, over and over, that it takes nothing.

Shorter than where there is no room: it may be the model of this request that has gone, or an
address that is wrong and leads to a web page, and whoever waits for the request sees none of it."""
_LONGEST_PAUSE_WHILE_DOWN: Final = 300.0
# A history may be late.
_PAUSES_OF_SEARCH: Final = (0.0, 10.0, 60.0)
_REPEATS: Final = 8

# In histories: of workflows that took it for refused at once.
_WAITED_OUT: Final = "a service that takes nothing now is waited for"
# In histories: of workflows that were cancelled while the answer to a submit was on its way.
_NOT_REPEATED: Final = "what is cancelled is not sent again with its key"
_ONCE: Final = RetryPolicy(maximum_attempts=1)
_A_FEW_TIMES: Final = RetryPolicy(maximum_attempts=5)
_FOR_EVER: Final = RetryPolicy(
    initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=5)
)


async def lasting(name: str, argument: object, result_type: type[T], *, longest: timedelta) -> T:
    """What an activity returns that may be begun again at any time, as soon as a worker is lost."""
    result: T = await workflow.execute_activity(
        name,
        argument,
        result_type=result_type,
        start_to_close_timeout=longest,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=_FOR_EVER,
    )
    return result


@frozen(kw_only=True)
class Submit:
    """One submit, and the workers that it is for.

    Attributes:
        order: What is submitted.
        queue: The task queue of the workers.
        with_files: Whether files are read first.
    """

    order: Order
    queue: str
    with_files: bool


async def submitted(
    submit: Submit,
    timeout: float | None,
    *,
    rest: Callable[[timedelta], Awaitable[None]] | None = None,
) -> Accepted | Refused | Uncertain:
    """A job, or what became of the request without one; what starts nothing is tried for a day.

    Where the service says that it takes nothing now, that is waited for, too, an hour in a row.

    Args:
        submit: What is submitted.
        timeout: Seconds after which it is tried no more; None: a day.
        rest: How to wait where this request alone is put off, and others may be taken.

    Raises:
        CancelledError: The workflow is cancelled; nothing more is sent.
    """
    if workflow.info().attempt > 1:
        # The run before this one may have submitted.
        return Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)
    before = cancellations()
    patience = _PATIENCE if timeout is None else timedelta(seconds=timeout)
    end = workflow.now() + patience
    tries = unread = 0
    down_since: datetime | None = None
    while True:
        told = await attempt(submit)
        job = await led_to(submit, told, before=before)
        down = isinstance(job, Refused) and isinstance(told, Told) and is_down(told)
        if job is not None and not (down and workflow.patched(_WAITED_OUT)):
            return job
        assert isinstance(told, Told)  # noqa: S101 - whoever has a job has left
        down_since = (down_since or workflow.now()) if down else None
        wait = pause(told, tries, longest=_LONGEST_PAUSE_WHILE_DOWN if down else _LONGEST_PAUSE)
        unread += is_unread(told)
        last = end if down_since is None else min(end, down_since + DOWN_FOR)
        if workflow.now() + wait >= last or unread >= MOST_UNREAD:
            return refused(told)
        check_cancelled(before)
        if rest is not None and is_put_off(told):
            await rest(wait)
        else:
            await workflow.sleep(wait)
        tries += 1


async def led_to(
    submit: Submit, told: Accepted | Told, *, before: int | None = None
) -> Accepted | Refused | Uncertain | None:
    """What a submit led to; None: it started nothing, and may be sent again.

    Args:
        submit: What was to be submitted.
        told: How it ended.
        before: How often the task had been cancelled when it began: where it was since, nothing is
            sent any more, not even with its key. None: it is sent all the same.
    """
    if isinstance(told, Accepted):
        return told
    match verdict(told.cause, told.record):
        case Verdict.ADOPT:
            assert isinstance(told.record, Accepted)  # noqa: S101 - the table says so
            return told.record
        case Verdict.REFUSED:
            return refused(told)
        case Verdict.UNCERTAIN:
            return await _settled(submit, told, before)
        case Verdict.AGAIN:
            return None


async def attempt(submit: Submit) -> Accepted | Told:
    """One submit, of one attempt.

    Raises:
        CancelledError: The workflow is cancelled; nothing more is sent.
    """
    try:
        job: Accepted = await workflow.execute_activity(
            SUBMIT,
            submit.order,
            result_type=Accepted,
            task_queue=queue_of_submits(submit.queue),
            start_to_close_timeout=(
                SUBMIT_TIMEOUT_WITH_FILES if submit.with_files else SUBMIT_TIMEOUT
            ),
            retry_policy=_ONCE,
            # Its end is waited for: it may name a job that is paid for.
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return told_by(error.cause)
    return job


def cancellations() -> int:
    """How often this task has been cancelled; a workflow may go on after that, to clean up."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def check_cancelled(before: int) -> None:
    """Raise where a cancellation came while the end of a submit was waited for."""
    if cancellations() > before:
        raise asyncio.CancelledError


def pause(told: Told, tries: int, *, longest: float = _LONGEST_PAUSE) -> timedelta:
    """How long to wait before the next try, where nothing was started.

    A service may say "in a second" for hours, and each try takes room in the history: so the pauses
    grow also where it says how long.
    """
    asked = 0.0 if told.said is None else told.said.seconds or 0.0
    backoff = growing(_FIRST_PAUSE, 2.0, longest, tries)
    # Not all at the same moment.
    return timedelta(seconds=max(asked, backoff) * (1.0 + workflow.random().random() / 4.0))


def refused(told: Told) -> Refused:
    """What a submit that was given up comes to."""
    if told.said is None:
        return Refused(error="TimeoutError", meaning=_NO_WORKER)
    also = _UNREAD_EVERYWHERE if is_unread(told) else ""
    return Refused(error=told.said.error, meaning=told.said.meaning + also)


async def _settled(submit: Submit, told: Told, before: int | None) -> Accepted | Uncertain:
    """The job of a submit that is uncertain, where the service can be asked for it."""
    sent = told.record
    job: Accepted | None = None
    if isinstance(sent, Leaving):
        match recourse(told.cause, sent):
            case Recourse.REPEAT:
                again = evolve(submit, order=evolve(submit.order, again=sent))
                job = await _repeated(again, before)
            case Recourse.SEARCH:
                job = await _searched(Lost(request=submit.order.request, sent=sent), submit.queue)
            case Recourse.NONE:
                pass
    if job is not None:
        return job
    return Uncertain(
        fingerprint=sent.fingerprint if isinstance(sent, Leaving) else None,
        sent_at=sent.sent_at if isinstance(sent, Leaving) else None,
        why=_WHY.get(told.cause, Why.UNKNOWN),
    )


async def _repeated(submit: Submit, before: int | None) -> Accepted | None:
    for tries in range(_REPEATS):
        # The first may never have arrived: then this one would start the job.
        if before is not None and cancellations() > before and workflow.patched(_NOT_REPEATED):
            break
        told = await attempt(submit)
        if isinstance(told, Accepted):
            return told
        if isinstance(told.record, Accepted):
            return told.record
        if told.cause in (Cause.RESET, Cause.BROKEN):
            break
        await workflow.sleep(pause(told, tries))
    return None


async def _searched(lost: Lost, queue: str) -> Accepted | None:
    for pause in _PAUSES_OF_SEARCH:
        await workflow.sleep(pause)
        try:
            job: Accepted | None = await workflow.execute_activity(
                FIND,
                lost,
                result_type=Accepted,
                task_queue=queue,
                start_to_close_timeout=timedelta(minutes=2),
                retry_policy=_A_FEW_TIMES,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # The history cannot be read, which proves nothing either.
            continue
        if job is not None:
            return job
    return None


async def finished(errand: Errand, queue: str) -> Finished | Declined:
    """The end of a job, with its videos saved.

    Raises:
        ApplicationError: Of type ``"JobTimeout"``: it is waited for no longer, and runs on.
    """
    try:
        ended: Finished | Declined = await workflow.execute_activity(
            FINISH,
            errand,
            result_type=cast("type", Outcome),
            task_queue=queue,
            start_to_close_timeout=timedelta(days=30),
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=_FOR_EVER,
        )
    except ActivityError as error:
        match error.cause:
            case ApplicationError(type=kind) as cause if kind == JOB_TIMEOUT:
                raise ApplicationError(
                    cause.message, errand.job.job_id, type=JOB_TIMEOUT, non_retryable=True
                ) from error
            case _:
                raise
    return ended


async def awaited(errand: Errand, queue: str) -> Finished | Declined:
    """The same, for a workflow whose failure would cost more than this job, as a page's would.

    A job that does not end within its timeout is declined, and so is one whose waiting somebody has
    failed by hand, since it hung. In both cases the job runs on, and may be adopted.
    """
    try:
        return await finished(errand, queue)
    except ApplicationError as error:
        if error.type != JOB_TIMEOUT:
            raise
        reason = error.message
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        reason = f"its waiting was ended from outside: {error.cause or error}"
    return Declined(job_id=errand.job.job_id, reason=reason, code="timeout")


def is_given_up(outcome: Outcome) -> bool:
    """Whether its job runs on, and nobody waits for it any more."""
    return isinstance(outcome, Declined) and outcome.code == "timeout"


_WHY: Final = {
    Cause.LOST: Why.NO_ANSWER,
    Cause.TIMED_OUT: Why.WORKER_LOST,
    Cause.RESET: Why.BEGUN_ANEW,
}
_UNREAD_EVERYWHERE: Final = f" So it went with {MOST_UNREAD} tries, whichever worker took them."
_NO_WORKER: Final = (
    "No worker has sent the submit within its time: none reached the engine in time, or each was "
    "lost before it sent anything. Nothing was sent and nothing is charged."
)
