"""Rows of a journal as values."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from pika_async._download.names import video_name
from pika_async._errors import SubmissionUncertainError
from pika_async._gallery.files import Folder
from pika_async._gallery.values import Attempt, Clip, Entry, Problem, Standing
from pika_async._journal.journal import SavedFile, Status
from pika_async._journal.records import state_of

if TYPE_CHECKING:
    from pika_async._states import Failed, Succeeded

Row = Mapping[str, Any]

# Twice what an answer may take by default. Younger submits of the last run are most likely under
# way in a batch that is running; older ones have lost their answer.
_ANSWERED_WITHIN: Final = 60.0

_UNCERTAIN: Final = SubmissionUncertainError.__name__


@frozen(kw_only=True)
class Reading:
    """What it takes to read the rows of one journal."""

    now: float
    run_starts: Sequence[float]
    """In their order."""
    last_run: int
    folder: Folder | None
    """Where the saved videos are, if that is known."""
    words: Callable[[str], str]
    """Puts the library's sentences into those of whoever reads the report."""

    def entry(self, row: Row, past: Sequence[Row]) -> Entry:
        """A row of ``items`` with its rows of ``past``.

        Raises:
            ValueError, TypeError, KeyError: The row is not one that a batch writes. Errors of
                cattrs are among these.
        """
        request = json.loads(row["request"])
        prompt = str(request.pop("prompt"))
        in_last_run = row["run"] == self.last_run
        attempt = self._attempt(row, may_be_under_way=in_last_run)
        return Entry(
            id=row["id"],
            index=row["position"],
            run=row["run"],
            in_last_run=in_last_run,
            fingerprint=row["fingerprint"],
            prompt=prompt,
            options=request,
            attempt=attempt,
            earlier=tuple(
                evolve(self._attempt(one, may_be_under_way=False), given_up=True) for one in past
            ),
            clips=self._clips(attempt.end, row, prompt),
        )

    def _attempt(self, row: Row, *, may_be_under_way: bool) -> Attempt:
        status = Status(row["status"])
        sending = (
            status is Status.SUBMITTING
            and may_be_under_way
            and row["sent_at"] is not None
            and self.now - row["sent_at"] < _ANSWERED_WITHIN
        )
        return Attempt(
            standing=Standing.RUNNING if sending else _STANDINGS[status],
            sending=sending,
            job_id=row["job_id"],
            sent_at=row["sent_at"],
            accepted_at=row["accepted_at"],
            running_at=row["running_at"],
            ended_at=row["ended_at"],
            end=None if row["state"] is None else state_of(row["state"]),
            problem=None if row["problem"] is None else self._problem(row["problem"]),
            watched=self._watched(row["accepted_at"], row["ended_at"]),
        )

    def _watched(self, start: float | None, end: float | None) -> bool:
        if start is None or end is None:
            return True
        return bisect_right(self.run_starts, start) == bisect_right(self.run_starts, end)

    def _problem(self, record: str) -> Problem:
        fields = json.loads(record)
        kind = fields["kind"]
        answer = fields.get("answer", {})
        meaning = fields["meaning"]
        # Of an uncertain submit the whole text names the time and fingerprint, which stand beside.
        text = fields["headline" if kind == _UNCERTAIN else "text"]
        return Problem(
            kind=kind,
            text=self.words(text.removesuffix(meaning).rstrip()),
            meaning=self.words(meaning),
            **{name: answer.get(name) for name in ("status", "code", "request_id")},
        )

    def _clips(self, end: Succeeded | Failed | None, row: Row, prompt: str) -> tuple[Clip, ...]:
        if end is None:
            return ()
        saved = [SavedFile(**file) for file in json.loads(row["files"] or "[]")]
        by_name = {file.name: file for file in saved}
        clips: list[Clip] = []
        for place, video in enumerate(end.videos):
            file = by_name.get(video_name(row["number"], prompt, video.job_id, place))
            if file is None and len(saved) == len(end.videos):
                file = saved[place]
            clips.append(
                Clip(
                    video=video,
                    file=None if file is None else file.name,
                    file_link=None
                    if file is None or self.folder is None
                    else self.folder.link(file),
                )
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
