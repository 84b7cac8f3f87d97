"""What stands beside the queue at fal: files, the history of requests, prices and the balance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from pika_async._http import HTTPRequest
from pika_async._json import compact
from pika_async._money import Money
from pika_async._request.kinds import Kind, kind_of
from pika_async.dialects._answers import as_id, decoded, first_text, is_success, objects, read_json
from pika_async.dialects._fields import is_full_path
from pika_async.dialects._seam import Conversation, Handle
from pika_async.dialects.fal.errors import json_object, refusal, unreadable
from pika_async.dialects.fal.models import DEFAULT_SECONDS, model_of
from pika_async.dialects.fal.paths import RESPONSE, STATUS, app_of, job_url
from pika_async.dialects.fal.requests import path_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pika_async._http import Endpoint, HTTPResponse
    from pika_async._request.request import GenerationRequest
    from pika_async.dialects._seam import Lost

REST: Final = "rest"
PLATFORM: Final = "platform"

# How far the clocks of two machines are apart, and how long a request may be on its way.
_BEFORE: Final = timedelta(minutes=2)
_AFTER: Final = timedelta(minutes=10)
# The history is kept by when requests ended, which is after their time in the queue.
_ENDED_WITHIN: Final = timedelta(hours=24)
_A_PAGE: Final = 100
# A search that takes more pages than this has found nothing that could be called the only one.
_MOST_PAGES: Final = 90

# Whatever is more is no sum of money, and fits into no journal.
_MOST: Final = 2**63

_BY_SECOND: Final = frozenset({"second", "seconds", "video_second", "video_seconds"})
_BY_REQUEST: Final = frozenset({"request", "requests", "video", "videos"})

# What ``extra`` may say of the steps between keyframes, in the service's own names.
_STEPS: Final = frozenset({"transitions", "image_urls"})
# Resolutions that cost what is printed, where nothing else is.
_PLAIN: Final = (None, "480p", "720p")

_NAMES: Final = {
    "image/jpeg": "image.jpg",
    "image/png": "image.png",
    "image/webp": "image.webp",
    "image/gif": "image.gif",
    "video/mp4": "video.mp4",
    "video/quicktime": "video.mov",
    "video/webm": "video.webm",
}


def headers_of(endpoint: Endpoint) -> dict[str, str]:
    """The header that carries the key."""
    return {"Authorization": f"Key {endpoint.api_key}"}


def uploaded(endpoint: Endpoint, content: bytes, media_type: str) -> Conversation[str]:
    """Bring bytes to fal's storage; returns their address."""
    begun = yield HTTPRequest(
        method="POST",
        url=f"{endpoint.url_of(REST)}/storage/upload/initiate?storage_type=fal-cdn-v3",
        headers={**headers_of(endpoint), "Content-Type": "application/json"},
        body=compact(
            {"content_type": media_type, "file_name": _NAMES.get(media_type, "file")}
        ).encode(),
        host=REST,
    )
    ticket = _answered(begun)
    there, address = ticket.get("upload_url"), ticket.get("file_url")
    if not (isinstance(there, str) and there and isinstance(address, str) and address):
        raise unreadable(begun, "the answer names no address for the file")
    stored = yield HTTPRequest(
        method="PUT",
        url=there,
        headers={"Content-Type": media_type},
        body=content,
        host=None,
    )
    if not is_success(stored):
        error = refusal(stored)
        # Another host than fal's, with an address that wears out: begun anew, it may do.
        error.is_api_answer = False
        raise error
    return address


def found(endpoint: Endpoint, lost: Lost) -> Conversation[tuple[Handle, ...]]:
    """The jobs in the history that were asked for the same at that time."""
    path = lost.request.url.removeprefix(f"{endpoint.base_url}/").partition("?")[0]
    asked = objects(decoded(lost.request.body or b""))
    query = {
        "endpoint_id": path,
        "start": _spelt(lost.sent_at - _BEFORE),
        "end": _spelt(lost.sent_at + _ENDED_WITHIN),
        "expand": "payloads",
        "limit": str(_A_PAGE),
    }
    handles: dict[str, Handle] = {}
    for _ in range(_MOST_PAGES):
        page = _answered((yield _get(endpoint, "/models/requests/by-endpoint", query)))
        for row in _rows(page.get("items")):
            job_id = as_id(row.get("request_id"))
            if job_id is not None and _is_of(row, asked, lost.sent_at):
                url = job_url(endpoint, app_of(path), job_id)
                handles[job_id] = Handle(job_id, {STATUS: f"{url}/status", RESPONSE: url})
        cursor = first_text(page.get("next_cursor"))
        if cursor is None or page.get("has_more") is False:
            return tuple(handles.values())
        query["cursor"] = cursor
    return ()


