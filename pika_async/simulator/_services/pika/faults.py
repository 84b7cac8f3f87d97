"""What goes wrong at Pika's own API, in its own words (WIRE-PIKA 1 to 6)."""

from __future__ import annotations

from typing import Final

from pika_async.simulator._rows import (
    API,
    CREATES,
    POLL,
    REFUSES,
    TICKET,
    UPLOAD,
    FaultRow,
    Place,
    denied,
)

_SUBMIT: tuple[Place, ...] = ("submit",)
_IN_FLIGHT: Final = "concurrency limit exceeded: 20 video job(s) already in flight"
_EXPIRED: Final = denied("AccessDenied", "Request has expired")
_RETRY: Final = {"Retry-After": "1"}


def message(text: str) -> dict[str, str]:
    """A refusal that names no job."""
    return {"message": text}


TOO_MANY: Final = message(_IN_FLIGHT)

FAULTS: Final = (
    # The API says no, and why.
    FaultRow("401-unknown-key", API, 401, REFUSES, "key unknown", message("Invalid API key")),
    FaultRow("403-inactive-key", API, 403, REFUSES, "key not active",
             message("Your API key is not active")),
    FaultRow("402-balance", API, 402, REFUSES, "no balance, and no job record",
             {"error": {"code": "insufficient_balance", "message": "Insufficient balance"}}),
    FaultRow("400-message", API, 400, REFUSES, "bad request", message("invalid request")),
    FaultRow("422-message", API, 422, REFUSES, "bad body",
             message("prompt: String should have at least 1 character")),
    FaultRow("422-detail-list", API, 422, REFUSES, "bad body, as frameworks tell it",
             {"detail": [{"loc": ["body", "fps"], "msg": "Extra inputs are not permitted"}]}),
    FaultRow("404-message", API, 404, REFUSES, "no such model, or no such job",
             message("Not found")),
    # Too much, for now.
    FaultRow("429-in-flight", API, 429, REFUSES, "20 jobs are in flight already", TOO_MANY),
    FaultRow("429-in-flight-retry-after", API, 429, REFUSES, "the same, with a time to wait",
             TOO_MANY, headers=_RETRY),
    # The key is known, and its answer is not.
    FaultRow("409-still-running", _SUBMIT, 409, CREATES, "the first call with this key still runs",
             message("a request with this Idempotency-Key is in progress")),
    FaultRow("409-not-begun", _SUBMIT, 409, REFUSES, "the same, and that call came to nothing",
             message("a request with this Idempotency-Key is in progress")),
    # It broke.
    FaultRow("500-message", API, 500, CREATES, "internal error: unknown",
             message("internal server error")),
    FaultRow("503-message", API, 503, REFUSES, "unavailable: unknown",
             message("service unavailable")),
    FaultRow("200-message", API, 200, CREATES, "an object that names no job",
             message("accepted")),
    # Jobs that are not there.
    FaultRow("unknown-job", POLL, 404, REFUSES, "no such job", message("Job not found")),
    # Uploads: the address, and the bytes.
    FaultRow("413-ticket", TICKET, 413, REFUSES, "file too large", message("file too large")),
    FaultRow("415-ticket", TICKET, 415, REFUSES, "wrong type", message("unsupported media type")),
    FaultRow("429-ticket", TICKET, 429, REFUSES, "uploads count among the jobs in flight",
             TOO_MANY, headers=_RETRY),
    FaultRow("503-ticket", TICKET, 503, REFUSES, "unavailable", message("service unavailable")),
    FaultRow("200-ticket-empty", TICKET, 200, REFUSES, "an address without a link", {}),
    FaultRow("403-upload-expired", UPLOAD, 403, REFUSES, "the address has expired", _EXPIRED),
    FaultRow("307-upload", UPLOAD, 307, REFUSES, "another host wants the bytes",
             does="redirect"),
    FaultRow("413-upload", UPLOAD, 413, REFUSES, "file too large for the host of the files"),
    FaultRow("500-upload", UPLOAD, 500, REFUSES, "the host of the files broke"),
    FaultRow("reset-upload", UPLOAD, None, REFUSES, "reset on the way", does="reset"),
)  # fmt: skip
"""Rows of Pika's own API, beside those that every service has."""
