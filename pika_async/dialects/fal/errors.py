"""fal's errors: which class an answer is, and whether a submit may have started a job.

https://fal.ai/docs/documentation/model-apis/errors
"""

from __future__ import annotations

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
    NOT_JSON,
    as_id,
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

_STARTED_PERHAPS: Final = frozenset({408, 409, 499})
# What a look at a job is refused with that is about the job, and not about the key or the moment:
# there is none, or its id is none.
_OF_JOB: Final = frozenset({404, 422})
_LOCKED: Final = "user is locked"
# Money does not open this lock; fal's support does.
_LOCKED_BY_ADMIN: Final = "admin lock"
_EXHAUSTED: Final = "exhausted balance"
_MODERATION: Final = "content_policy_violation"
_REQUEST_ID: Final = "x-fal-request-id"


def json_object(response: HTTPResponse) -> dict[str, Any]:
    """The JSON object in an answer.

    Raises:
        DecodeError: There is none.
    """
    body = decoded(response.body)
    if isinstance(body, dict):
        return body
    named = named_request(response)
    if is_web_page(response) and named is None:
        raise DecodeError(
            "the answer is a web page, not fal's: the base URL is wrong, or a proxy answered",
            status=response.status,
            body=excerpt(response.body),
        )
    raise unreadable(
        response, f"the answer {'is not JSON' if body is NOT_JSON else 'is no JSON object'}"
    )


def unreadable(response: HTTPResponse, problem: str) -> DecodeError:
    """The error for a 2xx that does not say what it should."""
    body = excerpt(response.body)
    return DecodeError(
        f"{problem} (HTTP {response.status}, body {body!r})",
        status=response.status,
        body=body,
        started=Started.MAYBE,
        job_id=named_request(response),
    )


def refusal_of_submit(response: HTTPResponse) -> APIError:
    """The error of a submit; where it may have started a job, with the id that it names."""
    started = _started(response)
    named = named_request(response)
    error = _error(response, started=started)
    if started is Started.MAYBE and named is not None:
        error.job_id = named
        # "Later" would be read as "send it again", and the answer names a job.
        error.retry_after = None
    return error


def refusal_of_look(response: HTTPResponse, *, is_address_sure: bool = True) -> APIError:
    """The error of a look at a job. Keys and balances tell nothing of a job that runs on.

    Args:
        response: The answer.
        is_address_sure: Whether the service was asked where it answers such questions.
    """
    of_job = response.status in _OF_JOB and is_address_sure
    return _error(response, started=Started.NO, is_api_answer=None if of_job else False)


def refusal(response: HTTPResponse) -> APIError:
    """The error of any other request."""
    return _error(response, started=Started.NO)


def named_request(response: HTTPResponse) -> str | None:
    """The id by which the answer's header names the request, which is the job's."""
    return as_id(response.headers.get(_REQUEST_ID))


def code_of(response: HTTPResponse, body: Mapping[str, Any]) -> str | None:
    """Fal's word for what went wrong."""
    code = first_text(
        body.get("error_type"),
        response.headers.get("X-Fal-Error-Type"),
        *(item.get("type") for item in _items(body)),
        objects(body.get("error")).get("type"),
        body.get("status"),
    )
    return None if code is None else shown(code, LONGEST_NAME)


def message_of(body: Mapping[str, Any]) -> str:
    """What it says for people, without what was sent and comes back with it."""
    items = [said for item in _items(body) if (said := _sentence(item))]
    text = "; ".join(items) or first_text(
        body.get("detail"),
        objects(body.get("detail")).get("msg"),
        objects(body.get("detail")).get("message"),
        body.get("error"),
        objects(body.get("error")).get("message"),
        body.get("message"),
    )
    return shown(text or "", EXCERPT_LENGTH)


def has_reason(response: HTTPResponse) -> bool:
    """Whether fal or the model itself says why, and not a proxy."""
    body = objects(decoded(response.body))
    return bool(body.get("detail") or body.get("error_type"))


def meaning_of(code: str | None, message: str) -> str | None:
    """What a failure is known to mean: ``"moderation"``, ``"quota"`` or None."""
    if code == _MODERATION:
        return "moderation"
    text = message.lower()
    return "quota" if _EXHAUSTED in text or _is_out_of_money(text) else None


def _items(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    detail = body.get("detail")
    listed = detail if isinstance(detail, list) else [detail]
    return [item for item in listed if isinstance(item, dict)]


def _sentence(item: Mapping[str, Any]) -> str | None:
    said = first_text(item.get("msg"), item.get("message"))
    where = item.get("loc")
    names = [str(name) for name in where if name != "body"] if isinstance(where, list) else []
    return f"{'.'.join(names)}: {said}" if said and names else said


def _is_out_of_money(text: str) -> bool:
    return _LOCKED in text and _LOCKED_BY_ADMIN not in text


def _started(response: HTTPResponse) -> Started:
    if response.status == 504 and response.headers.get("X-Fal-Request-Timeout-Type") == "user":
        return Started.NO
    unclear = response.status >= 500 or response.status in _STARTED_PERHAPS
    return Started.MAYBE if unclear else Started.NO


def _error(
    response: HTTPResponse,
    *,
    started: Started,
    is_api_answer: bool | None = None,
) -> APIError:
    body = objects(decoded(response.body))
    code, message = code_of(response, body), message_of(body)
    own = bool(body.get("detail") or body.get("error_type") or body.get("status"))
    own = own or bool(objects(body.get("error")))
    return _class_of(response.status, message)(
        message,
        status=response.status,
        code=code,
        request_id=named_request(response),
        retry_after=retry_after(response),
        body=excerpt(response.body),
        started=started,
        is_api_answer=own if is_api_answer is None else is_api_answer,
    )


def _class_of(status: int, message: str) -> type[APIError]:
    if status >= 500:
        return ServerError
    if status == 403 and _is_out_of_money(message.lower()):
        return QuotaExceededError
    return _BY_STATUS.get(status, APIError)
