"""Requests of a journal as the page shows them. Values in, values out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import Factory, evolve, field, frozen

from pika_async._errors import SubmissionUncertainError
from pika_async._gallery.files import Folder
from pika_async._gallery.values import Attempt, Clip, Entry, Problem, Run, Standing
from pika_async._journal.history import Status
from pika_async._meaning import Advice, MoneyMeaning

if TYPE_CHECKING:
    from pika_async._journal import history

Words: TypeAlias = Callable[[MoneyMeaning, Advice | None], str]

# Twice what an answer may take by default. Younger submits of the last run are most likely under
# way in a batch that is running; older ones have lost their answer.
_ANSWERED_WITHIN: Final = 60.0

_UNCERTAIN: Final = SubmissionUncertainError.__name__
# These have places of their own on the page.
_NO_OPTIONS: Final = ("prompt", "metadata")


@frozen(kw_only=True)
class Showing:
    """What it takes to show the requests of one journal."""

    now: float
    runs: Sequence[Run]
    """In the order of their starts."""
    last_run: int
    folder: Folder | None
    """Where the saved videos are, if that is known."""
    words: Words
    """Puts money and advice into the sentences of whoever reads the report."""
    _starts: list[float] = field(
        init=False,
        default=Factory(lambda self: [run.started_at for run in self.runs], takes_self=True),
    )

    def entry(self, known: history.JournalEntry) -> Entry:
        """A request with its attempts."""
        in_last_run = known.run.number == self.last_run
        *earlier, last = known.attempts or (None,)
        return Entry(
            id=known.id,
            number=known.number,
            index=known.index,
            run=known.run.number,
            in_last_run=in_last_run,
            fingerprint=known.fingerprint,
            prompt=known.prompt,
            options={
                name: value for name, value in known.request.items() if name not in _NO_OPTIONS
            },
            metadata=known.metadata,
            attempt=self._never_sent(known)
            if last is None
            else self._attempt(last, may_be_under_way=in_last_run),
            earlier=tuple(self._attempt(one, given_up=True) for one in earlier if one is not None),
            clips=() if last is None else self._clips(last),
        )

    def _never_sent(self, known: history.JournalEntry) -> Attempt:
        """What stands in the place of an attempt where there is none."""
        return Attempt(
            standing=_STANDINGS[known.status],
            job_id=None,
            sent_at=None,
            accepted_at=None,
            running_at=None,
            ended_at=known.refused_at,
            end=None,
            problem=self._problem(known.problem),
        )

    def _attempt(
        self, known: history.Attempt, *, may_be_under_way: bool = False, given_up: bool = False
    ) -> Attempt:
        sending = (
            known.status is Status.SUBMITTING
            and may_be_under_way
            and known.sent_at is not None
            and self.now - known.sent_at < _ANSWERED_WITHIN
        )
        attempt = Attempt(
            standing=Standing.RUNNING if sending else _STANDINGS[known.status],
            sending=sending,
            job_id=known.job_id,
            sent_at=known.sent_at,
            accepted_at=known.accepted_at,
            running_at=known.running_at,
            ended_at=known.ended_at,
            end=known.end,
            problem=self._problem(known.problem),
            given_up=given_up,
            service=known.service,
            base_url=known.base_url,
            run=self._run_at(known.sent_at if known.accepted_at is None else known.accepted_at),
            quoted=known.quoted,
            charged=known.charged,
            watched=self._watched(known.accepted_at, known.ended_at),
        )
        # A request whose submit was given up does not wait any more: it has another submit.
        return evolve(attempt, standing=attempt.outcome) if given_up else attempt

    def _watched(self, start: float | None, end: float | None) -> bool:
        if start is None or end is None:
            return True
        return bisect_right(self._starts, start) == bisect_right(self._starts, end)

    def _run_at(self, at: float | None) -> int | None:
        place = 0 if at is None else bisect_right(self._starts, at)
        return self.runs[place - 1].number if place else None

    def _problem(self, known: history.Problem | None) -> Problem | None:
        if known is None:
            return None
        return Problem(
            kind=known.kind,
            # The whole text of an uncertain submit repeats the time and the fingerprint.
            text=known.headline if known.kind == _UNCERTAIN else known.what,
            meaning=known.meaning if known.money is None else self.words(known.money, known.advice),
            status=known.status,
            code=known.code,
            request_id=known.request_id,
        )

    def _clips(self, attempt: history.Attempt) -> tuple[Clip, ...]:
        if attempt.end is None:
            return ()
        saved = {file.place: file for file in attempt.files}
        clips: list[Clip] = []
        for place, video in enumerate(attempt.end.videos):
            file = saved.get(place)
            link = None if file is None or self.folder is None else self.folder.link(file)
            clips.append(
                Clip(video=video, file=None if file is None else file.name, file_link=link)
            )
        return tuple(clips)


_STANDINGS: Final = {
    Status.WAITING: Standing.WAITING,
    Status.SUBMITTING: Standing.UNCERTAIN,
    Status.UNCERTAIN: Standing.UNCERTAIN,
    Status.SUBMITTED: Standing.RUNNING,
    Status.SUCCEEDED: Standing.SUCCEEDED,
    Status.FAILED: Standing.FAILED,
}
