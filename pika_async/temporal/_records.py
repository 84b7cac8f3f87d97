"""What a submit writes down in the engine before it acts, and what activities are given. Values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from pika_async._request.record import Intent
from pika_async._request.request import GenerationRequest


@frozen(kw_only=True)
class Leaving:
    """The record before the POST: from now on it may have left.

    Attributes:
        sent_at: When, by the worker's clock.
        fingerprint: SHA-256 of the request, hexadecimal: equal requests have equal fingerprints.
        intent: What is about to be sent.
        repeatable: Whether the service takes a repeated key for the same submit.
        searchable: Whether the job can be looked up, and told from those of equal requests.
    """

    sent_at: datetime
    fingerprint: str
    intent: Intent
    repeatable: bool
    searchable: bool


@frozen(kw_only=True)
class Accepted:
    """The record after the answer: the service has named the job.

    Attributes:
        job_id: The job.
        sent_at: When it was submitted.
        hints: What looks at it are to know: addresses, facts of the submit.
        origin: What the observer of the worker called the submit, or None.
        service: The name of the dialect that it was submitted with; None where nobody knows, as of
            a job that somebody has named, or of one of an earlier version.
        base_url: Where that was, or None likewise.
    """

    job_id: str
    sent_at: datetime
    hints: Mapping[str, str] = field(factory=dict)
    origin: str | None = None
    service: str | None = None
    base_url: str | None = None


Record = Leaving | Accepted


@frozen(kw_only=True)
class Line:
    """A request that stands in a page of a campaign, so that no prompt is kept by the engine.

    Attributes:
        store: Where the campaign lies.
        digest: That of its pages: where a worker finds others there, it submits nothing.
        page: The page, from 0.
        place: The place there, from 0.
        index: The place in the whole campaign, from 0.
    """

    store: str
    digest: str
    page: int
    place: int
    index: int


Requested = GenerationRequest | Line


@frozen(kw_only=True)
class Order:
    """What the submit is given.

    Attributes:
        request: What to make.
        run_id: The run that asks; after a reset another run carries on, and must not pay again.
        again: What an earlier attempt has sent, at a service that knows keys.
    """

    request: Requested
    run_id: str
    again: Leaving | None = None


@frozen(kw_only=True)
class Lost:
    """A submit without an answer, to be looked for."""

    request: Requested
    sent: Leaving


@frozen(kw_only=True)
class Errand:
    """A job to wait for and to download.

    Attributes:
        request: What was asked for.
        job: The job.
        timeout: Seconds to wait at most from the submit on; None: for ever.
        is_named: Whether somebody has named the job, so that nobody knows when it was submitted,
            and the id may be wrong.
    """

    request: Requested
    job: Accepted
    timeout: float | None = None
    is_named: bool = False


@frozen(kw_only=True)
class Said:
    """What an activity says of a submit that did not end well.

    Attributes:
        error: The name of the error's class.
        meaning: Its sentences.
        seconds: How long to wait before the next try, where the service said so.
        sent: What was sent, where it is lost.
        answered: Whether it is the service that says so, by an answer to this submit.
    """

    error: str
    meaning: str
    seconds: float | None = None
    sent: Leaving | None = None
    answered: bool = False
