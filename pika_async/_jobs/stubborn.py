"""A step that costs nothing, begun anew until it goes well: an upload, a search, a quote."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pika_async._errors import PikaError
from pika_async._jobs.verdicts import Symptom, Verdict, after_poll, symptom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pika_async._backoff import RetryPolicy
    from pika_async._timing import Timing

_T = TypeVar("_T")


async def stubbornly(step: Callable[[], Awaitable[_T]], retry: RetryPolicy, timing: Timing) -> _T:
    """Try a step again after the same errors as a poll, and as often as a submit.

    While the service has no room, tries do not count, for as long as the ``outage_budget``.

    Raises:
        PikaError: What the last try ended with.
    """
    failures = tries = 0
    begun = timing.now()
    while True:
        try:
            return await step()
        except PikaError as error:
            tries += 1
            busy = symptom(error) is Symptom.BUSY
            within_outage = timing.now() - begun < retry.outage_budget
            failures += not (busy and within_outage)
            if after_poll(error) is not Verdict.AGAIN or failures >= retry.attempts:
                error.tries = tries
                raise
            await timing.sleep(retry.delay(tries, error, timing.random()))
