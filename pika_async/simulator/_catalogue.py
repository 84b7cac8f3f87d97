"""The catalogue of faults: one row for each way in which the wire of WIRE.md goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

from pika_async.simulator._services.gateway.answers import new_api_error, openai_error, task_error

Place: TypeAlias = Literal["submit", "poll", "download"]
Body: TypeAlias = "Mapping[str, Any] | list[Any] | str | bytes"
Does: TypeAlias = Literal[
    # The row's answer, or the true one where the row has none, is sent ...
    "answer",  # whole
    "redirect",  # with a Location at the other origin
    "reset",  # not at all: RST
    "close",  # not at all: FIN
    "truncate",  # half, with the length of the whole, then FIN
    "stall",  # half, then silence, then the rest
    "delay",  # after a silence
    "other-key",  # as to somebody who did not make the job
    # ... and for media:
    "redirect-loop",  # with a Location at itself
    "ignore-range",  # from the start, whatever was asked for
    "wrong-range",  # from another offset than was asked for
    "changed",  # as of a file that was replaced since
    "no-length",  # in chunks, without a length
    "no-validators",  # without ETag and Last-Modified
    "length-too-long",  # announcing twice as many bytes as come
    "length-too-short",  # announcing half as many bytes as come
]


@frozen
class FaultRow:
    """A row of the catalogue."""

    name: str
    places: tuple[Place, ...]
    """Where it makes sense; the first is the default of `Fault.on`."""
    status: int | None
    """The HTTP status; None: the true answer, spoilt in the way that `does` says."""
    started: bool
    """Whether the server does its work nonetheless: on submit, whether the job is created."""
    says: str
    """When this happens, in a few words."""
    body: Body = b""
    """A mapping or list is sent as JSON, text as a page, bytes as they are."""
    does: Does = field(default="answer", kw_only=True)
    """What becomes of the answer."""
    headers: Mapping[str, str] = field(factory=dict, kw_only=True)
    """Headers beside Content-Type and the id of the request."""


_API: tuple[Place, ...] = ("submit", "poll")
_ALL: tuple[Place, ...] = ("submit", "poll", "download")
_POLL: tuple[Place, ...] = ("poll",)
_FILE: tuple[Place, ...] = ("download",)


def _page(title: str, server: str = "nginx") -> str:
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n"
        f"<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    )


def _denied(code: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>'


_CDN = "cloudflare"
_HOME = "<!doctype html>\n<html><head><title>New API</title></head><body></body></html>"
_RETRY = {"Retry-After": "1"}
_BUSY = openai_error("Too many requests", "rate_limit_error", "rate_limit_exceeded")
_NO_CHANNEL = openai_error(
    "No available channel for model pika under group default", "new_api_error"
)
_UPSTREAM_DOWN = task_error("fail_to_fetch_task", '{"detail":"Internal Server Error"}')
_UPSTREAM_BUSY = task_error("fail_to_fetch_task", '{"detail":"Too many concurrent jobs"}')
_UPSTREAM_NO = task_error("fail_to_fetch_task", '{"detail":"prompt not allowed"}')
_NOT_EXIST = task_error("task_not_exist", "task_not_exist")

_CREATES, _REFUSES = True, False

# Where nobody outside can know whether the job was started, some rows create it and some do not,
# so that a client that guesses is found out either way.
_ROWS = (
    # The API says no, and why.
    FaultRow("401-new-api-error", _API, 401, _REFUSES, "key unknown or disabled",
             new_api_error("Invalid token")),
    FaultRow("401-quota-used-up", _API, 401, _REFUSES, "the key's quota is used up",
             new_api_error("该令牌额度已用尽")),
    FaultRow("403-forbidden", _API, 403, _REFUSES, "user, IP or model not allowed",
             new_api_error("User is banned")),
    FaultRow("403-quota-not-enough", _API, 403, _REFUSES, "account balance short",
             task_error("quota_not_enough", "user quota is not enough")),
    FaultRow("402-quota-not-enough", _API, 402, _REFUSES, "account balance short",
             task_error("quota_not_enough", "payment required")),
    FaultRow("400-invalid-request", _API, 400, _REFUSES, "bad body",
             task_error("invalid_request", "field promptText is required")),
    FaultRow("400-openai", _API, 400, _REFUSES, "bad body",
             openai_error("Invalid value for 'model'")),
    FaultRow("413-html", ("submit",), 413, _REFUSES, "image too large for a proxy",
             _page("413 Request Entity Too Large")),
    FaultRow("422-detail", _API, 422, _REFUSES, "bad value",
             {"detail": "motion must be between 0 and 4"}),
    FaultRow("404-wrong-path", _API, 404, _REFUSES, "wrong path",
             openai_error("Invalid URL (POST /pika/generate)")),
    # Too much, for now.
    FaultRow("429-openai", _API, 429, _REFUSES, "limits of the gateway", _BUSY),
    FaultRow("429-empty", _ALL, 429, _REFUSES, "limits of the gateway"),
    FaultRow("429-fail-to-fetch-task", _API, 429, _REFUSES, "limits upstream", _UPSTREAM_BUSY),
    FaultRow("429-retry-after-seconds", _ALL, 429, _REFUSES, "a proxy's limit",
             _BUSY, headers=_RETRY),
    FaultRow("429-retry-after-date", _ALL, 429, _REFUSES, "a proxy's limit, with a date",
             _BUSY, headers={"Retry-After": "date"}),
    FaultRow("503-no-channel", _API, 503, _REFUSES, "no channel for that model", _NO_CHANNEL),
    FaultRow("503-retry-after", _ALL, 503, _REFUSES, "a proxy's pause",
             _page("503 Service Temporarily Unavailable"), headers=_RETRY),
    # The upstream said no, or something broke after it was asked.
    FaultRow("fail-to-fetch-task-400", _API, 400, _REFUSES, "upstream refused", _UPSTREAM_NO),
    FaultRow("fail-to-fetch-task-500", _API, 500, _CREATES, "upstream broke: unknown",
             _UPSTREAM_DOWN),
    FaultRow("500-do-request-failed", _API, 500, _REFUSES, "unknown",
             task_error("do_request_failed", "read: connection reset by peer")),
    FaultRow("500-read-response-body-failed", _API, 500, _CREATES, "unknown",
             task_error("read_response_body_failed", "unexpected EOF")),
    FaultRow("500-unmarshal-response-body-failed", _API, 500, _CREATES, "unknown",
             task_error("unmarshal_response_body_failed", "invalid character '<'")),
    FaultRow("500-insert-task-failed", _API, 500, _CREATES, "unknown",
             task_error("insert_task_failed", "database is locked")),
    FaultRow("500-panic", _API, 500, _REFUSES, "unknown",
             new_api_error("Panic detected, error: nil pointer", "new_api_panic")),
    FaultRow("500-empty", _ALL, 500, _CREATES, "unknown"),
    # Proxies in front.
    FaultRow("502-html", _ALL, 502, _REFUSES, "proxy: unknown", _page("502 Bad Gateway")),
    FaultRow("503-html", _ALL, 503, _CREATES, "proxy: unknown",
             _page("503 Service Temporarily Unavailable")),
    FaultRow("504-html", _ALL, 504, _CREATES, "proxy: unknown", _page("504 Gateway Time-out")),
    FaultRow("504-empty", _ALL, 504, _REFUSES, "proxy: unknown"),
    FaultRow("520-html", _ALL, 520, _CREATES, "proxy: unknown",
             _page("520: Web server returned an unknown error", _CDN)),
    FaultRow("524-html", _ALL, 524, _CREATES, "proxy: unknown",
             _page("524: A timeout occurred", _CDN)),
    FaultRow("408", _ALL, 408, _REFUSES, "the request took too long: unknown"),
    FaultRow("425", _ALL, 425, _REFUSES, "too early"),
    FaultRow("redirect-other-origin", _API, 307, _REFUSES, "another host wants the request",
             does="redirect"),
    # 200, and yet.
    FaultRow("200-html", _API, 200, _REFUSES, "wrong base URL, or a gateway without Pika", _HOME),
    FaultRow("200-empty", _API, 200, _CREATES, "nothing in the answer"),
    FaultRow("200-list", _API, 200, _CREATES, "JSON, but no object", []),
    FaultRow("200-no-id", _API, 200, _CREATES, "an object without an id",
             {"message": "success", "request_id": "not-the-job", "batch_id": "nor-this"}),
    FaultRow("200-success-false", _API, 200, _REFUSES, "success is false",
             {"success": False, "message": "service busy"}),
    FaultRow("200-error", _API, 200, _REFUSES, "error is not empty",
             {"id": "", "error": "service busy"}),
    FaultRow("200-code", _API, 200, _REFUSES, "code says no",
             {"code": "service_busy", "message": "service busy", "data": None}),
    # The connection.
    FaultRow("reset-before", _ALL, None, _REFUSES, "reset before the work was done", does="reset"),
    FaultRow("reset-after", _ALL, None, _CREATES, "reset after the work was done", does="reset"),
    FaultRow("closed-before", _ALL, None, _REFUSES, "closed before the work was done",
             does="close"),
    FaultRow("closed-after", _ALL, None, _CREATES, "closed after the work was done", does="close"),
    FaultRow("truncated", _ALL, None, _CREATES, "half of the answer, then closed", does="truncate"),
    FaultRow("stalled", _ALL, None, _CREATES, "half of the answer, then silence", does="stall"),
    FaultRow("slow-headers", _ALL, None, _CREATES, "silence before the answer", does="delay"),
    # Jobs that are not there.
    FaultRow("unknown-400", _POLL, 400, _REFUSES, "no such job", _NOT_EXIST),
    FaultRow("unknown-404", _POLL, 404, _REFUSES, "no such job", _NOT_EXIST),
    FaultRow("unknown-empty", _POLL, 200, _REFUSES, "no such job"),
    FaultRow("other-key", _POLL, None, _REFUSES, "the job of another key", does="other-key"),
    # Media.
    FaultRow("403-expired", _FILE, 403, _REFUSES, "the link has expired", _denied("AccessDenied")),
    FaultRow("404-expired", _FILE, 404, _REFUSES, "the link has expired", _denied("NoSuchKey")),
    FaultRow("410-expired", _FILE, 410, _REFUSES, "the link has expired"),
    FaultRow("416-range", _FILE, 416, _REFUSES, "no such range"),
    FaultRow("html", _FILE, 200, _REFUSES, "a page in place of the file",
             _page("Just a moment...", _CDN)),
    FaultRow("cut", _FILE, None, _CREATES, "breaks off half way of what was asked for",
             does="truncate"),
    FaultRow("redirect", _FILE, 302, _REFUSES, "the same file at another origin", does="redirect"),
    FaultRow("redirect-loop", _FILE, 302, _REFUSES, "leads back to itself", does="redirect-loop"),
    FaultRow("ignores-range", _FILE, None, _CREATES, "200 from the start for a range",
             does="ignore-range"),
    FaultRow("range-wrong", _FILE, None, _CREATES, "206 with another offset than asked for",
             does="wrong-range"),
    FaultRow("changed", _FILE, None, _CREATES, "the file was replaced: new ETag, If-Range fails",
             does="changed"),
    FaultRow("no-length", _FILE, None, _CREATES, "chunked, without a length", does="no-length"),
    FaultRow("no-validators", _FILE, None, _CREATES, "neither ETag nor Last-Modified",
             does="no-validators"),
    FaultRow("length-too-long", _FILE, None, _CREATES, "announces twice as many bytes as come",
             does="length-too-long"),
    FaultRow("length-too-short", _FILE, None, _CREATES, "announces half as many bytes as come",
             does="length-too-short"),
    # Whatever a test needs: Fault("custom", status=..., body=..., headers=..., started=...).
    FaultRow("custom", _ALL, None, _REFUSES, "status, body and headers as given"),
)  # fmt: skip

FAULTS: Final[Mapping[str, FaultRow]] = MappingProxyType({row.name: row for row in _ROWS})
"""The catalogue of faults by name."""
