"""Faults of Pika's own API on submit and on poll (WIRE-PIKA 3 and 4, DESIGN's submit table).

A repeated key is the same submit there: what is uncertain elsewhere is asked again with the same
key and body, and names the job.
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
)

AGAIN, SAME = Submit.AGAIN, Submit.SAME_AGAIN
WAITED, GRACE, EMPTY = Poll.WAITED_OUT, Poll.GRACE, Poll.EMPTY
JOB, NO_JOB = True, False
NOWHERE = None


def saying(message: str) -> dict[str, str]:
    return {"message": message}


IN_FLIGHT = saying("concurrency limit exceeded: 20 video job(s) already in flight")

# fmt: off
TRUTHS = (
    # The API says no, and why: a client raises the matching error and sends nothing more.
    Truth("401-unknown-key", 401, JSON, NO_JOB, AuthenticationError, AuthenticationError,
          saying("Invalid API key")),
    Truth("403-inactive-key", 403, JSON, NO_JOB, PermissionDeniedError, PermissionDeniedError,
          saying("Your API key is not active")),
    Truth("402-balance", 402, JSON, NO_JOB, QuotaExceededError, QuotaExceededError,
          {"error": {"code": "insufficient_balance"}}),
    Truth("400-message", 400, JSON, NO_JOB, InvalidRequestError, InvalidRequestError,
          saying("invalid request")),
    Truth("422-message", 422, JSON, NO_JOB, InvalidRequestError, InvalidRequestError),
    Truth("422-detail-list", 422, JSON, NO_JOB, InvalidRequestError, InvalidRequestError),
    Truth("404-message", 404, JSON, NO_JOB, NotFoundError, GRACE, saying("Not found")),
    # Something in front of the API says no: nothing was started, and a job is not touched by it.
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
    Truth("429-in-flight", 429, JSON, NO_JOB, AGAIN, WAITED, IN_FLIGHT),
    Truth("429-in-flight-retry-after", 429, JSON, NO_JOB, AGAIN, WAITED, IN_FLIGHT),
    Truth("429-empty", 429, NOTHING, NO_JOB, AGAIN, WAITED),
    Truth("429-retry-after-seconds", 429, PAGE, NO_JOB, AGAIN, WAITED),
    Truth("429-retry-after-date", 429, PAGE, NO_JOB, AGAIN, WAITED),
    Truth("503-retry-after", 503, PAGE, NO_JOB, AGAIN, WAITED),
    # Nobody outside can know whether a job was started, and the key makes that harmless. Some rows
    # start one and some do not, so that a client that draws a new key is found out.
    Truth("409-still-running", 409, JSON, JOB, SAME, NOWHERE),
    Truth("409-not-begun", 409, JSON, NO_JOB, SAME, NOWHERE),
    Truth("500-message", 500, JSON, JOB, SAME, WAITED, saying("internal server error")),
    Truth("503-message", 503, JSON, NO_JOB, SAME, WAITED, saying("service unavailable")),
    Truth("200-message", 200, JSON, JOB, SAME, WAITED, saying("accepted")),
    Truth("500-empty", 500, NOTHING, JOB, SAME, WAITED),
    Truth("502-html", 502, PAGE, NO_JOB, SAME, WAITED),
    Truth("503-html", 503, PAGE, JOB, SAME, WAITED),
    Truth("504-html", 504, PAGE, JOB, SAME, WAITED),
    Truth("504-empty", 504, NOTHING, NO_JOB, SAME, WAITED),
    Truth("520-html", 520, PAGE, JOB, SAME, WAITED),
    Truth("524-html", 524, PAGE, JOB, SAME, WAITED),
    Truth("408", 408, NOTHING, NO_JOB, SAME, WAITED),
    Truth("200-empty", 200, NOTHING, JOB, SAME, EMPTY),
    Truth("200-list", 200, JSON, JOB, SAME, WAITED),
    Truth("reset-before", Broken.RESET, NOTHING, NO_JOB, SAME, WAITED),
    Truth("reset-after", Broken.RESET, NOTHING, JOB, SAME, WAITED),
    Truth("closed-before", Broken.CLOSED, NOTHING, NO_JOB, SAME, WAITED),
    Truth("closed-after", Broken.CLOSED, NOTHING, JOB, SAME, WAITED),
    Truth("truncated", Broken.CUT, JSON, JOB, SAME, WAITED),
    Truth("stalled", Broken.SILENT, JSON, JOB, SAME, WAITED),
    Truth("slow-headers", Broken.SILENT, JSON, JOB, SAME, WAITED),
    # Jobs that are not there: a client is patient with its own, and believes it of others.
    Truth("unknown-job", 404, JSON, NO_JOB, NOWHERE, GRACE, saying("Job not found")),
    Truth("other-key", 404, JSON, NO_JOB, NOWHERE, GRACE, saying("Job not found")),
)
# fmt: on

TABLE = Table(
    service="pika",
    truths=TRUTHS,
    names_request_in="X-Request-ID",
    submit_path="/v1/media/pika/pika-2.5/text-to-video",
    body={"prompt": "A red panda, surfing", "resolution": "720p"},
    poll_path="/v1/media/jobs/{job_id}",
    key_header=("X-API-Key", "{key}"),
)
