"""fal's queue: https://fal.ai/docs/documentation/model-apis/inference/queue.

A submit is a POST to the endpoint; its status and its result are asked for at owner and app alone.
Two equal POSTs are two jobs. What goes wrong on the way to a runner fal tries again by itself, up
to ten times, under the same id and without a charge: ``X-Fal-No-Retry`` would only turn a short
hiccup there into a failed job, so it is not sent. ``X-Fal-Store-IO`` is never sent, because the
history in which a lost job is found is a part of what it switches off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from pika_async._checks import FieldError
from pika_async._http import API_HOST, HTTPRequest, HTTPResponse
from pika_async._json import compact
from pika_async._states import Queued, lacks_links
from pika_async.dialects._answers import as_id, is_success, kept, unread
from pika_async.dialects._links import with_whole_links
from pika_async.dialects._seam import Accepted, Conversation, Handle
from pika_async.dialects.fal import platform, requests
from pika_async.dialects.fal.errors import (
    json_object,
    refusal,
    refusal_of_look,
    refusal_of_submit,
    unreadable,
)
from pika_async.dialects.fal.paths import (
    CANCEL,
    RESPONSE,
    STATUS,
    app_of,
    checked_path,
    job_url,
    own_addresses,
)
from pika_async.dialects.fal.states import (
    COMPLETED,
    SEED,
    WRONG_ADDRESS,
    Missing,
    as_seed,
    failure_told,
    may_have_ended,
    outcome,
    state_of,
    word_of,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from pika_async._http import Endpoint
    from pika_async._money import Money
    from pika_async._request.media import MediaKind
    from pika_async._request.request import GenerationRequest
    from pika_async._states import JobState
    from pika_async.dialects._seam import Lost

_HOST_VARIABLE: Final = "FAL_QUEUE_RUN_HOST"
# Above this fal's own clients send a file in parts.
_MOST_BYTES: Final = 90 * 1024 * 1024
_RUNNING: Final = "IN_PROGRESS"


def _check_app(_: object, __: object, app: str) -> None:
    if not isinstance(app, str) or app_of(checked_path("app", app)) != app:
        raise FieldError("app", app, 'owner and app, such as "fal-ai/pika"')


@frozen
class Fal:
    """The dialect of https://queue.fal.run.

    Args:
        app: Owner and app. Models of a request are looked for there, and so are jobs of which
            nothing but the id is known.
        rest_url: Where files go up, if that is not fal's own host.
        platform_url: Where history, prices and balance are, if that is not fal's own host.

    Raises:
        FieldError: ``app`` is not owner and app.
    """

    app: str = field(default="fal-ai/pika", validator=_check_app)
    rest_url: str | None = None
    platform_url: str | None = None

    @property
    def name(self) -> str:
        """``"fal"``."""
        return "fal"

    @property
    def hosts(self) -> Mapping[str, str]:
        """The queue, the storage and the platform."""
        return _HOSTS

    @property
    def named_hosts(self) -> Mapping[str, str]:
        """Those that were given an address of their own."""
        given = {platform.REST: self.rest_url, platform.PLATFORM: self.platform_url}
        return {name: url for name, url in given.items() if url is not None}

    @property
    def key_variables(self) -> tuple[tuple[str, ...], ...]:
        """``FAL_KEY``, or the two halves of a key."""
        return (("FAL_KEY",), ("FAL_KEY_ID", "FAL_KEY_SECRET"))

    @property
    def repeatable(self) -> bool:
        """False: it knows no idempotency keys."""
        return False

    @property
    def most_bytes(self) -> Mapping[MediaKind, int]:
        """90 MiB, which is more than any endpoint of Pika takes."""
        return {"image": _MOST_BYTES, "video": _MOST_BYTES}

    @property
    def url_variable(self) -> str:
        """``FAL_QUEUE_RUN_HOST``."""
        return _HOST_VARIABLE

    def base_url(self, environment: Mapping[str, str]) -> str | None:
        """The host in ``FAL_QUEUE_RUN_HOST``, as fal's own clients read it, or a whole URL."""
        host = environment.get(_HOST_VARIABLE, "").strip()
        return host if not host or "://" in host else f"https://{host}"

    def check(self, request: GenerationRequest) -> None:
        """Refuse what no endpoint takes.

        Raises:
            FieldError: Names the field, the value and what is allowed.
        """
        requests.check(request)

    def encode_submit(
        self, endpoint: Endpoint, request: GenerationRequest, key: str
    ) -> HTTPRequest:
        """The POST that makes a job. A seed that nobody gave is drawn from ``key``."""
        return HTTPRequest(
            method="POST",
            url=f"{endpoint.base_url}/{requests.path_of(self.app, request)}",
            headers={**platform.headers_of(endpoint), "Content-Type": "application/json"},
            body=compact(requests.body_of(request, key)).encode("ascii"),
        )

    def facts(self, request: GenerationRequest, key: str) -> Mapping[str, str]:
        """The seed that was sent, which most endpoints do not tell again."""
        seed = requests.seed_sent(request, key)
        return {} if seed is None else {SEED: str(seed)}

    def decode_submit(self, response: HTTPResponse) -> Accepted:
        """The job of an accepted submit, with the addresses that fal gave.

        Raises:
            APIError: The service refused, or failed; with the id that it names, if it may have
                started a job.
            DecodeError: The answer is not fal's, or names no job.
        """
        if not is_success(response):
            raise refusal_of_submit(response)
        body = json_object(response)
        job_id = as_id(body.get("request_id"))
        if job_id is None:
            raise unreadable(response, "the answer names no request_id")
        raw = kept(body, response.body)
        # Nothing is known of a job at its submit but that it is there.
        state = state_of(body, raw) if word_of(body) == "IN_QUEUE" else Queued(raw=raw)
        given = {name: raw.get(name) for name in (STATUS, RESPONSE, CANCEL)}
        hints = {name: url for name, url in given.items() if isinstance(url, str)}
        state = unread(state, response.body)
        return Accepted(handle=Handle(job_id, hints), state=state, raw=raw)

    def poll(self, endpoint: Endpoint, handle: Handle) -> Conversation[JobState | None]:
        """The status, and the result of a job that is done.

        Raises:
            APIError: The service refused, failed, or does not know the job.
            DecodeError: The answer is not fal's, or does not say how the job stands.
        """
        given, job = _as_given(handle), job_url(endpoint, self.app, handle.job_id)
        response = yield from _first_answer(
            endpoint, "GET", (handle.hints.get(STATUS), f"{job}/status")
        )
        if not is_success(response):
            raise refusal_of_look(response)
        if response.body.strip() in (b"", b"null"):
            return None
        status = json_object(response)
        word, raw = word_of(status), kept(status, response.body)
        if not word:
            raise unreadable(response, "the answer does not say how the job stands")
        if not may_have_ended(word):
            return unread(state_of(status, raw), response.body)
        addresses = (
            status.get(RESPONSE),
            handle.hints.get(RESPONSE),
            given,
            job,
            f"{given or job}/response",
        )
        result = yield from _first_answer(endpoint, "GET", addresses)
        return with_whole_links(_ended(handle, status, raw, result), endpoint.base_url)

    def cancel(self, endpoint: Endpoint, handle: Handle) -> Conversation[bool]:
        """Ask fal to stop a job; False where it has ended.

        Raises:
            APIError: There is no such job, or the service refused or failed.
        """
        given, job = _as_given(handle), job_url(endpoint, self.app, handle.job_id)
        response = yield from _first_answer(
            endpoint,
            "PUT",
            (handle.hints.get(CANCEL), given and f"{given}/cancel", f"{job}/cancel"),
        )
        if is_success(response):
            return True
        error = refusal(response)
        if response.status == 400 and error.code == "ALREADY_COMPLETED":
            return False
        raise error

    def upload(self, endpoint: Endpoint, content: bytes, media_type: str) -> Conversation[str]:
        """Bring bytes to fal's storage, whose address goes into the body."""
        return platform.uploaded(endpoint, content, media_type)

    def find(self, endpoint: Endpoint, lost: Lost) -> Conversation[tuple[Handle, ...]]:
        """The jobs in fal's history that hold all that was sent, and were sent at that time.

        Raises:
            APIError: This key may not read the history, or the service failed.
        """
        return platform.found(endpoint, lost)

    def quote(self, endpoint: Endpoint, request: GenerationRequest) -> Conversation[Money | None]:
        """The endpoint's price times what is asked for.

        None where the unit is not known, and for 1080p, of which a second costs more than the one
        price that fal tells.
        """
        return platform.quoted(endpoint, self.app, request)

    def balance(self, endpoint: Endpoint) -> Conversation[Money | None]:
        """What is left; None for a key that may not ask, as most may not."""
        return platform.left(endpoint)


