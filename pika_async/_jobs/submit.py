"""Paying once: a submit is sent again only where that cannot start a second job.

``posts`` sends it once. Here is what goes on around that: the line before it, the record that is
written before it leaves, and the decision after each try that failed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio.lowlevel

from pika_async._errors import PikaError, TransportError
from pika_async._jobs.again import KEY_KEPT
from pika_async._jobs.brake import Brake
from pika_async._jobs.posts import closed_error
from pika_async._jobs.verdicts import Symptom, Verdict, after_submit, symptom
from pika_async._meaning import FOR_LATER
from pika_async._states import Failed

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async._backoff import RetryPolicy
    from pika_async._jobs.job import Job
    from pika_async._jobs.posts import Posts
    from pika_async._jobs.submission import Submit
    from pika_async._jobs.telling import SubmitTeller
    from pika_async._timing import Timing


class Submitter:
    """Submits for one client."""

    def __init__(
        self,
        posts: Posts,
        retry: RetryPolicy,
        timing: Timing,
        teller: SubmitTeller,
        *,
        repeatable: bool,
    ) -> None:
        """How submits are sent.

        Args:
            posts: Sends each of them once.
            retry: When they are sent again.
            timing: Clocks.
            teller: Tells the observer and the caller of them.
            repeatable: Whether the service takes a repeated key for the same submit.
        """
        self._posts = posts
        self._retry = retry
        self._timing = timing
        self._teller = teller
        self._repeatable = repeatable
        self._brake = Brake(timing.now, timing.rest)

    @property
    def held(self) -> float:
        """Seconds for which the service wants no submit."""
        return self._brake.held

    async def submit(self, submit: Submit) -> Job:
        """The accepted job.

        Raises:
            SubmissionUncertainError: The job may exist and be billed.
            PikaError: Anything else; then nothing was started.
        """
        try:
            return await self._sent(submit)
        finally:
            if not submit.is_accounted_for:
                self._teller.withdrawn(submit)

    async def _sent(self, submit: Submit) -> Job:
        while True:
            try:
                gone_at = await self._released(submit)
            except Exception as error:
                if submit.lost is None:
                    raise
                # Whatever a record raises, an earlier try may have started a job.
                final = self._teller.ended(submit, submit.lost, Verdict.RAISE)
                if error is not submit.lost:
                    why = error.what if isinstance(error, PikaError) else repr(error)
                    final.add_note(f"It was not sent again: {why}")
                raise final from final.__cause__
            try:
                job = await self._posts.send(submit)
            except PikaError as error:
                pause = self._after_failure(submit, error, gone_at)
                if pause is not None:
                    await self._timing.sleep(pause)
            else:
                submit.is_accounted_for = True
                self._pass_on(job, gone_at)
                return job

    async def _released(self, submit: Submit) -> float:
        """Wait until it may leave, and write that down; returns when that was."""
        came_at = at_brake = self._timing.now()
        # Before the brake, which may close meanwhile, and before it is written down as leaving.
        places = self._posts.places
        if not places.take():
            await places.wait(submit)
            at_brake = self._timing.now()
        try:
            if (gone_at := self._brake.take()) is None:
                gone_at = await self._brake.wait()
            # Where the brake held those ahead, it held whoever stood behind them.
            waited = gone_at - (came_at if self._brake.has_held(came_at) else at_brake)
            if self._posts.closed:
                raise closed_error()  # noqa: TRY301 - its place is given back below
            if submit.again_until is not None:
                self._check_key(submit, submit.again_until)
            if submit.recorder is None:
                # Whoever is being cancelled must not pay for one more.
                await anyio.lowlevel.checkpoint_if_cancelled()
            else:
                await submit.recorder.leaving(partial(self._teller.intent, submit))
            submit.tries += 1
            submit.sent_at = self._timing.utc()
            submit.first_gone_at = min(submit.first_gone_at, gone_at)
            self._teller.sending(submit, waited)
        except BaseException:
            places.give_back()
            raise
        return gone_at

    def _check_key(self, submit: Submit, until: datetime) -> None:
        """Check that the service still knows the key, however long it stood in line."""
        if self._timing.utc() > until:
            submit.lost = TransportError(
                "its turn to be sent again came so late that the service may have forgotten its key"
            )
            raise submit.lost

    def _after_failure(self, submit: Submit, error: PikaError, gone_at: float) -> float | None:
        """Decide what follows a try that failed with ``error``, and tell of it.

        Returns:
            Seconds to sleep before it stands in line again; None: the brake keeps it there.

        Raises:
            PikaError: It is not sent again.
        """
        if submit.job is not None:
            # It is an error of whoever wrote the job down, and no answer of the service.
            raise error
        verdict = after_submit(error, repeatable=self._repeatable)
        busy = symptom(error) is Symptom.BUSY
        failures = submit.failures + 1 + (0 if busy else submit.outage_failures)
        delay = self._retry.delay(failures, error, self._timing.random())
        asked = min(getattr(error, "retry_after", None) or 0.0, delay)
        # Where others are admitted it stands in line, which is no failure of its own.
        in_line = busy and self._brake.hold(delay, gone_at, asked=asked)
        # However long the line was, no outage has begun before the first try.
        within_outage = self._timing.now() - submit.first_gone_at < self._retry.outage_budget
        if verdict is Verdict.SAME_AGAIN:
            submit.lost = error
            if submit.again_until is None:
                # By the time of day: the clock of an outage stands still while a machine sleeps.
                submit.again_until = submit.sent_at + KEY_KEPT
        if not (within_outage and (in_line or submit.lost is not None)):
            submit.failures += 1
        elif not busy:
            submit.outage_failures += 1
        again = verdict is Verdict.AGAIN or (verdict is Verdict.SAME_AGAIN and within_outage)
        if not again or submit.failures >= self._retry.attempts:
            final = self._teller.ended(submit, error, verdict)
            raise final from final.__cause__
        self._teller.held_back(submit, error, delay, in_line=in_line)
        return None if busy else delay

    def _pass_on(self, job: Job, gone_at: float) -> None:
        """What an answer that names a job means for the submits behind it."""
        if isinstance(job.state, Failed) and job.state.meaning in FOR_LATER:
            # A job was made of it, so it is not sent again. To the others it is as a 429, or a 503.
            delay = self._retry.delay(1, None, self._timing.random())
            self._brake.hold(delay, gone_at)
        else:
            self._brake.succeeded()
