"""All jobs of one client: submitted, come back to, waited for.

The life of a job, and what each moment means for the money:

1. The request is checked, first by itself when it is built, then by the dialect: what this
   service does not have is refused here. Nothing was sent.
2. Its files are read. Where the service takes addresses alone, bytes go up; that costs nothing,
   may be begun anew, and whatever goes wrong with it, no submit was sent.
3. The submit is encoded once, with a name of its own that is its idempotency key. It waits its
   turn at the brake. A recorder is told what is about to leave, and the POST waits until that is
   written down.
4. The POST leaves. ``departure`` tells of the moments in between. From the last byte on, a job
   may exist and be billed, whatever becomes of us.
5. The answer names the job. It is written down before anyone is told of it. If whoever asked for
   it has been cancelled meanwhile, the answer is read all the same, and the job is told as
   unclaimed. If there is no answer, or one that nobody understands, the submit is uncertain;
   where the service knows repeated keys it is asked again with the same key and body, and names
   the job.
6. The job is waited for (``tracking``). Nothing that goes wrong here costs anything, and nothing
   here stops the job: giving up and crashing leave it running and paid for, and its id leads back.
7. It ends, once. Whether a failed job is billed is the service's to say.

A :class:`Job` stays the same object for as long as anybody holds it, so that all its watchers
share its polls.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from pika_async._errors import UnsupportedError
from pika_async._jobs.again import ByHand
from pika_async._jobs.cost import Costs
from pika_async._jobs.job import Job
from pika_async._jobs.latest import LatestSubmits
from pika_async._jobs.live import LiveJobs
from pika_async._jobs.looks import Waiting
from pika_async._jobs.origins import Origins
from pika_async._jobs.policy import GuardedPolicy
from pika_async._jobs.posts import Posts
from pika_async._jobs.preparation import Preparation
from pika_async._jobs.reconcile import Finder
from pika_async._jobs.recorder import PlainRecorder
from pika_async._jobs.slots import Slot, Slots
from pika_async._jobs.stubborn import stubbornly
from pika_async._jobs.submit import Submitter
from pika_async._jobs.telling import SubmitTeller
from pika_async._jobs.tracking import Tracker
from pika_async._wire.media import with_media_read
from pika_async._wire.upload import Uploads, stood_in
from pika_async.dialects import Cancels, Handle, check_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from datetime import datetime

    from pika_async._backoff import RetryPolicy
    from pika_async._errors import SubmissionUncertainError
    from pika_async._http import HTTPRequest
    from pika_async._jobs.recorder import Recorder, SubmitRecord
    from pika_async._jobs.submission import Submit
    from pika_async._log import Teller
    from pika_async._money import Money
    from pika_async._polling.policies import PollPolicy
    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async._timing import Timing
    from pika_async._wire.api import API
    from pika_async.dialects import Accepted

_T = TypeVar("_T")


@frozen
class ServiceName:
    """The service of a client. A job of one service is never polled at another."""

    dialect: str
    base_url: str
    repeatable: bool
    """Whether the service takes a repeated key for the same submit."""


class Jobs:
    """The jobs of one client."""

    def __init__(
        self,
        api: API,
        *,
        polling: PollPolicy,
        retry: RetryPolicy,
        timing: Timing,
        tell: Teller,
        request_timeout: float,
        max_in_flight: int | None,
        most_submits: int | None = None,
        most_uploads: int | None = None,
    ) -> None:
        self._api = api
        self._retry = retry
        self._timing = timing
        self.tell = tell
        self.service = ServiceName(api.dialect.name, api.endpoint.base_url, api.dialect.repeatable)
        self._policy = GuardedPolicy(polling, tell)
        self._waiting = Waiting(
            look=api.look,
            cancel=self._cancel,
            polling=self._policy,
            retry=retry,
            request_timeout=request_timeout,
            now=timing.now,
            rest=timing.rest,
            random=timing.random,
            tell=tell,
            host=api.host,
        )
        teller = SubmitTeller(tell, api.host)
        self._posts = Posts(api, teller, self._begun, most=most_submits)
        self._submitter = Submitter(
            self._posts, retry, timing, teller, repeatable=self.service.repeatable
        )
        self._uploads = Uploads(api, self._stubbornly, most=most_uploads)
        self._preparation = Preparation(api, self._uploads)
        self._finder = Finder(api, self._encoded, self._stubbornly, self._posts.answered_like)
        self._by_hand = ByHand(api, timing.utc, can_find=self._finder.can_find)
        self._costs = Costs(api)
        self.slots = Slots(max_in_flight)
        self._jobs = LiveJobs()
        self.origins = Origins(api, self._jobs)
        self._lately = LatestSubmits(timing.now, retry.appearance)

    @property
    def polling(self) -> PollPolicy:
        """When jobs are looked at."""
        return self._policy.given

    def check(self, request: GenerationRequest) -> None:
        """Refuse what this service does not have.

        Raises:
            FieldError: Names the field, the value and what is allowed.
        """
        check_at(self._api.dialect, request)

    async def submit(
        self,
        request: GenerationRequest,
        *,
        content: GenerationRequest | None = None,
        recorder: Recorder | None = None,
        again: Intent | None = None,
        again_since: datetime | None = None,
    ) -> Job:
        """Submit a job.

        Args:
            request: What to make.
            content: The same with its files read, where it has been checked and read already.
            recorder: Where to write it down as it goes.
            again: What an earlier process was about to send, at a service that takes a repeated
                key for the same submit: it is sent with that key, byte for byte.
            again_since: When that process sent it.

        Raises:
            FieldError: This service has no such thing; nothing was sent.
            SubmissionUncertainError: The job may exist and be billed. Also where ``again`` cannot
                be sent as it was, since the service would take it for another.
            PikaError: Anything else; then nothing was started.
        """
        if content is None:
            self.check(request)
            content = await with_media_read(request)
        if again is None:
            submit = await self._preparation.first(request, content, recorder)
        else:
            submit = await self._preparation.repeated(
                request, content, recorder, again, again_since
            )
        return await self._submitter.submit(submit)

    async def submit_by_hand(
        self, request: GenerationRequest, record: SubmitRecord | None, again: str | None
    ) -> Job:
        """Submit a job for a user who writes it down himself.

        Args:
            request: What to make.
            record: Where it is written down as it goes.
            again: The text of an earlier process's submit, which is sent again.

        Raises:
            FieldError: ``record`` is none, or ``again`` is no such text, or of another request.
            OtherServiceError: ``again`` was sent elsewhere.
            SubmissionUncertainError: As for :meth:`submit`. Also where ``again`` cannot be sent
                as the same; then nothing was sent.
            PikaError: As for :meth:`submit`.
        """
        recorder = None if record is None else PlainRecorder(record)
        kept = None if again is None else self._by_hand.kept(again, request)
        self.check(request)
        if again is None or kept is None:
            content = await with_media_read(request)
        else:
            content = await self._by_hand.content(kept, again, request)
        if recorder is not None and recorder.is_resumable:
            recorder.texts = await self._by_hand.texts(request, content, again)
        if kept is None:
            return await self.submit(request, content=content, recorder=recorder)
        submit = await self._preparation.repeated(
            request, content, recorder, kept.intent, kept.sent_at
        )
        submit.known_fingerprint = kept.fingerprint
        return await self._submitter.submit(submit)

    def _begun(self, submit: Submit, accepted: Accepted) -> Job:
        """The job of an answer, made before anyone can be told of its id."""
        self._finder.belongs(accepted.handle.job_id, submit.submit_id)
        self._lately.note(accepted.handle.job_id)
        tracker = Tracker.start(
            accepted.handle, self._waiting, request=submit.request, state=accepted.state
        )
        tracker.hold_back(accepted.pause)
        return self._remembered(tracker)

    def attach(
        self,
        job_id: str,
        *,
        request: GenerationRequest | None = None,
        seconds_ago: float | None = None,
        hints: Mapping[str, str] | None = None,
        origin: str | None = None,
    ) -> Job:
        """A job by its id, to come back to it: no I/O, and the same object for the same id.

        Args:
            job_id: The service's name for it.
            request: What was asked for, where the caller knows.
            seconds_ago: How long ago it was submitted, where the caller knows: a job that is young
                may have yet to appear at the service.
            hints: What a look at it needs to know: addresses, and facts of its submit.
            origin: What the observer called its submit.
        """
        if (known := self._jobs.get(job_id)) is not None:
            return known
        born = self._lately.sent_at(job_id)
        if born is None and seconds_ago is not None and 0 <= seconds_ago < math.inf:
            born = self._timing.now() - seconds_ago
        handle = Handle(job_id, hints or {})
        return self._remembered(
            Tracker.start(handle, self._waiting, request=request, born=born, origin=origin)
        )

    async def find(self, lost: SubmissionUncertainError, known: Collection[str] = ()) -> Job | None:
        """The job of a submit whose answer was lost; see ``reconcile``.

        Args:
            lost: What the submit ended with.
            known: Ids of jobs that belong to other submits, beside those of this client.

        Raises:
            UnsupportedError: The service has no history.
            PikaError: The history could not be read.
        """
        handle = await self.found(lost, known)
        if handle is None:
            return None
        return self.attach(
            handle.job_id,
            request=lost.request,
            seconds_ago=(self._timing.utc() - lost.sent_at).total_seconds(),
            hints=handle.hints,
            origin=None if lost.sent is None else lost.sent.origin,
        )

    async def found(
        self, lost: SubmissionUncertainError, known: Collection[str] = ()
    ) -> Handle | None:
        """:meth:`find`, as the handle with which any process can come back to the job."""
        handle = await self._finder.find(lost, known)
        if handle is not None:
            self._lately.note(handle.job_id)
        return handle

    @property
    def held(self) -> float:
        """Seconds for which the service wants no submit."""
        return self._submitter.held

    @property
    def can_find(self) -> bool:
        """Whether the service has a history in which a lost submit can be looked up."""
        return self._finder.can_find

    async def tells_apart(self, request: GenerationRequest) -> bool:
        """Whether two submits of this request differ in what is sent, and so in a history."""
        one, other = [(await self._encoded(request, key)).body for key in ("one", "other")]
        return one != other

    @property
    def can_quote(self) -> bool:
        """Whether the service says what a job will cost."""
        return self._costs.can_quote

    async def quote(self, request: GenerationRequest) -> Money | None:
        """What ``request`` will cost, where the service says so.

        Raises:
            FieldError: This service has no such thing.
            PikaError: The service could not be asked.
        """
        self.check(request)
        return await self._stubbornly(partial(self._costs.quote, stood_in(request)))

    @property
    def settles_late(self) -> bool:
        """Whether the service may say what a job cost only some time after its end."""
        return self._costs.settles_late

    async def charge(self, job_id: str) -> Money | None:
        """What an ended job cost, asked once more where the service may say so late.

        None: it does not say, not yet, or could not be asked.
        """
        return await self._costs.charge(job_id)

    async def balance(self) -> Money | None:
        """What is left in the account, where the service says so.

        Raises:
            PikaError: The service could not be asked.
        """
        return await self._costs.balance()

    async def _cancel(self, handle: Handle) -> bool:
        dialect = self._api.dialect
        if not isinstance(dialect, Cancels):
            raise UnsupportedError(f"the service {dialect.name!r} cannot stop a job")
        return await self._api.converse(dialect.cancel(self._api.endpoint, handle))

    async def _encoded(self, request: GenerationRequest, key: str) -> HTTPRequest:
        return await self._api.encode_submit(stood_in(request), key)

    def slot(self) -> Slot:
        """One of those that may be in flight at once."""
        return Slot(self.slots)

    async def answered(self, mine: Callable[[Recorder | None], bool]) -> None:
        """Wait for the answers of submits that have left: each may name a job that is paid for."""
        await self._posts.answered(mine)

    async def close(self) -> None:
        """Send no submit any more, and wait until no answer of one is missing."""
        self._posts.closed = True
        await self._uploads.close()
        await self._costs.close()
        await self._posts.answered(lambda _: True)

    async def _stubbornly(self, step: Callable[[], Awaitable[_T]]) -> _T:
        return await stubbornly(step, self._retry, self._timing)

    def _remembered(self, tracker: Tracker) -> Job:
        job_id = tracker.job_id
        job = self._jobs.get(job_id)
        if job is None:
            self._jobs.add(job_id, job := Job(tracker))
        return job
