"""What a batch gives back: one result a request, and counts of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from pika_async._batch.budget import Spent
from pika_async._errors import JobFailedError, PikaError
from pika_async._request.request import GenerationRequest
from pika_async._states import Succeeded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._money import Money


@frozen(kw_only=True)
class BatchResult:
    """What became of one request of a batch.

    Attributes:
        index: Its place among the requests, from 0.
        request: The request; or what came from the source, where that is not allowed as a request.
        job_id: The job, or None where none is known.
        state: The end of a job that succeeded, else None.
        error: What went wrong, or None. With a ``state`` as well: a video could not be saved.
        files: The videos saved, also those of a job that failed in part.
        resumed: Known from the journal, so nothing was submitted for it in this run.
        number: The number that its files are named by: its place in the run that met it first. It
            stays the same when requests are added in front of it. None where what came from the
            source is not allowed as a request.
    """

    index: int
    request: GenerationRequest | str
    job_id: str | None = None
    state: Succeeded | None = None
    error: PikaError | None = None
    files: tuple[Path, ...] = ()
    resumed: bool = False
    number: int | None = None

    @property
    def prompt(self) -> str:
        """The request's prompt."""
        return getattr(self.request, "prompt", None) or str(self.request)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The caller's own texts of the request, a number in a catalogue say."""
        return getattr(self.request, "metadata", {})

    @property
    def charge(self) -> Money | None:
        """What the job cost, whether or not it succeeded; None where the service does not say."""
        if self.state is not None:
            return self.state.charge
        # An error that was unpickled or made by hand may lack its state.
        end = self.error.state if isinstance(self.error, JobFailedError) else None
        return None if end is None else end.charge

    @property
    def ok(self) -> bool:
        """Whether the job succeeded, and its videos were saved if they were to be."""
        return self.error is None and self.state is not None

    def unwrap(self) -> Succeeded:
        """The state of a job that succeeded.

        Raises:
            PikaError: The ``error``, if there is one.
        """
        if self.error is not None:
            raise self.error
        assert self.state is not None  # noqa: S101 - a result has one or the other
        return self.state


@frozen(kw_only=True)
class BatchStats:
    """Where a batch stands, in requests.

    Attributes:
        taken: Taken from the source so far.
        submitted: Accepted by the service in this run: what this run has paid for.
        resumed: Known from the journal, so not submitted in this run.
        running: Jobs in flight now, queued ones among them.
        downloading: Finished jobs whose videos are being saved, or wait for it.
        succeeded: Ended well.
        failed: Ended with an error, without the two kinds below.
        uncertain: Ended with SubmissionUncertainError.
        not_submitted: Ended with NotSubmittedError: nothing was sent for them.
        downloaded: Files saved in this run.
        spent: What it has cost so far, as far as that is known; all runs of the journal together.
    """

    taken: int = 0
    submitted: int = 0
    resumed: int = 0
    running: int = 0
    downloading: int = 0
    succeeded: int = 0
    failed: int = 0
    uncertain: int = 0
    not_submitted: int = 0
    downloaded: int = 0
    spent: Spent = field(factory=Spent)

    @property
    def finished(self) -> int:
        """Results so far, whichever."""
        return self.succeeded + self.failed + self.uncertain + self.not_submitted
