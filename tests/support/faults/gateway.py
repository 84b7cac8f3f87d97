"""The gateway's faults on submit and on poll (WIRE 5, DESIGN's submit table row by row)."""

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

AGAIN, UNCERTAIN = Submit.AGAIN, Submit.UNCERTAIN
WAITED, GRACE, EMPTY = Poll.WAITED_OUT, Poll.GRACE, Poll.EMPTY
JOB, NO_JOB = True, False
NOWHERE = None


def of_task(code: str) -> dict[str, str | None]:
    return {"code": code, "data": None}


def of_type(kind: str) -> dict[str, dict[str, str]]:
    return {"error": {"type": kind}}


# fmt: off
TRUTHS = (
    # The API says no, and why: a client raises the matching error and sends nothing more.
    Truth("401-new-api-error", 401, JSON, NO_JOB, AuthenticationError, AuthenticationError,
          of_type("new_api_error")),
    Truth("401-quota-used-up", 401, JSON, NO_JOB, AuthenticationError, AuthenticationError,
          of_type("new_api_error")),
    Truth("402-quota-not-enough", 402, JSON, NO_JOB, QuotaExceededError, QuotaExceededError,
          of_task("quota_not_enough")),
    Truth("403-forbidden", 403, JSON, NO_JOB, PermissionDeniedError, PermissionDeniedError,
          of_type("new_api_error")),
    Truth("403-quota-not-enough", 403, JSON, NO_JOB, QuotaExceededError, QuotaExceededError,
          of_task("quota_not_enough")),
    Truth("400-invalid-request", 400, JSON, NO_JOB, InvalidRequestError, InvalidRequestError,
          of_task("invalid_request")),
    Truth("400-openai", 400, JSON, NO_JOB, InvalidRequestError, InvalidRequestError,
          of_type("invalid_request_error")),
    Truth("422-detail", 422, JSON, NO_JOB, InvalidRequestError, InvalidRequestError),
    # Something in front of the API says no: nothing was started, and a job is not touched by it.
    Truth("401-empty", 401, NOTHING, NO_JOB, AuthenticationError, WAITED),
    Truth("401-html", 401, PAGE, NO_JOB, AuthenticationError, WAITED),
    Truth("403-empty", 403, NOTHING, NO_JOB, PermissionDeniedError, WAITED),
    Truth("403-challenge", 403, PAGE, NO_JOB, PermissionDeniedError, WAITED),
    Truth("403-fail-to-fetch-task", 403, JSON, NO_JOB, PermissionDeniedError, WAITED,
          of_task("fail_to_fetch_task")),
    Truth("404-empty", 404, NOTHING, NO_JOB, NotFoundError, WAITED),
    Truth("404-html", 404, PAGE, NO_JOB, NotFoundError, WAITED),
    Truth("413-html", 413, PAGE, NO_JOB, InvalidRequestError, NOWHERE),
    Truth("404-wrong-path", 404, JSON, NO_JOB, NotFoundError, GRACE,
          of_type("invalid_request_error")),
    Truth("fail-to-fetch-task-400", 400, JSON, NO_JOB, InvalidRequestError, InvalidRequestError,
          of_task("fail_to_fetch_task")),
    Truth("503-no-channel", 503, JSON, NO_JOB, ServerError, WAITED, of_type("new_api_error")),
    Truth("425", 425, NOTHING, NO_JOB, APIError, WAITED),
    Truth("redirect-other-origin", 307, NOTHING, NO_JOB, APIError, WAITED),
    Truth("200-html", 200, PAGE, NO_JOB, DecodeError, WAITED),
    Truth("200-success-false", 200, JSON, NO_JOB, APIError, WAITED, {"success": False}),
    Truth("200-error", 200, JSON, NO_JOB, APIError, WAITED, {"error": "service busy"}),
    Truth("200-code", 200, JSON, NO_JOB, APIError, WAITED, {"code": "service_busy"}),
    # Too much, for now: nothing was started, so a client sends it again.
    Truth("429-openai", 429, JSON, NO_JOB, AGAIN, WAITED, of_type("rate_limit_error")),
    Truth("429-empty", 429, NOTHING, NO_JOB, AGAIN, WAITED),
    Truth("429-fail-to-fetch-task", 429, JSON, NO_JOB, AGAIN, WAITED,
          of_task("fail_to_fetch_task")),
    Truth("429-retry-after-seconds", 429, PAGE, NO_JOB, AGAIN, WAITED),
    Truth("429-retry-after-date", 429, PAGE, NO_JOB, AGAIN, WAITED),
    Truth("503-retry-after", 503, PAGE, NO_JOB, AGAIN, WAITED),
    # Nobody outside can know whether a job was started. Some rows start one and some do not, so
    # that a client that guesses is found out either way.
    Truth("fail-to-fetch-task-500", 500, JSON, JOB, UNCERTAIN, WAITED,
          of_task("fail_to_fetch_task")),
    Truth("500-do-request-failed", 500, JSON, NO_JOB, UNCERTAIN, WAITED,
          of_task("do_request_failed")),
    Truth("500-read-response-body-failed", 500, JSON, JOB, UNCERTAIN, WAITED,
          of_task("read_response_body_failed")),
    Truth("500-unmarshal-response-body-failed", 500, JSON, JOB, UNCERTAIN, WAITED,
          of_task("unmarshal_response_body_failed")),
    Truth("500-insert-task-failed", 500, JSON, JOB, UNCERTAIN, WAITED,
          of_task("insert_task_failed")),
    Truth("500-panic", 500, JSON, NO_JOB, UNCERTAIN, WAITED, of_type("new_api_panic")),
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
    Truth("200-no-id", 200, JSON, JOB, UNCERTAIN, EMPTY, {"request_id": "not-the-job"}),
    Truth("reset-before", Broken.RESET, NOTHING, NO_JOB, UNCERTAIN, WAITED),
    Truth("reset-after", Broken.RESET, NOTHING, JOB, UNCERTAIN, WAITED),
    Truth("closed-before", Broken.CLOSED, NOTHING, NO_JOB, UNCERTAIN, WAITED),
    Truth("closed-after", Broken.CLOSED, NOTHING, JOB, UNCERTAIN, WAITED),
    Truth("truncated", Broken.CUT, JSON, JOB, UNCERTAIN, WAITED),
    Truth("stalled", Broken.SILENT, JSON, JOB, UNCERTAIN, WAITED),
    Truth("slow-headers", Broken.SILENT, JSON, JOB, UNCERTAIN, WAITED),
    # Jobs that are not there: a client is patient with its own, and believes it of others.
    Truth("unknown-400", 400, JSON, NO_JOB, NOWHERE, GRACE, of_task("task_not_exist")),
    Truth("unknown-404", 404, JSON, NO_JOB, NOWHERE, GRACE, of_task("task_not_exist")),
    Truth("unknown-empty", 200, NOTHING, NO_JOB, NOWHERE, EMPTY),
    Truth("other-key", 400, JSON, NO_JOB, NOWHERE, GRACE, of_task("task_not_exist")),
)
# fmt: on

TABLE = Table(
    service="gateway",
    truths=TRUTHS,
    names_request_in="X-Oneapi-Request-Id",
    submit_path="/pika/generate",
    body={
        "promptText": "A red panda, surfing",
        "model": "1.5",
        "options": {"frameRate": 24, "camera": {}, "parameters": {"motion": 1}, "extend": False},
    },
    poll_path="/pika/feed/{job_id}",
    key_header=("Authorization", "Bearer {key}"),
)
