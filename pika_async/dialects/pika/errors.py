"""The errors of Pika's own API: which class an answer is, and whether it may have started a job."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from pika_async._api_errors import (
    APIError,
    AuthenticationError,
    DecodeError,
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
    is_web_page,
    objects,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._http import HTTPResponse

QUOTA_CODES: Final = frozenset(
    {"insufficient_balance", "cycle_limit_exceeded", "cycle_limit", "usage_limit_exceeded"}
)
"""The account has no money left, or none that it may spend now."""
RATE_CODES: Final = frozenset({"rate_limited"})
"""The account has more jobs under way, or asks for them faster, than the service allows."""
UNAVAILABLE_CODES: Final = frozenset({"provider_unavailable"})
"""The vendor behind the service is down."""
FORBIDDEN_CODES: Final = frozenset(
    {"membership_required", "caller_plan_required", "admission_suspended"}
)
"""The account may not ask for that, as long as nobody changes it."""
MODERATION_CODES: Final = frozenset({"content_moderation"})

_BY_STATUS: Final[Mapping[int, type[APIError]]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: QuotaExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
}
# 409: a submit with the same key is still running. Its key is drawn anew for each submit, and it is
# sent with one body alone, so that "another body" cannot be meant.
_STARTED_PERHAPS: Final = frozenset({408, 409})


def error_of(
    response: HTTPResponse,
    *,
    is_submit: bool = True,
    from_elsewhere: bool = False,
    hint: str = "",
    job_id: str | None = None,
) -> APIError:
    """The error that an answer outside 2xx means, where it is no job's document.

    Args:
        response: The answer.
        is_submit: Whether it answers a request that may start a job.
        from_elsewhere: Whether another origin answered, which says nothing of the key or the job.
        hint: What the user can do about it, where the answer is sure to come again.
        job_id: The job that it names all the same.
    """
    body = objects(decoded(response.body))
    code, message = code_of(body), message_of(body)
    may_have = is_submit and (response.status in _STARTED_PERHAPS or response.status >= 500)
    return _class(response.status, code)(
        "; ".join(part for part in (message, hint) if part),
        status=response.status,
        code=code,
        request_id=_request_id(response, body),
        retry_after=_retry_after(response, body),
        body=excerpt(response.body),
        started=Started.MAYBE if may_have else Started.NO,
        job_id=job_id,
        is_api_answer=bool(hint) or (not from_elsewhere and bool(message or code)),
    )


def unreadable(response: HTTPResponse, problem: str, *, is_submit: bool = True) -> DecodeError:
    """The error for a 2xx that is not the answer that was asked for; see :func:`error_of`."""
    body = excerpt(response.body)
    if is_web_page(response):
        return DecodeError(
            "the answer is a web page, not the API's: the base URL is wrong; it should be such "
            "that {base_url}/v1/media/jobs exists",
            status=response.status,
            body=body,
        )
    return DecodeError(
        f"{problem} (HTTP {response.status}, body {body!r})",
        status=response.status,
        body=body,
        started=Started.MAYBE if is_submit else Started.NO,
    )


def code_of(body: Mapping[str, Any]) -> str | None:
    """The service's own code of an error, or None."""
    code = first_text(objects(body.get("error")).get("code"), body.get("code"))
    return None if code is None else shown(code.strip(), LONGEST_NAME)


def message_of(body: Mapping[str, Any]) -> str:
    """The service's own words; empty where it says none."""
    error = body.get("error")
    said = first_text(
        objects(error).get("message"),
        error,
        body.get("message"),
        _complaints(body.get("detail")),
        _complaints(body.get("errors")),
    )
    return shown(said or "", EXCERPT_LENGTH)


def _complaints(detail: object) -> object:
    """What is wrong with each field, as frameworks list it, in one line."""
    if isinstance(detail, dict):
        return first_text(detail.get("message"), detail.get("msg"))
    if not isinstance(detail, list):
        return detail
    return "; ".join(filter(None, map(_complaint, detail)))


def _complaint(item: object) -> str:
    if isinstance(item, str):
        return item
    said = objects(item)
    words = first_text(said.get("msg"), said.get("message")) or ""
    place = said.get("loc", said.get("path"))
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return ": ".join(part for part in (where, words) if part)


def _class(status: int, code: str | None) -> type[APIError]:
    if status >= 500:
        return ServerError
    # 401 stays the key's own affair, and 429 is waited out whatever it says.
    if code in QUOTA_CODES and status not in (401, 429):
        return QuotaExceededError
    return _BY_STATUS.get(status, APIError)


def _retry_after(response: HTTPResponse, body: Mapping[str, Any]) -> float | None:
    asked = retry_after(response)
    if asked is not None:
        return asked
    said = next((body[name] for name in ("retry_after", "retryAfter") if name in body), None)
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        seconds = float(said)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < math.inf else None


def _request_id(response: HTTPResponse, body: Mapping[str, Any]) -> str | None:
    named = first_text(
        response.headers.get("X-Request-ID"), body.get("request_id"), body.get("requestId")
    )
    return None if named is None else shown(named, LONGEST_NAME)
