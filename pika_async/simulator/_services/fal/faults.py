"""What goes wrong at fal, in its own words (WIRE-FAL 2 to 4)."""

from __future__ import annotations

from typing import Any, Final

from pika_async.simulator._rows import API, CREATES, POLL, REFUSES, FaultRow, Place, denied
from pika_async.simulator._services.fal.answers import EARLY, NOT_FOUND

SUBMIT: tuple[Place, ...] = ("submit",)
RESULT: tuple[Place, ...] = ("result",)
UPLOAD: tuple[Place, ...] = ("upload",)
PLATFORM: tuple[Place, ...] = ("platform",)
TOO_MANY: Final = {"detail": "Too many requests"}
_LOCKED: Final = "User is locked. Reason: {}"
_TOP_UP: Final = "Exhausted balance. Top up your balance at fal.ai/dashboard/billing."


def _infrastructure(text: str, kind: str) -> dict[str, Any]:
    return {"detail": text, "error_type": kind}


def _complaint(message: str, kind: str) -> dict[str, Any]:
    return {"detail": [{"loc": ["body", "prompt"], "msg": message, "type": kind}]}


FAULTS: Final = (
    # The API says no, and why.
    FaultRow("401-detail", API, 401, REFUSES, "key unknown",
             {"detail": "Authentication is required to access this application"}),
    FaultRow("403-locked", API, 403, REFUSES, "account balance short",
             {"detail": _LOCKED.format(_TOP_UP)}),
    FaultRow("403-admin-lock", API, 403, REFUSES, "locked by fal itself",
             {"detail": _LOCKED.format("Admin lock. Please contact support@fal.ai")}),
    FaultRow("403-detail", API, 403, REFUSES, "application not allowed",
             {"detail": "You do not have access to this application"}),
    FaultRow("404-detail", ("submit", "poll"), 404, REFUSES, "wrong path",
             {"detail": "Application 'pika' not found"}),
    FaultRow("404-not-found", POLL, 404, REFUSES, "no such job", NOT_FOUND),
    FaultRow("405-detail", ("submit", "poll"), 405, REFUSES, "wrong path",
             {"detail": "Method Not Allowed"}),
    FaultRow("400-detail", ("submit", "poll"), 400, REFUSES, "bad request",
             {"detail": "Bad request"}),
    FaultRow("400-bad-request", RESULT, 400, REFUSES, "bad request",
             _infrastructure("Bad request", "bad_request")),
    FaultRow("413-detail", SUBMIT, 413, REFUSES, "body too large", {"detail": "Too large"}),
    FaultRow("415-detail", SUBMIT, 415, REFUSES, "no JSON", {"detail": "Unsupported media type"}),
    FaultRow("422-array", API, 422, REFUSES, "a bad value, or an id that is none",
             _complaint("Input should be shorter", "string_too_long")),
    FaultRow("422-text", RESULT, 422, REFUSES, "the model failed, in a text",
             {"detail": "No video was generated"}),
    FaultRow("422-content-policy", RESULT, 422, REFUSES, "the content was not allowed",
             _complaint("The content could not be processed", "content_policy_violation")),
    # Too much, for now.
    FaultRow("429-detail", API, 429, REFUSES, "limits of fal", TOO_MANY),
    # Nobody can tell whether there is a job.
    FaultRow("409-detail", SUBMIT, 409, CREATES, "unknown", {"detail": "Conflict"}),
    FaultRow("499-detail", SUBMIT, 499, CREATES, "unknown", {"detail": "Client closed request"}),
    FaultRow("500-detail", ("submit", "poll"), 500, CREATES, "unknown",
             {"detail": "Internal Server Error"}),
    FaultRow("500-error-type", API, 500, REFUSES, "unknown; of a result: it failed",
             _infrastructure("Internal error", "internal_error")),
    FaultRow("503-runner", API, 503, CREATES, "unknown; of a result: it failed",
             _infrastructure("No runner was found", "runner_scheduling_failure"),
             headers={"X-Fal-Error-Type": "runner_scheduling_failure"}),
    FaultRow("504-runner", API, 504, REFUSES, "unknown; of a result: it failed",
             _infrastructure("The runner did not start", "startup_timeout")),
    FaultRow("504-own-timeout", SUBMIT, 504, REFUSES, "the caller's own limit: not started",
             _infrastructure("Request timed out", "request_timeout"),
             headers={"X-Fal-Request-Timeout-Type": "user"}),
    FaultRow("200-no-request-id", SUBMIT, 200, CREATES, "an answer without the id",
             {"status": "IN_QUEUE", "queue_position": 0}),
    FaultRow("200-no-status", POLL, 200, REFUSES, "an answer without the status", {"logs": None}),
    # The same, and the answer names the job.
    FaultRow("500-names-job", SUBMIT, 500, CREATES, "failed after the job was made",
             {"detail": "Internal Server Error"}, headers={"x-fal-request-id": "{job_id}"}),
    FaultRow("503-names-job", SUBMIT, 503, CREATES, "the same, and asks to come back later",
             {"detail": "Service Unavailable"},
             headers={"x-fal-request-id": "{job_id}", "Retry-After": "1"}),
    FaultRow("200-names-job", SUBMIT, 200, CREATES, "the id is in the header alone",
             {"status": "IN_QUEUE"}, headers={"x-fal-request-id": "{job_id}"}),
    # Results that are asked for where they do not lie, or too early.
    FaultRow("result-in-progress", RESULT, 400, REFUSES, "not yet", EARLY),
    FaultRow("result-400", RESULT, 400, REFUSES, "tells nothing", {"detail": "Bad Request"}),
    FaultRow("result-404", RESULT, 404, REFUSES, "wrong address, or it has expired", NOT_FOUND),
    FaultRow("result-405", RESULT, 405, REFUSES, "wrong address",
             {"detail": "Method Not Allowed"}),
    FaultRow("result-413", RESULT, 413, REFUSES, "wrong address",
             {"detail": "Request Entity Too Large"}),
    # Beside the queue.
    FaultRow("upload-503", UPLOAD, 503, REFUSES, "the storage is busy"),
    FaultRow("upload-403", UPLOAD, 403, REFUSES, "the address of an upload has worn out",
             denied("AccessDenied")),
    FaultRow("platform-403", PLATFORM, 403, REFUSES, "this key may not ask",
             {"error": {"type": "authorization_error", "message": "Admin key required"}}),
)  # fmt: skip
"""Rows of fal, beside those that every service has."""
