"""What all items of a batch share: where it stands, what may still be done, where results go."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, TypeVar

from attrs import define

from pika_async._api_errors import AuthenticationError, QuotaExceededError
from pika_async._errors import (
    BudgetError,
    ClientStateError,
    JournalError,
    NotSubmittedError,
    PikaError,
    SubmissionUncertainError,
)
from pika_async._events import BatchLeft, BatchStopped, JournalBroken
from pika_async._jobs.job import failure
from pika_async._jobs.slots import Slots
from pika_async._meaning import Started
from pika_async._states import Failed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pika_async._batch.budget import Budget
    from pika_async._batch.results import BatchResult
    from pika_async._client import PikaClient
    from pika_async._jobs.jobs import Jobs
    from pika_async._states import Succeeded, Transition

_T = TypeVar("_T")

# A media host is not the service: enough to fill a line, few enough to be a polite guest.
DOWNLOADS_AT_ONCE: Final = 8


@define
class Counts:
    """What :class:`BatchStats` shows, as it is counted."""

    taken: int = 0
    submitted: int = 0
    resumed: int = 0
    downloading: int = 0
    succeeded: int = 0
    failed: int = 0
    uncertain: int = 0
    not_submitted: int = 0
    downloaded: int = 0

    def count(self, result: BatchResult) -> None:
        """Add a result."""
        if result.ok:
            self.succeeded += 1
        elif isinstance(result.error, SubmissionUncertainError):
            self.uncertain += 1
        elif isinstance(result.error, NotSubmittedError):
            self.not_submitted += 1
        else:
            self.failed += 1


@define
class Allowance:
    """How many submits may leave in this run; None: as many as there are."""

    left: int | None = None
    """How many requests may yet be submitted."""
    spare: int | None = None
    """How many may be submitted in place of jobs that the service does not know."""

    def allows(self) -> bool:
        """Count one more request that is to be submitted; False: it may not be."""
        if self.left is None:
            return True
        self.left -= 1
        return self.left >= 0

    def allows_another(self) -> bool:
        """Count one more request to be submitted in place of such a job; False: it may not be."""
        if self.spare is None:
            return True
        self.spare -= 1
        return self.spare >= 0


class Board:
    """One for each batch; its items read it and write on it."""

    def __init__(
        self,
        client: PikaClient,
        *,
        output_dir: Path | None,
        journal_path: Path | None,
        timeout: float,
        on_transition: Callable[[Transition], None] | None,
        max_in_flight: int,
        budget: Budget,
    ) -> None:
        self.client = client
        self.budget = budget
        self.jobs: Jobs
        """All jobs of the client, from when the batch is entered."""
        self.output_dir = output_dir
        self.takes_letters = True
        """Whether names in it may have letters of any script."""
        self.journal_path = journal_path
        self.timeout = timeout
        self.on_transition = on_transition
        self.generating = Slots(max_in_flight)
        """Taken before an item begins, given back when its job has ended."""
        self.items: dict[int, asyncio.Task[None]] = {}
        """Those at work, by the index of their request."""
        self.downloads = asyncio.Semaphore(DOWNLOADS_AT_ONCE)
        self.counts = Counts()
        self.allowance = Allowance()
        self.in_flight: dict[int, str] = {}
        """The jobs that are waited for, by the index of their request."""
        self.unclaimed: dict[int, str] = {}
        """The jobs that nobody waits for any more and whose results have not been taken."""
        self.uncertain: dict[int, SubmissionUncertainError] = {}
        """The submits whose job may exist and whose results have not been taken."""
        self.named: set[int] = set()
        """Those of the three above that a warning has named already, by index."""
        self.results: asyncio.Queue[BatchResult | None] = asyncio.Queue()
        """None: there are no more."""
        self.has_failed = False
        self.failure: BaseException | None = None
        """What has ended the batch, until whoever iterates is told."""
        self.left = False
        """Whether the batch is being left: then nothing more may leave."""
        self._stopped_by: PikaError | None = None
        self._journal_is_broken = False

    def now(self) -> float:
        """Seconds since 1970, for what is written down."""
        return time.time()

    def deliver(self, result: BatchResult) -> None:
        """A request has come to its end."""
        self.counts.count(result)
        self.untaken(result)
        self.results.put_nowait(result)

    def fail(self, failure: BaseException) -> None:
        """Hand the first failure to whoever iterates, after the results that are ready."""
        if not self.has_failed:
            self.has_failed = True
            self.failure = failure
            self.results.put_nowait(None)

    def untaken(self, result: BatchResult) -> None:
        """Nobody has this result, so the batch itself names what it has paid for."""
        if isinstance(result.error, SubmissionUncertainError):
            self.uncertain[result.index] = result.error
        elif result.job_id is not None:
            self.unclaimed[result.index] = result.job_id

    def taken(self, result: BatchResult) -> None:
        """Somebody has this result, which names the job, so the batch need not name it."""
        self.unclaimed.pop(result.index, None)
        self.uncertain.pop(result.index, None)

    def waited(self, index: int) -> None:
        """Nobody waits for this job any more: it has ended, or was given up."""
        job_id = self.in_flight.pop(index, None)
        if job_id is not None:
            self.unclaimed[index] = job_id

    def lost(self, index: int, error: SubmissionUncertainError) -> None:
        """A submit has become uncertain after its item was cancelled. An event has named it."""
        self.uncertain[index] = error
        self.named.add(index)

    def tell_left(self) -> None:
        """Name what still runs, and what has ended or is uncertain and nobody has: each once."""

        def unnamed(those: dict[int, _T]) -> dict[int, _T]:
            return {index: what for index, what in those.items() if index not in self.named}

        in_flight, unclaimed = unnamed(self.in_flight), unnamed(self.unclaimed)
        uncertain = unnamed(self.uncertain)
        self.named.update(in_flight, unclaimed, uncertain)
        if in_flight or unclaimed or uncertain:
            self.jobs.tell(
                BatchLeft(
                    in_flight=in_flight,
                    unclaimed=unclaimed,
                    uncertain=uncertain,
                    journalled=self.journal_path is not None,
                )
            )

    def stop(self, error: PikaError) -> None:
        """Submit nothing more: what could not be done for one request cannot be for others."""
        if self._stopped_by is None:
            self._stopped_by = error
            self.jobs.tell(BatchStopped(error=error))

    def stop_if_wrong_for_all(self, error: PikaError) -> None:
        """Stop where the next submit would meet the same.

        That is a refused key, a balance that is used up, a client without a session.
        """
        match error:
            case ClientStateError() | BudgetError():
                self.stop(error)
            case AuthenticationError() | QuotaExceededError():
                # What a firewall or a proxy says is not said of the account.
                if error.is_api_answer and error.started is Started.NO:
                    self.stop(error)
            case _:
                pass

    def stop_if_nothing_is_left(self, job_id: str, state: Succeeded | Failed) -> None:
        """Stop where a job has failed because the account has run dry."""
        if isinstance(state, Failed) and state.meaning == "quota":
            self.stop(failure(job_id, state))

    @property
    def is_beyond_use(self) -> bool:
        """Whether the client can do nothing any more, so that no request needs to be taken."""
        return isinstance(self._stopped_by, ClientStateError)

    def check_submit(self, index: int) -> None:
        """Make sure that one more submit may leave, or may be prepared.

        A batch that has stopped for want of money still sends what it has reserved the price of.

        Raises:
            NotSubmittedError: The batch has stopped.
            asyncio.CancelledError: It is being left.
        """
        if self.left:
            raise asyncio.CancelledError
        reason = self._stopped_by
        if reason is None or (isinstance(reason, BudgetError) and self.budget.holds(index)):
            return
        raise self._not_submitted(reason)

    def count_submit(self) -> None:
        """Count a request that is about to be submitted.

        Raises:
            NotSubmittedError: No more may be submitted in this run.
        """
        if not self.allowance.allows():
            raise NotSubmittedError(
                "not submitted: as many as this run may submit have been",
                journalled=self.journal_path is not None,
            )

    def _not_submitted(self, reason: PikaError) -> NotSubmittedError:
        kind = BudgetError if isinstance(reason, BudgetError) else NotSubmittedError
        why = reason.__cause__ or reason.what.removeprefix("not submitted: ")
        error = kind(
            f"not submitted, since the batch has stopped: {why}",
            journalled=self.journal_path is not None,
        )
        error.__cause__ = reason
        return error

    def tell_journal_broken(self, error: JournalError, job_id: str | None = None) -> None:
        """The journal could not be written; ``job_id``: a paid job that is not in it."""
        assert self.journal_path is not None  # noqa: S101 - it is this batch's
        if job_id is None and self._journal_is_broken:
            # Every write fails from then on; to say it once is enough.
            return
        self._journal_is_broken = True
        self.jobs.tell(JournalBroken(path=self.journal_path, error=error, job_id=job_id))
