"""A submit of an earlier run whose answer nobody has read: the service is asked for its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pika_async._api_errors import APIError
from pika_async._errors import PikaError, SubmissionUncertainError
from pika_async._jobs.again import why_forgotten
from pika_async._meaning import Started

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async._batch.known import Known
    from pika_async._batch.record import Record
    from pika_async._jobs.jobs import Jobs


async def resolved(
    known: Known, lost: SubmissionUncertainError, jobs: Jobs, record: Record, now: datetime
) -> Known:
    """What is known of a request, once the service was asked for its lost submit where it can be.

    A service that takes repeated keys is sent the same submit again, and its answer names the job.
    It is not where the key is so old that the service may have forgotten it: that would be a second
    job. A service with a history is asked for the job first, before the request is called uncertain
    or bought again.
    """
    if jobs.service.repeatable and known.intent is not None:
        age = why_forgotten(lost.sent_at, now)
        if age is None:
            return evolve(known, resumed=False, error=None)
        if known.error is not None:
            known = evolve(known, error=_too_late(lost, age))
    known = evolve(known, intent=None)
    if not jobs.can_find:
        return known
    try:
        handle = await jobs.found(lost, await record.known_jobs())
    except PikaError as error:
        # Where the history could not be read, another run may read it: nothing is bought again. But
        # where the service refuses to show it, no run will know more: the caller's choice counts.
        told = isinstance(error, APIError) and error.is_api_answer and error.started is Started.NO
        return known if told else evolve(known, resumed=True, error=lost)
    if handle is None:
        return known
    await record.found(handle)
    return evolve(known, resumed=True, error=None, job_id=handle.job_id, hints=handle.hints)


def _too_late(lost: SubmissionUncertainError, age: str) -> SubmissionUncertainError:
    return SubmissionUncertainError(
        f"{lost.args[0]}; {age}, and the service may have forgotten its idempotency key, so it "
        "was not sent again",
        request=lost.request,
        fingerprint=lost.fingerprint,
        sent_at=lost.sent_at,
        job_id=lost.job_id,
        journalled=lost.journalled,
        sent=lost.sent,
    )
