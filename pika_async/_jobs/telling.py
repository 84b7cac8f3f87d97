"""What is told of a submit: that it has left, and what came of it, once and to somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async._errors import PikaError
from pika_async._events import (
    JobAccepted,
    SubmitRefused,
    SubmitSent,
    SubmitUncertain,
    SubmitWithdrawn,
)
from pika_async._jobs.job import tell_begun
from pika_async._jobs.verdicts import Verdict, after_submit

if TYPE_CHECKING:
    from pika_async._errors import SubmissionUncertainError
    from pika_async._jobs.submission import Submit
    from pika_async._log import Teller
    from pika_async._request.record import Intent


class Telling:
    """Tells of the submits of one client."""

    def __init__(self, tell: Teller, service: str, host: str) -> None:
        """To whom, and how the service and its machine are called."""
        self._tell = tell
        self._service = service
        self._host = host

    def sent(self, submit: Submit, waited: float) -> None:
        """It is about to leave; ``waited``: seconds for which the brake has held it."""
        self._tell(
            SubmitSent(
                submit_id=submit.submit_id,
                request=submit.request,
                service=self._service,
                sent_at=submit.sent_at,
                tries=submit.sent,
                host=self._host,
                waited=waited,
                fingerprint=None if submit.recorder is None else submit.recorder.fingerprint,
            )
        )

    def accepted(self, submit: Submit, *, unclaimed: bool = False, recorded: bool = True) -> None:
        """It has led to a job; ``recorded``: which is written down, where there is a record."""
        assert submit.job is not None  # noqa: S101 - made of the answer
        self._tell(
            JobAccepted(
                submit_id=submit.submit_id,
                job_id=submit.job.id,
                request=submit.request,
                service=self._service,
                unclaimed=unclaimed,
                recorded=recorded and submit.recorder is not None and submit.recorder.has_job,
            )
        )
        tell_begun(submit.job)

    def unclaimed(self, submit: Submit, outcome: object) -> None:
        """What came of it, where whoever submitted it is not there any more."""
        submit.awaited = True
        if not isinstance(outcome, BaseException):
            self.accepted(submit, unclaimed=True)
        elif submit.job is not None:
            # It could not be written down, which has been told.
            return
        elif (
            isinstance(outcome, PikaError)
            and submit.lost is None
            and after_submit(outcome) is not Verdict.UNCERTAIN
        ):
            self._tell(SubmitRefused(submit_id=submit.submit_id, error=outcome))
        else:
            lost = self.uncertain(submit, submit.lost or outcome)
            if submit.recorder is not None:
                submit.recorder.lost(lost)
            self._tell(SubmitUncertain(submit_id=submit.submit_id, error=lost, unclaimed=True))

    def unrecorded(self, submit: Submit) -> None:
        """It has led to a job that could not be written down: nobody else will name it."""
        submit.awaited = True
        self.accepted(submit, unclaimed=True, recorded=False)

    def withdrawn(self, submit: Submit) -> None:
        """Its caller has left between two tries, or before it left itself."""
        if submit.lost is not None:
            # An earlier try may have started a job.
            self.unclaimed(submit, submit.lost)
        elif self._tell.is_observed:
            self._tell(SubmitWithdrawn(submit_id=submit.submit_id))

    def named(self, submit: Submit) -> Intent:
        """What is sent, with what the observer calls it."""
        if submit.origin is None:
            submit.origin = self._tell.origin(
                submit.submit_id, submit.request, self._service, submit.earlier
            )
        return submit.intent()

    def uncertain(self, submit: Submit, cause: BaseException) -> SubmissionUncertainError:
        """The error of a submit that may have started a job."""
        self.named(submit)
        return submit.uncertain(cause)
