"""A submit of an earlier run whose answer nobody has read: the service is asked for its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pika_async._api_errors import APIError
from pika_async._errors import PikaError
from pika_async._meaning import Started

if TYPE_CHECKING:
    from pika_async._batch.known import Known
    from pika_async._batch.record import Record
    from pika_async._errors import SubmissionUncertainError
    from pika_async._jobs.jobs import Jobs


async def resolved(
    known: Known, lost: SubmissionUncertainError, jobs: Jobs, record: Record
) -> Known:
    """What is known of a request, once the service was asked for its lost submit where it can be.

    A service that takes repeated keys is sent the same submit again, and its answer names the job.
    A service with a history is asked for the job first, before the request is called uncertain or
    bought again.
    """
    if jobs.service.repeatable:
        # Without what was sent there is nothing to repeat.
        return known if known.intent is None else evolve(known, resumed=False, error=None)
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