_HOSTS: Final = {
    API_HOST: "https://queue.fal.run",
    platform.REST: "https://rest.fal.ai",
    platform.PLATFORM: "https://api.fal.ai/v1",
}


def _as_given(handle: Handle) -> str | None:
    """Where the job lies, as the service's address of its status tells: at whichever app."""
    job, _, last = handle.hints.get(STATUS, "").rpartition("/")
    return job if last == "status" else None


def _first_answer(
    endpoint: Endpoint, method: str, addresses: tuple[object, ...]
) -> Generator[HTTPRequest, HTTPResponse, HTTPResponse]:
    """The answer of the first address that is a right one, or else of the last."""
    *others, last = own_addresses(endpoint, addresses)
    headers = platform.headers_of(endpoint)
    for url in others:
        response = yield HTTPRequest(method=method, url=url, headers=headers)
        if response.status not in WRONG_ADDRESS:
            return response
    return (yield HTTPRequest(method=method, url=last, headers=headers))


def _ended(
    handle: Handle, status: Mapping[str, object], raw: Mapping[str, object], result: HTTPResponse
) -> JobState:
    state = outcome(handle.job_id, result, as_seed(handle.hints.get(SEED)))
    if state is Missing.NOT_YET:
        # Its status is ahead of its result.
        return state_of({"status": _RUNNING}, raw)
    is_own_word = word_of(status) == COMPLETED
    if not isinstance(state, Missing) and (is_own_word or not lacks_links(state)):
        return state
    # The status decides where there is no result, and where there is one without a link.
    if state is not Missing.NO_ANSWER or result.status in WRONG_ADDRESS:
        if (told := failure_told(status, raw)) is not None:
            return told
        if not is_own_word:
            return state_of(status, raw)
    raise refusal_of_look(result, is_address_sure=False)
