"""fal's faults on submit and on poll (WIRE-FAL 2 to 4, DESIGN's submit table row by row).

On polls: 401 and 403 say nothing of a job that runs on, and no failed look is a failed job.
"""

from __future__ import annotations

from support.faults.table import JSON, NOTHING, PAGE, Broken, Poll, Submit, Table, Truth

from pika_async import (
    APIError,
    AuthenticationError,
    DecodeError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ServerError,
)

AGAIN, NAMED, UNCERTAIN = Submit.AGAIN, Submit.NAMED, Submit.UNCERTAIN
WAITED, GRACE, EMPTY = Poll.WAITED_OUT, Poll.GRACE, Poll.EMPTY
JOB, NO_JOB = True, False
NOWHERE = None


def kind(error_type: str) -> dict[str, str]:
    return {"error_type": error_type}


# fmt: off
TRUTHS = (
    # The API says no, and why.
    Truth("401-detail", 401, JSON, NO_JOB, AuthenticationError, WAITED),
    Truth("403-locked", 403, JSON, NO_JOB, QuotaExceededError, WAITED),
    Truth("403-admin-lock", 403, JSON, NO_JOB, PermissionDeniedError, WAITED),
    Truth("403-detail", 403, JSON, NO_JOB, PermissionDeniedError, WAITED),
    Truth("404-detail", 404, JSON, NO_JOB, NotFoundError, GRACE),
    Truth("405-detail", 405, JSON, NO_JOB, APIError, WAITED),
    Truth("400-detail", 400, JSON, NO_JOB, InvalidRequestError, WAITED),
    Truth("413-detail", 413, JSON, NO_JOB, InvalidRequestError, NOWHERE),
    Truth("415-detail", 415, JSON, NO_JOB, InvalidRequestError, NOWHERE),
    Truth("422-array", 422, JSON, NO_JOB, InvalidRequestError, InvalidRequestError),
    Truth("504-own-timeout", 504, JSON, NO_JOB, ServerError, NOWHERE, kind("request_timeout")),
    # Something in front of the API says no.
    Truth("401-empty", 401, NOTHING, NO_JOB, AuthenticationError, WAITED),
    Truth("401-html", 401, PAGE, NO_JOB, AuthenticationError, WAITED),
    Truth("403-empty", 403, NOTHING, NO_JOB, PermissionDeniedError, WAITED),
    Truth("403-challenge", 403, PAGE, NO_JOB, PermissionDeniedError, WAITED),
    Truth("404-empty", 404, NOTHING, NO_JOB, NotFoundError, WAITED),
    Truth("404-html", 404, PAGE, NO_JOB, NotFoundError, WAITED),
    Truth("413-html", 413, PAGE, NO_JOB, InvalidRequestError, NOWHERE),
    Truth("425", 425, NOTHING, NO_JOB, APIError, WAITED),
    Truth("redirect-other-origin", 307, NOTHING, NO_JOB, APIError, WAITED),
    Truth("200-html", 200, PAGE, NO_JOB, DecodeError, WAITED),
    # Too much, for now: nothing was started, so a client sends it again.
    Truth("429-detail", 429, JSON, NO_JOB, AGAIN, WAITED),
    Truth("429-empty", 429, NOTHING, NO_JOB, AGAIN, WAITED),
    Truth("429-retry-after-seconds", 429, PAGE, NO_JOB, AGAIN, WAITED),
    Truth("429-retry-after-date", 429, PAGE, NO_JOB, AGAIN, WAITED),
    Truth("503-retry-after", 503, PAGE, NO_JOB, AGAIN, WAITED),
    # Nobody outside can know whether a job was started.
    Truth("409-detail", 409, JSON, JOB, UNCERTAIN, NOWHERE),
    Truth("499-detail", 499, JSON, JOB, UNCERTAIN, NOWHERE),
    Truth("500-detail", 500, JSON, JOB, UNCERTAIN, WAITED),
    Truth("500-error-type", 500, JSON, NO_JOB, UNCERTAIN, WAITED, kind("internal_error")),
    Truth("503-runner", 503, JSON, JOB, UNCERTAIN, WAITED, kind("runner_scheduling_failure")),
    Truth("504-runner", 504, JSON, NO_JOB, UNCERTAIN, WAITED, kind("startup_timeout")),
    Truth("200-no-request-id", 200, JSON, JOB, UNCERTAIN, NOWHERE),
    Truth("500-names-job", 500, JSON, JOB, NAMED, NOWHERE),
    Truth("503-names-job", 503, JSON, JOB, NAMED, NOWHERE),
    Truth("200-names-job", 200, JSON, JOB, NAMED, NOWHERE),
    Truth("500-empty", 500, NOTHING, JOB, UNCERTAIN, WAITED),
    Truth("502-html", 502, PAGE, NO_JOB, UNCERTAIN, WAITED),
    Truth("503-html", 503, PAGE, JOB, UNCERTAIN, WAITED),
    Truth("504-html", 504, PAGE, JOB, UNCERTAIN, WAITED),
    Truth("504-empty", 504, NOTHING, NO_JOB, UNCERTAIN, WAITED),
    Truth("520-html", 520, PAGE, JOB, UNCERTAIN, WAITED),
    Truth("524-html", 524, PAGE, JOB, UNCERTAIN, WAITED),
    Truth("408", 408, NOTHING, NO_JOB, UNCERTAIN, WAITED),
    Truth("200-empty", 200, NOTHING, JOB, UNCERTAIN, EMPTY),
    Truth("200-list", 200, JSON, JOB, UNCERTAIN, WAITED),
    Truth("200-no-status", 200, JSON, NO_JOB, NOWHERE, WAITED),
    Truth("reset-before", Broken.RESET, NOTHING, NO_JOB, UNCERTAIN, WAITED),
    Truth("reset-after", Broken.RESET, NOTHING, JOB, UNCERTAIN, WAITED),
    Truth("closed-before", Broken.CLOSED, NOTHING, NO_JOB, UNCERTAIN, WAITED),
    Truth("closed-after", Broken.CLOSED, NOTHING, JOB, UNCERTAIN, WAITED),
    Truth("truncated", Broken.CUT, JSON, JOB, UNCERTAIN, WAITED),
    Truth("stalled", Broken.SILENT, JSON, JOB, UNCERTAIN, WAITED),
    Truth("slow-headers", Broken.SILENT, JSON, JOB, UNCERTAIN, WAITED),
    # Jobs that are not there.
    Truth("404-not-found", 404, JSON, NO_JOB, NOWHERE, GRACE, {"status": "NOT_FOUND"}),
    Truth("other-key", 404, JSON, NO_JOB, NOWHERE, GRACE, {"status": "NOT_FOUND"}),
)
# fmt: on

TABLE = Table(
    service="fal",
    truths=TRUTHS,
    names_request_in=None,
    submit_path="/fal-ai/pika/v2.2/text-to-video",
    body={"prompt": "A red panda, surfing"},
    poll_path="/fal-ai/pika/requests/{job_id}/status",
    key_header=("Authorization", "Key {key}"),
)
