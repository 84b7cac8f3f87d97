"""Where the requests of a batch come from, one at a time."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeAlias, cast

from pika_async._errors import ConfigurationError
from pika_async._request.fields import as_request
from pika_async._request.request import GenerationRequest

Requests: TypeAlias = Iterable[GenerationRequest | str] | AsyncIterable[GenerationRequest | str]

_END: Final = object()


def taker(requests: Requests) -> Callable[[], Awaitable[GenerationRequest | str]]:
    """What takes the next request, or raises StopAsyncIteration.

    Raises:
        ValueError: What is given is one request, or none at all.
    """
    if isinstance(requests, AsyncIterable):
        return aiter(requests).__anext__
    # A text is an iterable of its letters, each of which would be paid for.
    single = isinstance(requests, str | bytes | Mapping | GenerationRequest)
    if single or not isinstance(requests, Iterable):
        raise ValueError(
            f"requests: {type(requests).__name__} is not allowed; allowed is an iterable or an "
            "async iterable of GenerationRequests and prompts, such as a list"
        )
    iterator = iter(requests)

    async def take() -> GenerationRequest | str:
        try:
            given = next(iterator, _END)
        except StopAsyncIteration as error:
            # A plain iterator ends with StopIteration. This one has a bug, and is not at its end.
            raise RuntimeError("the source of requests raised StopAsyncIteration") from error
        if given is _END:
            raise StopAsyncIteration
        return cast("GenerationRequest | str", given)

    return take


def allowed(
    given: GenerationRequest | str, check: Callable[[GenerationRequest], None]
) -> GenerationRequest:
    """What the source gave, as a request that is allowed.

    Args:
        given: What the source gave.
        check: Raises ValueError for what the service does not have.

    Raises:
        ConfigurationError: What was given is not allowed, anywhere or at this service.
    """
    try:
        request = as_request(given)
        check(request)
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from error
    return request
