"""What Pika's own API has beside jobs: uploads, prices, the balance of the account."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pika_async._http import HTTPRequest
from pika_async._json import compact
from pika_async._money import Money
from pika_async.dialects._answers import decoded, first_text, is_success, objects
from pika_async.dialects.pika.errors import error_of, unreadable
from pika_async.dialects.pika.models import api_id, as_path, body_of
from pika_async.dialects.pika.states import link, money, price

if TYPE_CHECKING:
    from pika_async._http import Endpoint, HTTPResponse
    from pika_async._request.request import GenerationRequest
    from pika_async.dialects._seam import Conversation

_JSON: Final = {"Content-Type": "application/json"}
_TOO_LARGE: Final = "an image may have 20 MB and a video 50 MB at most: make the file smaller"


def key_header(endpoint: Endpoint) -> dict[str, str]:
    """The header that carries the key."""
    return {"X-API-Key": endpoint.api_key}


def upload(endpoint: Endpoint, content: bytes, media_type: str) -> Conversation[str]:
    """Ask for an address, and put the bytes there; returns the address for the body.

    An address lives about five minutes. Where it has expired, or the PUT fails in another way, the
    error says that it may be tried again, and that begins with a new address.

    Raises:
        InvalidRequestError: The file is too large, or of a type that the service does not take.
        APIError: The service, or the host of the files, refused or failed.
        DecodeError: The answer names no addresses.
    """
    answer = yield HTTPRequest(
        method="POST",
        url=f"{endpoint.base_url}/v1/media/uploads",
        headers={**key_header(endpoint), **_JSON},
        body=compact({"content_type": media_type, "size_bytes": len(content)}).encode("ascii"),
    )
    if not is_success(answer):
        raise error_of(answer, is_submit=False, hint=_hint(answer, media_type))
    ticket = objects(decoded(answer.body))
    there, lasting = _place(ticket.get("upload_url")), _place(ticket.get("url"))
    headers = _headers(ticket.get("headers"))
    if not there or not lasting or headers is None:
        raise unreadable(answer, "the answer names no address to upload to", is_submit=False)
    stored = yield HTTPRequest(
        method="PUT",
        url=there,
        # Where nothing is said the type of the file is what was announced; left to the HTTP
        # library it would be another.
        headers=headers or {"Content-Type": media_type},
        body=content,
        host=None,
    )
    if not is_success(stored):
        hint = _hint(stored, media_type)
        raise error_of(stored, is_submit=False, from_elsewhere=not hint, hint=hint)
    return lasting


def _headers(given: object) -> dict[str, str] | None:
    """The headers of a PUT; None where they cannot be headers."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        return None
    good = all(
        name.isascii() and name.isprintable() and isinstance(value, str) and value.isprintable()
        for name, value in given.items()
    )
    # The length is the HTTP library's to say, and must not be said twice.
    kept = {name: value for name, value in given.items() if name.lower() != "content-length"}
    return kept if good else None


def _place(given: object) -> str:
    """An address that a request can be sent to; empty where it is none."""
    address = link(given)
    try:
        parts = urlsplit(address)
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    return address if good else ""


def _hint(answer: HTTPResponse, media_type: str) -> str:
    match answer.status:
        case 413:
            return _TOO_LARGE
        case 415:
            return f"the service takes no file of the type {media_type}: convert it"
        case _:
            return ""


def quote_of(endpoint: Endpoint, request: GenerationRequest) -> Conversation[Money | None]:
    """The exact list price of a job; None where the catalogue has no such model, or no price.

    Raises:
        APIError: The service refused the body, or failed.
        DecodeError: The answer is no price.
    """
    answer = yield HTTPRequest(
        method="POST",
        # The id of the API is one segment of the path, slashes and all.
        url=f"{endpoint.base_url}/catalog/apis/{as_path(api_id(request), safe='')}/quote",
        headers=_JSON,
        body=compact(body_of(request)).encode("ascii"),
    )
    if answer.status == 404:
        return None
    said = _object(answer, "the answer is no price")
    cost = price(said.get("micro_usd"))
    return _dollars(said.get("sell_usd")) if cost is None else cost


def _dollars(said: object) -> Money | None:
    try:
        return price(Money.of(Decimal(first_text(said) or "none")).micros)
    except (InvalidOperation, ValueError):
        return None


def balance(endpoint: Endpoint) -> Conversation[Money | None]:
    """What is left: of the cycle's limit where the account is billed afterwards, else the balance.

    Raises:
        APIError: The service refused, or failed.
        DecodeError: The answer is no balance.
    """
    answer = yield HTTPRequest(
        method="GET",
        url=f"{endpoint.base_url}/billing/balance",
        headers=key_header(endpoint),
    )
    said = _object(answer, "the answer is no balance")
    postpaid = objects(said.get("postpaid"))
    left = objects(postpaid.get("cycle")).get("remaining_micro_usd")
    of_cycle = money(left) if postpaid.get("active") is True else None
    return money(said.get("balance_micro_usd")) if of_cycle is None else of_cycle


def _object(answer: HTTPResponse, problem: str) -> dict[str, Any]:
    if not is_success(answer):
        raise error_of(answer, is_submit=False)
    said = decoded(answer.body)
    if not isinstance(said, dict):
        raise unreadable(answer, problem, is_submit=False)
    return said
