"""Jobs that a person names for uncertain submits: looked up once, before they are believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from attrs import define, field

from pika_async import JobState, NotFoundError, PikaError, Unknown
from pika_async._http import one_spelling
from pika_async.cli._running.clients import client_for, has_key
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.lines import place_options
from pika_async.cli._settling.words import label
from pika_async.cli._showing.sentences import sentence
from pika_async.cli._showing.shown import Note

if TYPE_CHECKING:
    import anyio

    from pika_async import JournalEntry
    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Show

_UNDECIDED: Final = (
    "nothing was decided. Give the same line again later; --no-check names a job without a look at "
    "it"
)


@define
class Named:
    """The jobs that were named, by the numbers of their requests, and what is known of them."""

    jobs: Mapping[int, str]
    states: dict[int, JobState] = field(factory=dict)
    """How those stand that were looked up."""
    not_checked: str | None = None
    """Why none was, where there is a reason that nobody chose."""


async def check(
    named: Named,
    entries: Mapping[int, JournalEntry],
    show: Show,
    trail: Trail,
    scope: anyio.CancelScope,
) -> None:
    """Look each of them up, once, at the service that its submit went to.

    Only the service that was named on the command line, or that the environment names, is asked:
    it gets the key, and a journal may come from anywhere.

    Raises:
        UsageError: The service knows no such job, or the submit went to another one.
        PikaError: The service could not be asked.
    """
    if not has_key(trail.service):
        named.not_checked = f"there is no API key for the service {trail.service!r}"
        return
    from pika_async._client import jobs_of  # noqa: PLC0415 - it loads aiohttp

    with scope:
        async with client_for(trail, show) as client:
            base_url = jobs_of(client).service.base_url
            for number, job_id in named.jobs.items():
                elsewhere = _elsewhere(entries.get(number), trail.service, base_url)
                if elsewhere is not None:
                    raise UsageError(
                        f"--job {label(number)}={job_id}: {elsewhere}. Nothing was decided; "
                        "--no-check names the job without a look at it."
                    )
                try:
                    state = await client.job(job_id).refresh()
                except NotFoundError as error:
                    raise _unknown(number, job_id, sentence(error, trail, brief=True)) from error
                except PikaError:
                    show(Note(_UNDECIDED))
                    raise
                if state == Unknown(status=""):
                    raise _unknown(number, job_id, "the service tells nothing of this job.")
                named.states[number] = state


def _elsewhere(entry: JournalEntry | None, service: str, base_url: str) -> str | None:
    """Why the service that is asked cannot know the job of this submit; None: it can."""
    attempt = None if entry is None else entry.attempt
    if attempt is None:
        return None
    told = attempt.base_url
    if attempt.service == service and (told is None or one_spelling(told) == base_url):
        return None
    where = " ".join(place_options(attempt.service, attempt.base_url)) or "no other --base-url"
    place = attempt.service if attempt.base_url is None else attempt.base_url
    return f"its submit went to {place}; to have the job looked up there, give {where}"


def _unknown(number: int, job_id: str, why: str) -> UsageError:
    return UsageError(
        f"--job {label(number)}={job_id}: {why} Nothing was decided. Look for the id in the "
        "account's usage, under the key that the batch ran with; --no-check names it all the same."
    )
