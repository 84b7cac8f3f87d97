"""What earlier runs have written of a request, as the batch goes by it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pika_async._errors import OtherServiceError, PikaError, SubmissionUncertainError
from pika_async._journal.history import SavedFile, Status
from pika_async._journal.records import headline_of, refusal_of
from pika_async._meaning import Started
from pika_async._money import Money
from pika_async._request.record import Intent
from pika_async._states import Failed, Succeeded

if TYPE_CHECKING:
    from pika_async._journal.journal import Found
    from pika_async._request.request import GenerationRequest


@frozen(kw_only=True)
class Known:
    """What is known of a request before anything is done for it."""

    resumed: bool = False
    job_id: str | None = None
    state: Succeeded | Failed | None = None
    """The end of its job."""
    error: PikaError | None = None
    """Why there is no job to wait for."""
    files: tuple[SavedFile, ...] = ()
    accepted_ago: float = math.inf
    """Seconds since an earlier run submitted the job."""
    hints: Mapping[str, str] | None = None
    """What a look at the job needs to know: addresses, and facts of its submit."""
    # The next three are set for a submit whose answer nobody knows, and stay so where
    # ``resubmit_uncertain`` allows to submit the request again: the service is asked for it first.
    lost: SubmissionUncertainError | None = None
    """The error that an earlier run's submit ended with."""
    quoted: Money | None = None
    """What an earlier run's submit was taken to cost. Also set while its job has not ended."""
    intent: Intent | None = None
    """What an earlier run sent. A service that takes repeated keys is sent the same again."""
    origin: str | None = None
    """What the observer called the submit of an earlier run."""
    elsewhere: bool = False
    """Its job belongs to another service, so this one cannot be asked about it."""


NOTHING: Final = Known()
"""The request is met for the first time."""

UNFINISHED: Final = (Status.SUBMITTING, Status.UNCERTAIN, Status.SUBMITTED)
"""Where only the service that it was submitted to can tell how it goes on."""


def known_of(
    found: Found, request: GenerationRequest, name: str, now: float, *, elsewhere: bool
) -> Known:
    """What the journal knows of a request that is not to be submitted again at once."""
    error: PikaError | None = None
    state: Succeeded | Failed | None = None
    intent: Intent | None = None
    lost: SubmissionUncertainError | None = None
    match found.status:
        case Status.WAITING:
            return NOTHING
        case Status.SUBMITTING | Status.UNCERTAIN:
            error = lost = still_uncertain(found, request, name)
            intent = found.intent()
        case Status.SUCCEEDED | Status.FAILED:
            state = found.terminal_state()
            if state is None:
                assert found.problem is not None  # noqa: S101 - what has no job was refused
                error = refusal_of(found.problem)
        case Status.SUBMITTED:
            pass
    return Known(
        resumed=True,
        job_id=found.job_id,
        state=state,
        error=error,
        files=found.files,
        accepted_ago=math.inf if found.accepted_at is None else max(0.0, now - found.accepted_at),
        hints=found.hints,
        origin=found.origin,
        intent=intent,
        lost=lost,
        quoted=None if state is not None or (error is not None and lost is None) else found.quoted,
        elsewhere=elsewhere,
    )


def of_another_service(found: Found) -> OtherServiceError:
    """The error of a request whose submit went to another service, and has not ended there."""
    assert found.service is not None  # noqa: S101 - an attempt has one
    place = found.service if found.base_url is None else f"{found.service} at {found.base_url}"
    known = found.status is Status.SUBMITTED
    return OtherServiceError(
        f"it was submitted to {place}, and this batch goes elsewhere"
        if known
        else f"a submit of it went to {place} and its answer is not known; this batch goes "
        "elsewhere",
        service=found.service,
        base_url=found.base_url,
        job_id=found.job_id,
        started=Started.YES if known else Started.MAYBE,
    )


def still_uncertain(
    found: Found, request: GenerationRequest, name: str
) -> SubmissionUncertainError:
    """The error of a submit that earlier runs have left uncertain; ``name``: the fingerprint."""
    assert found.sent_at is not None  # noqa: S101 - the intent was written with its time
    return SubmissionUncertainError(
        "an earlier run ended between sending the submit and reading its answer"
        if found.problem is None
        else headline_of(found.problem),
        request=request,
        fingerprint=name,
        sent_at=datetime.fromtimestamp(found.sent_at, UTC),
        job_id=found.job_id,
        journalled=True,
        sent=found.intent(),
    )
