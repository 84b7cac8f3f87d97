"""What is told of a submit: its events to the observer, and how it ended to its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async._errors import PikaError
from pika_async._events import (
    JobAccepted,
    SubmitHeldBack,
    SubmitRefused,
    SubmitSent,
    SubmitUncertain,
    SubmitWithdrawn,
)
from pika_async._jobs.job import tell_begun
from pika_async._jobs.verdicts import Verdict, after_submit

if TYPE_CHECKING:
    from pika_async._errors import SubmissionUncertainError
    from pika_async._jobs.job import Job
    from pika_async._jobs.submission import Submit
    from pika_async._log import Teller
    from pika_async._request.record import Intent


class SubmitTeller:
    """Tells of the submits of one client."""

    def __init__(self, tell: Teller, host: str) -> None:
        """``host``: the name of the machine that submits are sent to."""
        self._tell = tell
        self._host = host

    def sending(self, submit: Submit, waited: float) -> None:
        """It is about to leave, after the brake has held it back for ``waited`` seconds."""
        if not self._tell.is_traced:
            return
        self._tell(
            SubmitSent(
                submit_id=submit.submit_id,
                request=submit.request,
                service=submit.service,
                sent_at=submit.sent_at,
                tries=submit.tries,
                host=self._host,
                waited=waited,
                fingerprint=None if submit.recorder is None else submit.recorder.fingerprint,
            )
        )

    def held_back(self, submit: Submit, error: PikaError, seconds: float, *, in_line: bool) -> None:
        """It failed, and will be sent again."""
        self._tell(
            SubmitHeldBack(
                submit_id=submit.submit_id,
                error=error,
                seconds=seconds,
                tries=submit.tries,
                in_line=in_line,
            )
        )

    def accepted(self, submit: Submit, job: Job) -> None:
        """Its answer has named a job, and its caller is there to be told of it."""
        if self._tell.is_heard:
            self._tell_accepted(submit, job, unclaimed=False, recorded=_has_record(submit))

    def unclaimed(self, submit: Submit, outcome: Job | BaseException) -> None:
        """It has ended, and its caller has left before, or will have no job of it."""
        submit.is_accounted_for = True
        if not isinstance(outcome, BaseException):
            self._tell_accepted(submit, outcome, unclaimed=True, recorded=_has_record(submit))
        elif submit.job is not None:
            # It broke off while the job was being written down. This may be told from two places.
            if not submit.is_job_told:
                self._tell_accepted(submit, submit.job, unclaimed=True, recorded=False)
        elif (
            isinstance(outcome, PikaError)
            and submit.lost is None
            and after_submit(outcome) is not Verdict.UNCERTAIN
        ):
            self._tell(SubmitRefused(submit_id=submit.submit_id, error=outcome))
        else:
            lost = self._uncertain(submit, submit.lost or outcome)
            if submit.recorder is not None:
                submit.recorder.lost(lost)
            self._tell(SubmitUncertain(submit_id=submit.submit_id, error=lost, unclaimed=True))

    def withdrawn(self, submit: Submit) -> None:
        """Its caller has left between two tries, or before the first."""
        if submit.tries and submit.lost is not None:
            # An earlier try may have started a job.
            self.unclaimed(submit, submit.lost)
        elif self._tell.is_observed and (submit.tries or submit.origin is not None):
            # An observer that was asked for an origin has heard of it, even if it has never left.
            self._tell(SubmitWithdrawn(submit_id=submit.submit_id))

    def ended(self, submit: Submit, error: PikaError, verdict: Verdict) -> PikaError:
        """It failed, and is not sent again; returns the error for its caller."""
        submit.is_accounted_for = True
        # Once it may have started a job, a refusal of a later try does not undo that.
        if verdict is Verdict.UNCERTAIN or submit.lost is not None:
            lost = self._uncertain(submit, submit.lost or error)
            self._tell(SubmitUncertain(submit_id=submit.submit_id, error=lost))
            return lost
        error.tries = submit.tries
        self._tell(SubmitRefused(submit_id=submit.submit_id, error=error))
        return error

    def intent(self, submit: Submit) -> Intent:
        """What is sent, with what the observer calls the submit."""
        if submit.origin is None:
            submit.origin = self._tell.origin(
                submit.submit_id, submit.request, submit.service, submit.earlier
            )
        return submit.intent()

    def _uncertain(self, submit: Submit, cause: BaseException) -> SubmissionUncertainError:
        # Whoever looks the job up later hands its origin on to the observer.
        self.intent(submit)
        return submit.uncertain(cause)

    def _tell_accepted(self, submit: Submit, job: Job, *, unclaimed: bool, recorded: bool) -> None:
        is_new, submit.is_job_told = not submit.is_job_told, True
        self._tell(
            JobAccepted(
                submit_id=submit.submit_id,
                job_id=job.id,
                request=submit.request,
                service=submit.service,
                unclaimed=unclaimed,
                recorded=recorded,
            )
        )
        if is_new:
            tell_begun(job)


def _has_record(submit: Submit) -> bool:
    """Whether the job of a submit is written down."""
    return submit.recorder is not None and submit.recorder.has_job
