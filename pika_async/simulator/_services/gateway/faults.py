"""What goes wrong at the gateway, in its own words (WIRE 5)."""

from __future__ import annotations

from typing import Final

from pika_async.simulator._rows import API, CREATES, POLL, REFUSES, FaultRow
from pika_async.simulator._services.gateway.answers import new_api_error, openai_error, task_error

_NOT_EXIST = task_error("task_not_exist", "task_not_exist")
TOO_MANY: Final = openai_error("Too many requests", "rate_limit_error", "rate_limit_exceeded")

FAULTS: Final = (
    # The API says no, and why.
    FaultRow("401-new-api-error", API, 401, REFUSES, "key unknown or disabled",
             new_api_error("Invalid token")),
    FaultRow("401-quota-used-up", API, 401, REFUSES, "the key's quota is used up",
             new_api_error("该令牌额度已用尽")),
    FaultRow("403-forbidden", API, 403, REFUSES, "user, IP or model not allowed",
             new_api_error("User is banned")),
    FaultRow("403-quota-not-enough", API, 403, REFUSES, "account balance short",
             task_error("quota_not_enough", "user quota is not enough")),
    FaultRow("402-quota-not-enough", API, 402, REFUSES, "account balance short",
             task_error("quota_not_enough", "payment required")),
    FaultRow("400-invalid-request", API, 400, REFUSES, "bad body",
             task_error("invalid_request", "field promptText is required")),
    FaultRow("400-openai", API, 400, REFUSES, "bad body",
             openai_error("Invalid value for 'model'")),
    FaultRow("422-detail", API, 422, REFUSES, "bad value",
             {"detail": "motion must be between 0 and 4"}),
    FaultRow("404-wrong-path", API, 404, REFUSES, "wrong path",
             openai_error("Invalid URL (POST /pika/generate)")),
    # Too much, for now.
    FaultRow("429-openai", API, 429, REFUSES, "limits of the gateway", TOO_MANY),
    FaultRow("429-fail-to-fetch-task", API, 429, REFUSES, "limits upstream",
             task_error("fail_to_fetch_task", '{"detail":"Too many concurrent jobs"}')),
    FaultRow("503-no-channel", API, 503, REFUSES, "no channel for that model",
             openai_error("No available channel for model pika under group default",
                          "new_api_error")),
    # The upstream said no, or something broke after it was asked.
    FaultRow("fail-to-fetch-task-400", API, 400, REFUSES, "upstream refused",
             task_error("fail_to_fetch_task", '{"detail":"prompt not allowed"}')),
    FaultRow("403-fail-to-fetch-task", API, 403, REFUSES, "upstream refused the gateway's own key",
             task_error("fail_to_fetch_task", '{"detail":"invalid api key"}')),
    FaultRow("fail-to-fetch-task-500", API, 500, CREATES, "upstream broke: unknown",
             task_error("fail_to_fetch_task", '{"detail":"Internal Server Error"}')),
    FaultRow("500-do-request-failed", API, 500, REFUSES, "unknown",
             task_error("do_request_failed", "read: connection reset by peer")),
    FaultRow("500-read-response-body-failed", API, 500, CREATES, "unknown",
             task_error("read_response_body_failed", "unexpected EOF")),
    FaultRow("500-unmarshal-response-body-failed", API, 500, CREATES, "unknown",
             task_error("unmarshal_response_body_failed", "invalid character '<'")),
    FaultRow("500-insert-task-failed", API, 500, CREATES, "unknown",
             task_error("insert_task_failed", "database is locked")),
    FaultRow("500-panic", API, 500, REFUSES, "unknown",
             new_api_error("Panic detected, error: nil pointer", "new_api_panic")),
    # 200, and yet.
    FaultRow("200-no-id", API, 200, CREATES, "an object without an id",
             {"message": "success", "request_id": "not-the-job", "batch_id": "nor-this"}),
    FaultRow("200-success-false", API, 200, REFUSES, "success is false",
             {"success": False, "message": "service busy"}),
    FaultRow("200-error", API, 200, REFUSES, "error is not empty",
             {"id": "", "error": "service busy"}),
    FaultRow("200-code", API, 200, REFUSES, "code says no",
             {"code": "service_busy", "message": "service busy", "data": None}),
    # Jobs that are not there.
    FaultRow("unknown-400", POLL, 400, REFUSES, "no such job", _NOT_EXIST),
    FaultRow("unknown-404", POLL, 404, REFUSES, "no such job", _NOT_EXIST),
    FaultRow("unknown-empty", POLL, 200, REFUSES, "no such job"),
)  # fmt: skip
"""Rows of the gateway, beside those that every service has."""
