"""The journal of a batch: what is known of each request survives the end of the process.

The life of a row, and what it means for the money.

A request is written down when a run first comes to it: its fingerprint, which of several equal ones
it is, and what it asks for. Nothing is sent, nothing can be owed. A crash before or after costs
nothing; the next run finds the same row by the fingerprint and the occurrence, wherever it stands.

An attempt is one submit. Its row is inserted as 'submitting', with the service, the base URL, the
idempotency key and the body, and the insert is on the disk before the POST leaves. From here on the
journal may claim too much and never too little: a crash between the insert and the POST leaves an
attempt that never left, and one between the POST and its answer leaves one that may be billed. Both
look the same, so both count as uncertain, and neither is bought again unless the caller asks for it
or the service knows the key.

If the POST has provably started nothing (it never left whole, or the service refused it), the
attempt is deleted, by its key: no other attempt can go with it. What stood before stands again: an
older attempt, which may still be uncertain, or none. Why nothing was started is kept with the
request, and counts only while no attempt stands. A refusal of the request itself is final; all
other reasons are of circumstances, and the next run submits.

If the answer names a job, its id is on the disk before anyone is told of it ('submitted'). If that
write fails, the row still says 'submitting', the batch stops and the log names the job. If the
answer was lost, the attempt is 'uncertain', with what broke off.

A job that the service refuses to begin because the account has run dry, or has reached a rate
limit, at no charge, is such a circumstance too: its attempt stays, since the service knows the job,
and the next run submits.

The end of the job is written before its result is delivered, and its files when they are whole. A
crash before costs a poll or a download, and no money. A job that is finished and whose link has
never come is not at its end: it stays 'submitted', is paid for, and is looked at again.

A new submit of the same request is a further attempt, and the newest one counts. Older ones are
history and are never changed. An attempt belongs to the service that it went to: only there is its
job polled, and only there may it be sent again. At another service it is neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pika_async._http import one_spelling
from pika_async._journal import attempts
from pika_async._journal.attempts import Found
from pika_async._journal.file import JournalFile
from pika_async._journal.group_commit import GroupCommit
from pika_async._journal.history import Limits, SavedFile, Status
from pika_async._journal.limits import keep_limits, last_limits
from pika_async._journal.records import NOT_BEGUN, files_record, problem_record
from pika_async._json import compact, to_json
from pika_async._settled import to_its_end
from pika_async._states import Succeeded

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from pathlib import Path

    from pika_async._errors import JournalError, PikaError
    from pika_async._journal.mark import KnownJob
    from pika_async._money import Money
    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async._states import Failed

__all__ = ["Found", "Journal"]


@define
class Journal:
    """An open journal. Every write is durable when its future is done."""

    _commits: GroupCommit
    _run: int
    now: Callable[[], float]
    """Seconds since 1970."""
    _numbers: attempts.Numbers
    service: str = field(kw_only=True)
    """Where this run submits to."""
    base_url: str = field(kw_only=True)
    _respelled: bool = field(kw_only=True, alias="respelled")
    """Whether an older version wrote down texts in it that are spelled otherwise now."""

    @classmethod
    async def open(
        cls,
        path: Path,
        now: Callable[[], float],
        broken: Callable[[JournalError], None],
        *,
        service: str,
        base_url: str,
        output_dir: Path | None = None,
    ) -> Journal:
        """Open the journal at ``path``, or make it.

        Args:
            path: The file.
            now: Tells seconds since 1970.
            broken: Told when it cannot be written any more.
            service: The name of the dialect that this run submits with.
            base_url: Where that service is.
            output_dir: Where this run saves videos; None: nowhere.

        Raises:
            JournalError: It is in use, not a journal, damaged, of a newer version, without its
                log, older than the last batch on it, or cannot be written.
        """
        commits = GroupCommit(path, broken)
        file = await commits.open(partial(JournalFile, path, now(), output_dir))
        numbers = attempts.Numbers()
        try:
            await commits.write(numbers.begin)
        except BaseException:
            # Else the file stays locked until the collector of garbage comes by.
            await to_its_end(commits.close())
            raise
        return cls(
            commits,
            file.run,
            now,
            numbers,
            service=service,
            base_url=one_spelling(base_url),
            respelled=file.respelled,
        )

    async def close(self) -> None:
        """Close it, once all that was written is durable."""
        await self._commits.close()

    def is_elsewhere(self, found: Found) -> bool:
        """Whether what counts was submitted to another service, or to another base URL."""
        if found.service is None:
            return False
        if found.service != self.service:
            return True
        return found.base_url is not None and one_spelling(found.base_url) != self.base_url

    def claim(
        self,
        fingerprint: str,
        position: int,
        request: str,
        content: GenerationRequest | None = None,
    ) -> asyncio.Future[Found]:
        """What is known of a request, and that this run has come to it.

        Equal requests are told apart by their metadata, else by their order: the second in this run
        is the second of earlier runs, wherever they stood.

        Args:
            fingerprint: Of the request.
            position: Its place in this run.
            request: The request, as it is written down.
            content: The request with its files read: with it, rows are found that older versions
                wrote down in another spelling.
        """
        step = partial(attempts.claim, self._run, fingerprint, position, request, self._numbers)
        if self._respelled and content is not None:
            step = partial(attempts.claim_respelled, fingerprint, content, step)
        return self._commits.write(step)

    def submitting(
        self, request: int, intent: Intent, quoted: Money | None = None
    ) -> asyncio.Future[None]:
        """A new attempt, before its submit leaves. Those before it become history.

        ``quoted``: what it is taken to cost, where that is known.
        """
        return self._commits.write(
            partial(attempts.begin_attempt, request, intent, quoted, self.now())
        )

    def job_ids(self) -> asyncio.Future[set[str]]:
        """The ids of all jobs that any attempt has led to."""
        return self._commits.write(attempts.job_ids)

    def spent(self) -> asyncio.Future[tuple[tuple[Money, ...], tuple[Money, ...], int]]:
        """What all attempts have cost: the charges, and the quotes where no charge is known.

        One sum for each currency. Last how many have neither.
        """
        return self._commits.write(attempts.spent)

    def limits(self) -> asyncio.Future[Limits | None]:
        """What its runs may spend, as it was said last; None where no run has had a budget."""
        return self._commits.write(last_limits)

    def keep_limits(self, limits: Limits) -> asyncio.Future[None]:
        """From this run on they hold."""
        return self._commits.write(partial(keep_limits, self._run, limits))

    def durations(self, most: int) -> asyncio.Future[tuple[float, ...]]:
        """Seconds from the answer to the end, of the latest jobs that succeeded at this service."""
        return self._commits.write(partial(attempts.durations, self.service, self.base_url, most))

    def stayed(self, request: int, submit_id: str) -> asyncio.Future[None]:
        """The submit has not left after all, or started nothing; what was before is so again."""
        return self._commits.write(partial(attempts.take_back, request, submit_id))

    def accepted(
        self,
        request: int,
        job_id: str,
        hints: Mapping[str, str] | None = None,
        origin: str | None = None,
    ) -> asyncio.Future[KnownJob]:
        """The id of the job, before anyone is told of it.

        Args:
            request: The request that it is for.
            job_id: The job.
            hints: Where else to look at it.
            origin: What the observer calls the submit, where that has changed since it was written
                down.
        """
        values = {
            "status": Status.SUBMITTED.value,
            "job_id": job_id,
            "hints": compact(dict(hints)) if hints else None,
            "accepted_at": self.now(),
            "problem": None,
        }
        if origin is not None:
            values["origin"] = origin
        write = attempts.updating(request, values)
        return self._commits.write(partial(attempts.accept, job_id, write))

    def uncertain(self, request: int, error: PikaError) -> asyncio.Future[None]:
        """The submit broke off."""
        return self._update(
            request,
            status=Status.UNCERTAIN.value,
            job_id=error.job_id,
            problem=problem_record(error),
        )

    def ended(
        self,
        request: int,
        state: Succeeded | Failed,
        running_at: float | None,
        not_begun: PikaError | None = None,
    ) -> asyncio.Future[None]:
        """The end of the job.

        Args:
            request: The request that it was for.
            state: How it ended.
            running_at: When it was first seen being generated.
            not_begun: Where it was refused for the account's sake and cost nothing: the next run
                submits the request as if nothing had been sent.
        """
        charge = state.charge
        return self._update(
            request,
            status=(Status.SUCCEEDED if isinstance(state, Succeeded) else Status.FAILED).value,
            state=to_json(state),
            running_at=running_at,
            ended_at=self.now(),
            problem=None if not_begun is None else problem_record(not_begun, NOT_BEGUN),
            charged=None if charge is None else charge.micros,
            charged_currency=None if charge is None else charge.currency,
        )

    def noted(self, request: int, error: PikaError) -> asyncio.Future[None]:
        """What went wrong with the job, where that changes nothing about how far it has come."""
        return self._update(request, problem=problem_record(error))

    def saved(self, request: int, files: Sequence[SavedFile]) -> asyncio.Future[None]:
        """The files of the job that are whole; problems with them are of the past."""
        return self._update(request, files=files_record(files), problem=None)

    def refused(self, request: int, error: PikaError) -> asyncio.Future[None]:
        """The service will not have this request, today or tomorrow; nothing was started."""
        return self._commits.write(
            partial(attempts.note_refusal, request, problem_record(error), self.now())
        )

    def hindered(self, request: int, error: PikaError) -> asyncio.Future[None]:
        """Circumstances kept it from being submitted; nothing was started."""
        return self._commits.write(partial(attempts.note_hindrance, request, problem_record(error)))

    def _update(self, request: int, **values: Any) -> asyncio.Future[None]:
        return self._commits.write(attempts.updating(request, values))
