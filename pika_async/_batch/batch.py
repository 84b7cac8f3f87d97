"""Many requests at once: taken lazily, bounded, each with a result of its own."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Sized
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import attrs

from pika_async._batch.board import Allowance, Board
from pika_async._batch.feeding import Feeding
from pika_async._batch.folder import check_output_dir
from pika_async._batch.item import Item
from pika_async._batch.limits import budget_of, check_price, go_on, is_there
from pika_async._batch.record import Choices, JournalRecord, Record
from pika_async._batch.results import BatchResult, BatchStats
from pika_async._batch.source import taker
from pika_async._checks import (
    checked_bound,
    checked_is,
    checked_plain_function,
    checked_timeout,
)
from pika_async._client import jobs_of
from pika_async._errors import ClientStateError, SubmissionUncertainError
from pika_async._jobs.slots import Slots
from pika_async._journal.journal import Journal
from pika_async._polling.adaptive import AdaptivePolling
from pika_async._settled import settled, to_its_end

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from decimal import Decimal
    from types import TracebackType

    from pika_async._batch.source import Requests
    from pika_async._client import PikaClient
    from pika_async._money import Money
    from pika_async._states import Transition

# Jobs of the journal that a policy learns from.
_MOST_REMEMBERED: Final = 1000


class _Status(Enum):
    """How far a batch has come, in the words of its errors."""

    NEW = "has not been entered"
    OPEN = "is running already"
    LEFT = "has been left"


class Batch(AsyncIterator[BatchResult]):
    """Sends many requests through one client. An async context manager and async iterator.

    Results come in the order in which they are ready. A request is taken from ``requests`` only
    when there is room for it: at most ``max_in_flight`` are in flight or wait to be iterated over,
    with an ``output_dir`` as many again whose videos are being saved. Leaving early sends nothing
    more; jobs in flight run on at the service. What is paid for and was not taken is named once,
    in a warning, and by ``in_flight``, ``unclaimed`` and ``uncertain``.

    Where nothing can be submitted any more, a refused key say, the rest of the requests come back
    with NotSubmittedError. Where the client itself cannot be used any more, a source whose length
    is not known, such as a generator, is left alone instead.

    Args:
        client: An open client; its own ``max_in_flight`` bounds all its batches together.
        requests: Requests or prompts, from an iterable or an async iterable, endless ones too.
        max_in_flight: How many jobs there may be at once.
        journal: A file that makes the batch safe against crashes: run again with the same journal
            it submits nothing twice, re-attaches to jobs in flight, and brings back what is done.
            Requests may come in another order, and more of them. Where several ask for the same,
            their metadata tell which is which, else their order. One whose metadata are new stands
            for an earlier one that does not come, so give all of them each time, or a seed each.
        output_dir: Where the videos are saved, as ``00007-words-of-the-prompt-JOB_ID.mp4``.
        timeout: Seconds to wait for each job, from its submit on; None: for ever.
        resubmit_uncertain: Submit again what an earlier run broke off in the middle of, and what
            the service says it has never heard of, though it may be paid for already.
        retry_failed: Submit again, as a new paid job, what failed in any earlier run. Each run does
            so: one that was interrupted and goes on with it buys once more what has failed in it,
            so give it a budget. A job that was refused because the account had run dry, or was
            beyond a rate limit, and that cost nothing, is submitted again without this.
        budget: What all runs with this journal may spend at most: dollars, or ``Money``. What a
            submit may cost is reserved before it leaves. What would not fit comes back as
            BudgetError; jobs that are paid for go their way. The journal remembers it, with the
            price: None goes on with those of the run before, and ``math.inf`` lifts the budget.
        price: What a job is taken to cost where the service does not say, one of an earlier run of
            the journal too. With a budget it is needed where there are such jobs.
        on_transition: Called with each change of state of each job. What it raises ends the batch.

    Raises:
        ValueError: An argument is not allowed; nothing was sent.
    """

    def __init__(
        self,
        client: PikaClient,
        requests: Requests,
        *,
        max_in_flight: int = 16,
        journal: str | os.PathLike[str] | None = None,
        output_dir: str | os.PathLike[str] | None = None,
        timeout: float | None = 1200,
        resubmit_uncertain: bool = False,
        retry_failed: bool = False,
        budget: Money | Decimal | float | None = None,
        price: Money | Decimal | float | None = None,
        on_transition: Callable[[Transition], None] | None = None,
    ) -> None:
        checked_is("client", client, "a PikaClient", "submit", "slot")
        self._client = client
        take = taker(requests)
        checked_bound("max_in_flight", max_in_flight)
        if on_transition is not None:
            checked_plain_function("on_transition", on_transition, takes="a transition")
        self._journal: Journal | None = None
        self._choices = Choices(resubmit_uncertain=resubmit_uncertain, retry_failed=retry_failed)
        self._board = Board(
            client,
            output_dir=None if output_dir is None else Path(output_dir),
            journal_path=None if journal is None else Path(journal),
            timeout=checked_timeout(timeout),
            on_transition=on_transition,
            max_in_flight=max_in_flight,
            budget=budget_of(budget, price, journalled=journal is not None),
        )
        if journal is None:
            # Where there is a journal, an earlier run may have named a price in it.
            check_price(self._board.budget, jobs_of(client, is_open=False))
        # Given back when a result is taken: a slow consumer, or a slow media host, holds up the
        # submits in the end, and never the waiting for jobs that are paid for.
        self._room = Slots(max_in_flight if output_dir is None else 2 * max_in_flight)
        self._feeding = Feeding(
            self._board, take, self._room, is_of_known_length=isinstance(requests, Sized)
        )
        self._status = _Status.NEW

    @property
    def stats(self) -> BatchStats:
        """Where the batch stands now."""
        board = self._board
        return BatchStats(
            running=len(board.in_flight), spent=board.budget.spent, **attrs.asdict(board.counts)
        )

    @property
    def in_flight(self) -> Mapping[int, str]:
        """The ids of the jobs that are being waited for, by the index of their requests.

        After the batch was left early they run on; with a journal the next run waits for them.
        """
        return dict(self._board.in_flight)

    @property
    def unclaimed(self) -> Mapping[int, str]:
        """The ids of the jobs that nobody waits for any more and whose results were not taken.

        They have ended, or the waiting for them has: a time-out, an outage, a refused key. Without
        a journal, a batch that is left early leaves only these to find their videos by.
        """
        return dict(self._board.unclaimed)

    @property
    def uncertain(self) -> Mapping[int, SubmissionUncertainError]:
        """The submits that may have started a job and whose results were not taken.

        Each error names the request, its fingerprint and the time, by the index of the request.
        """
        return dict(self._board.uncertain)

    async def __aenter__(self) -> Self:
        if self._status is not _Status.NEW:
            raise ClientStateError(
                f"this Batch {self._status.value}; a batch is run once: make another, "
                "with the same journal to go on"
            )
        board = self._board
        board.jobs = jobs_of(self._client)
        self._status = _Status.OPEN
        try:
            if board.journal_path and not await settled(partial(is_there, board.journal_path)):
                # Before a journal is made. One that is there may hold the price of an earlier run.
                check_price(board.budget, board.jobs)
            if board.output_dir is not None:
                board.takes_letters = await settled(partial(check_output_dir, board.output_dir))
            if board.journal_path is not None:
                await self._open_journal(board.journal_path)
        except BaseException:
            self._status = _Status.LEFT
            if self._journal is not None:
                await to_its_end(self._journal.close())
            raise
        self._feeding.start(self._record)
        return self

    async def _open_journal(self, path: Path) -> None:
        board = self._board
        self._journal = journal = await Journal.open(
            path,
            board.now,
            board.tell_journal_broken,
            service=board.jobs.service.dialect,
            base_url=board.jobs.service.base_url,
            output_dir=board.output_dir,
        )
        await go_on(board.budget, journal, board.jobs)
        await self._learn_from(journal)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._status = _Status.LEFT
        self._board.left = True
        await to_its_end(self._leave())
        failure = self._board.failure
        if failure is None:
            return
        # The caller left before the iterator could raise it, so it is raised here.
        if exc_value is None or isinstance(failure, KeyboardInterrupt | SystemExit):
            raise failure
        exc_value.add_note(f"The batch that was left had failed too: {failure!r}")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BatchResult:
        if self._status is not _Status.OPEN:
            raise ClientStateError(
                f"this Batch {self._status.value}; iterate inside `async with Batch(...) as batch:`"
            )
        board = self._board
        result = await board.results.get()
        if result is None:
            # Several tasks may iterate: each of them meets the end.
            board.results.put_nowait(None)
            failure, board.failure = board.failure, None
            if failure is None:
                raise StopAsyncIteration
            if isinstance(failure, StopIteration | StopAsyncIteration):
                raise RuntimeError(f"on_transition raised {failure!r}") from failure
            raise failure
        board.taken(result)
        self._room.give_back()
        return result

    async def _learn_from(self, journal: Journal) -> None:
        """Tell a policy that knows nothing yet how long the jobs of the journal took."""
        policy = self._board.jobs.polling
        if isinstance(policy, AdaptivePolling) and not policy.knows_durations:
            most = min(math.ceil(policy.memory), _MOST_REMEMBERED)
            policy.learn(await journal.durations(most))

    def _record(self, index: int) -> Record:
        if self._journal is None:
            return Record(index)
        return JournalRecord(
            index, self._journal, self._choices, self._board.stop, self._board.tell_journal_broken
        )

    async def _leave(self) -> None:
        await self._feeding.stop()
        try:
            # A submit that has left may yet name a paid job.
            await self._board.jobs.answered(
                lambda recorder: isinstance(recorder, Item) and recorder.is_of(self._board)
            )
        finally:
            if self._journal is not None:
                await self._journal.close()
        board = self._board
        board.budget.leave({*board.in_flight, *board.unclaimed, *board.uncertain})
        board.tell_left()

    def _give_back(self, results: Iterable[BatchResult]) -> None:
        """The caller does not get these results after all, though the iterator has given them."""
        for result in results:
            self._board.untaken(result)


def bound_submits(batch: Batch, most: int, spare: int) -> None:
    """Let ``batch`` submit ``most`` requests, ``spare`` of them for jobs that are not found."""
    batch._board.allowance = Allowance(left=most, spare=spare)