def quoted(endpoint: Endpoint, app: str, request: GenerationRequest) -> Conversation[Money | None]:
    """The price of the endpoint, times what is asked for."""
    path = path_of(app, request)
    page = _answered((yield _get(endpoint, "/models/pricing", {"endpoint_id": path})))
    for price in _rows(page.get("prices")):
        if price.get("endpoint_id") == path:
            return _cost(price, request)
    return None


def left(endpoint: Endpoint) -> Conversation[Money | None]:
    """What is left in the account; None for keys that may not ask."""
    response = yield _get(endpoint, "/account/billing", {"expand": "credits"})
    if response.status in (401, 403):
        return None
    credit = objects(_answered(response).get("credits"))
    return _money(credit.get("current_balance"), credit.get("currency"))


def _cost(price: Mapping[str, Any], request: GenerationRequest) -> Money | None:
    unit = (first_text(price.get("unit")) or "").strip().lower()
    many = 1 if unit in _BY_REQUEST else _seconds(request) if unit in _BY_SECOND else None
    one = _money(price.get("unit_price"), price.get("currency"))
    if many is None or one is None or _costs_more(request):
        return None
    cost = _money(price.get("unit_price"), price.get("currency"), times=many)
    # Nothing is cheaper than nothing, and it would make room in a budget.
    return None if cost is None or cost.micros < 0 else cost


def _costs_more(request: GenerationRequest) -> bool:
    """Whether the printed price of one second is not the one that counts for this request."""
    if is_full_path(request):
        # Nobody here knows its prices; a larger video hardly ever costs the same.
        return request.extra.get("resolution", request.resolution) not in _PLAIN
    model = model_of(request)
    made = request.extra.get("resolution", request.resolution or model.resolution)
    return bool(model.resolutions) and made == "1080p"


def _seconds(request: GenerationRequest) -> int | None:
    if is_full_path(request) and (request.keyframes or not _STEPS.isdisjoint(request.extra)):
        # Its steps have lengths, too, and nobody here knows whose count.
        return None
    given = request.extra.get("duration", request.duration)
    if given is not None:
        text = str(given)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
    if is_full_path(request):
        return None
    if kind_of(request) is Kind.KEYFRAMES:
        if not _STEPS.isdisjoint(request.extra):
            return None
        return max(sum(steps_of(request)), DEFAULT_SECONDS)
    return model_of(request).seconds


def _money(amount: object, currency: object, times: int = 1) -> Money | None:
    if isinstance(amount, bool) or not isinstance(amount, int | float | str):
        return None
    named = "USD" if currency is None else currency
    try:
        money = Money.of(Decimal(str(amount)) * times, str(named).upper())
    except (ValueError, ArithmeticError):
        return None
    return money if -_MOST <= money.micros < _MOST else None


def _get(endpoint: Endpoint, path: str, query: Mapping[str, str]) -> HTTPRequest:
    return HTTPRequest(
        method="GET",
        # Endpoints are named with slashes, which a query may hold as they are.
        url=f"{endpoint.url_of(PLATFORM)}{path}?{urlencode(query, safe='/:')}",
        headers=headers_of(endpoint),
        host=PLATFORM,
    )


def _answered(response: HTTPResponse) -> dict[str, Any]:
    if not is_success(response):
        raise refusal(response)
    return json_object(response)


def _rows(value: object) -> Iterator[dict[str, Any]]:
    for row in value if isinstance(value, list) else ():
        if isinstance(row, dict):
            yield row


def _is_of(row: Mapping[str, Any], asked: Mapping[str, Any], sent_at: datetime) -> bool:
    then = _moment(row.get("sent_at"))
    if then is None or not sent_at - _BEFORE <= then <= sent_at + _AFTER:
        return False
    given = row.get("json_input")
    given = read_json(given) if isinstance(given, str) else given
    return bool(asked) and _holds(given, asked)


def _holds(given: object, asked: object) -> bool:
    """Whether all that was asked for stands in what was given; fal adds defaults to it."""
    if isinstance(asked, dict):
        return isinstance(given, dict) and all(
            name in given and _holds(given[name], value) for name, value in asked.items()
        )
    if isinstance(asked, list):
        return (
            isinstance(given, list) and len(given) == len(asked) and all(map(_holds, given, asked))
        )
    return given == asked


def _spelt(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(value: object) -> datetime | None:
    try:
        then = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return then if then is None or then.tzinfo else then.replace(tzinfo=UTC)
