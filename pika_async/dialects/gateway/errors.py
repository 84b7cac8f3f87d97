"""The gateway's errors: which class an answer is, and whether a submit may have started a job.

Shapes and codes: the source of the gateway software (new-api), which answers in OpenAI's error
shape from its relay and in ``{"code", "message", "data"}`` from its task endpoints.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pika_async._api_errors import (
    APIError,
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from pika_async._http import retry_after
from pika_async._meaning import Started
from pika_async.dialects._answers import (
    EXCERPT_LENGTH,
    LONGEST_NAME,
    decoded,
    excerpt,
    first_text,
    objects,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._http import HTTPResponse

_BY_STATUS: Final[Mapping[int, type[APIError]]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: QuotaExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    413: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
}

_QUOTA_CODES: Final = frozenset(
    {"quota_not_enough", "insufficient_quota", "insufficient_user_quota"}
)
_QUOTA_TEXT: Final = re.compile(r"reached its generate limit", re.IGNORECASE)
_NOT_FOUND_CODES: Final = frozenset({"task_not_exist"})

# The call to the service behind the gateway had begun when these broke.
_STARTED_PERHAPS_CODES: Final = frozenset(
    {
        "do_request_failed",
        "read_response_body_failed",
        "unmarshal_response_body_failed",
        "insert_task_failed",
    }
)
_UPSTREAM_CODE: Final = "fail_to_fetch_task"
_OF_ACCOUNT: Final = frozenset({401, 402, 403})
_STARTED_PERHAPS_STATUSES: Final = frozenset({408, 504, 524})
_SUCCESS_CODES: Final = (0, 200, "0", "200", "success")
_REQUEST_ID: Final = re.compile(r"request[ _]id:\s*([\w-]+)", re.IGNORECASE)


def error_of(response: HTTPResponse) -> APIError:
    """The error that an answer outside 2xx means."""
    body = objects(decoded(response.body))
    code = _code(body)
    message = _message(body)
    return _error(
        _error_class(response.status, code, message),
        response,
        body,
        started=_started(response.status, code, body),
    )


def error_within_success(
    response: HTTPResponse, body: Mapping[str, Any], job_id: str | None = None
) -> APIError | None:
    """The error that a 2xx says in its body, or None where it says none."""
    code, problem = body.get("code"), body.get("error")
    says_error = (
        body.get("success") is False
        or (problem and isinstance(problem, str | dict))
        or (code is not None and not _is_success_code(code))
    )
    if not says_error:
        return None
    named = _code(body)
    # The status of the answer behind it is lost, so a failed fetch may have been any.
    unclear = named in _STARTED_PERHAPS_CODES or named == _UPSTREAM_CODE or _panicked(body)
    started = Started.MAYBE if unclear else Started.NO
    return _error(_error_class(200, named, _message(body)), response, body, started, job_id=job_id)


def _is_success_code(code: object) -> bool:
    return not isinstance(code, bool) and code in _SUCCESS_CODES


def _error(
    cls: type[APIError],
    response: HTTPResponse,
    body: Mapping[str, Any],
    started: Started,
    job_id: str | None = None,
) -> APIError:
    message = _message(body)
    return cls(
        message,
        status=response.status,
        code=_code(body),
        request_id=_request_id(response, message),
        retry_after=retry_after(response),
        body=excerpt(response.body),
        started=started,
        job_id=job_id,
        is_api_answer=_is_own_word(response.status, body, message),
    )


def _is_own_word(status: int, body: Mapping[str, Any], message: str) -> bool:
    """Whether the gateway itself said this, of this key or job."""
    if status not in _OF_ACCOUNT:
        return bool(message or _code(body))
    if _code(body) == _UPSTREAM_CODE:
        # It passes on how it was refused itself, with a key of its own.
        return False
    # Proxies and firewalls that speak JSON say {"message": ...} or {"detail": ...} and no more,
    # which this software never does.
    return bool(body.get("error") or _code(body)) or body.get("success") is False


def _error_class(status: int, code: str | None, message: str) -> type[APIError]:
    if code in _NOT_FOUND_CODES and status < 500:
        return NotFoundError
    out_of_quota = code in _QUOTA_CODES or _QUOTA_TEXT.search(message)
    # 401 stays what it is, the key's own affair; 429 is waited out whatever it says.
    if out_of_quota and status not in (401, 429) and status < 500:
        return QuotaExceededError
    if status >= 500:
        return ServerError
    return _BY_STATUS.get(status, APIError)


def _started(status: int, code: str | None, body: Mapping[str, Any]) -> Started:
    if status in _STARTED_PERHAPS_STATUSES or code in _STARTED_PERHAPS_CODES:
        return Started.MAYBE
    if status < 500:
        return Started.NO
    # "No channel for that model" comes in OpenAI's shape, before anything is called.
    said = objects(body.get("error")).get("message")
    no_channel = status == 503 and isinstance(said, str) and not _panicked(body)
    return Started.NO if no_channel and code != _UPSTREAM_CODE else Started.MAYBE


def _panicked(body: Mapping[str, Any]) -> bool:
    return objects(body.get("error")).get("type") == "new_api_panic"


def _code(body: Mapping[str, Any]) -> str | None:
    for code in (objects(body.get("error")).get("code"), body.get("code")):
        if isinstance(code, str) and code:
            return shown(code, LONGEST_NAME)
        if isinstance(code, int) and not isinstance(code, bool):
            return str(code)
    return None


def _message(body: Mapping[str, Any]) -> str:
    # A gateway may quote a whole page of what is behind it.
    return shown(
        first_text(
            objects(body.get("error")).get("message"),
            body.get("message"),
            body.get("msg"),
            body.get("err"),
            body.get("error_msg"),
            body.get("error"),
            body.get("detail"),
        )
        or "",
        EXCERPT_LENGTH,
    )


def _request_id(response: HTTPResponse, message: str) -> str | None:
    named = first_text(
        response.headers.get("X-Oneapi-Request-Id"), response.headers.get("X-Request-Id")
    )
    if named:
        return shown(named, LONGEST_NAME)
    found = _REQUEST_ID.search(message)
    return found.group(1) if found else None
