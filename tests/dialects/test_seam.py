"""A second dialect, written here and nowhere else, runs through the same API: the seam fits.

It is as unlike the gateway as WIRE.md says services are: another auth header, an idempotency key,
a position in the queue, polls of a URL that was given at submit, a second request for the result.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

from pika_async import (
    ConfigurationError,
    DecodeError,
    Failed,
    GenerationRequest,
    Queued,
    RateLimitError,
    Running,
    Succeeded,
    Unknown,
    Video,
)
from pika_async._meaning import Started
from pika_async._wire.api import API
from pika_async._wire.transport import Departure
from pika_async.dialects import Accepted, Dialect, Endpoint, Gateway, HTTPRequest, HTTPResponse

if TYPE_CHECKING:
    from pika_async import JobState

BASE = "https://queue.example/pika"
JOB = f"{BASE}/requests/7/status"
RESULT = f"{BASE}/requests/7"


@frozen
class QueueDialect:
    """A service with a queue, in the manner of fal's."""

    name: str = "queue"
    default_base_url: str = "https://queue.example/pika"

    def encode_submit(
        self, endpoint: Endpoint, request: GenerationRequest, idempotency_key: str
    ) -> HTTPRequest:
        return HTTPRequest(
            method="POST",
            url=f"{endpoint.base_url}/requests",
            headers={**self._headers(endpoint), "Idempotency-Key": idempotency_key},
            body=json.dumps({"prompt": request.prompt}).encode(),
        )

    def decode_submit(self, response: HTTPResponse) -> Accepted:
        body = self._body(response)
        return Accepted(job_id=body["status_url"], raw=body)

    def encode_poll(self, endpoint: Endpoint, job_id: str) -> HTTPRequest:
        return HTTPRequest(method="GET", url=job_id, headers=self._headers(endpoint))

    def decode_poll(
        self, endpoint: Endpoint, job_id: str, response: HTTPResponse
    ) -> JobState | HTTPRequest | None:
        answer: JobState | HTTPRequest | None
        match body := self._body(response):
            case {"video": {"url": url}}:
                video = Video(id=job_id, job_id=job_id, url=url, raw=body)
                answer = Succeeded(videos=(video,), raw=body)
            case {"detail": reason}:
                answer = Failed(reason=reason, raw=body)
            case {"status": "IN_QUEUE", "queue_position": position}:
                answer = Queued(position=position, raw=body)
            case {"status": "IN_PROGRESS"}:
                answer = Running(raw=body)
            case {"status": "COMPLETED", "response_url": url}:
                answer = HTTPRequest(method="GET", url=url, headers=self._headers(endpoint))
            case {"status": "EXPIRED"}:
                answer = None
            case {"status": status}:
                answer = Unknown(status=status, raw=body)
        return answer

    def _headers(self, endpoint: Endpoint) -> dict[str, str]:
        return {"Authorization": f"Key {endpoint.api_key}"}

    def _body(self, response: HTTPResponse) -> dict:
        if response.status == 429:
            raise RateLimitError(status=429)
        try:
            return json.loads(response.body)
        except ValueError:
            raise DecodeError(status=response.status, started=Started.MAYBE) from None


class FakeTransport:
    """Answers with what it was given, one after the other, and keeps what it was sent."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.sent: list[HTTPRequest] = []

    async def send(self, request, *, timeout=None, departure=None) -> HTTPResponse:
        self.sent.append(request)
        if departure is not None:
            departure.begun = True
        body = self.answers.pop(0)
        if isinstance(body, HTTPResponse):
            return body
        return HTTPResponse(status=200, headers={}, body=json.dumps(body).encode())


def wired(*answers: object, dialect: Dialect | None = None) -> tuple[API, FakeTransport]:
    transport = FakeTransport(*answers)
    api = API(
        endpoint=Endpoint(base_url=BASE, api_key="sk-secret"),
        dialect=dialect or QueueDialect(),
        transport=transport,
    )
    return api, transport


async def test_a_submit_goes_out_and_a_url_comes_back_as_the_job_id():
    api, transport = wired({"request_id": "7", "status_url": JOB})
    departure = Departure()
    prepared = await api.encode_submit(GenerationRequest("a red panda"), "once-only")
    accepted = await api.submit(prepared, departure)
    assert accepted.job_id == JOB
    assert departure.begun
    assert transport.sent == [prepared]
    assert prepared.headers == {"Authorization": "Key sk-secret", "Idempotency-Key": "once-only"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": "IN_QUEUE", "queue_position": 3}, Queued(position=3)),
        ({"status": "IN_PROGRESS"}, Running()),
        ({"status": "EXPIRED"}, None),
        ({"status": "PAUSED"}, Unknown(status="PAUSED")),
    ],
    ids=lambda value: value["status"] if isinstance(value, dict) else "",
)
async def test_a_look_goes_to_the_url_that_is_the_job_id(body, expected):
    api, transport = wired(body)
    assert await api.look(JOB, 30.0) == expected
    assert [request.url for request in transport.sent] == [JOB]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            {"video": {"url": "https://cdn.example/v.mp4"}},
            Succeeded(videos=(Video(id=JOB, job_id=JOB, url="https://cdn.example/v.mp4"),)),
        ),
        ({"detail": "prompt not allowed"}, Failed(reason="prompt not allowed")),
    ],
    ids=["succeeded", "completed, yet failed"],
)
async def test_a_completed_job_takes_a_second_request_for_its_result(result, expected):
    api, transport = wired({"status": "COMPLETED", "response_url": RESULT}, result)
    assert await api.look(JOB, 30.0) == expected
    assert [request.url for request in transport.sent] == [JOB, RESULT]
    assert all(request.headers == {"Authorization": "Key sk-secret"} for request in transport.sent)


ELSEWHERE = [
    "https://evil.example/requests/7/status",
    "http://queue.example/pika/requests/7/status",
    "https://queue.example:8443/pika/requests/7/status",
    "https://queue.example.evil.example/pika/",
    "https://queue.example@evil.example/pika/",
    "https://queue.example:x/",
    "//evil.example/",
    "/requests/7/status",
    "file:///etc/passwd",
    "7",
    "",
]


@pytest.mark.parametrize("job_id", ELSEWHERE, ids=repr)
async def test_a_job_id_on_another_origin_is_refused_and_nothing_is_sent(job_id):
    api, transport = wired()
    with pytest.raises(ConfigurationError, match="not on the service's own origin") as caught:
        await api.look(job_id, 30.0)
    assert transport.sent == []
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("url", ELSEWHERE, ids=repr)
async def test_a_result_on_another_origin_is_refused_before_the_key_is_sent_there(url):
    api, transport = wired({"status": "COMPLETED", "response_url": url})
    with pytest.raises(ConfigurationError, match="not on the service's own origin"):
        await api.look(JOB, 30.0)
    assert [request.url for request in transport.sent] == [JOB]


async def test_a_result_elsewhere_on_the_same_origin_is_fetched():
    url = "https://QUEUE.example:443/results/7"
    api, transport = wired(
        {"status": "COMPLETED", "response_url": url}, {"video": {"url": "https://c.example/v"}}
    )
    assert isinstance(await api.look(JOB, 30.0), Succeeded)
    assert transport.sent[-1].url == url


async def test_a_dialect_that_asks_for_ever_is_stopped():
    api, transport = wired(*[{"status": "COMPLETED", "response_url": RESULT}] * 100)
    with pytest.raises(ConfigurationError, match="'queue' asks for more than 4 requests") as caught:
        await api.look(JOB, 30.0)
    assert caught.value.job_id == JOB
    assert len(transport.sent) == 4


@pytest.mark.parametrize(
    ("status", "body", "cls"), [(429, b"", RateLimitError), (200, b"OK", DecodeError)]
)
async def test_the_errors_of_a_dialect_come_through_as_they_are(status, body, cls):
    response = HTTPResponse(status=status, headers={}, body=body)
    api, _ = wired(response, response)
    with pytest.raises(cls):
        await api.look(JOB, 30.0)
    prepared = await api.encode_submit(GenerationRequest("x"), "once-only")
    with pytest.raises(cls):
        await api.submit(prepared, Departure())


async def test_a_key_that_a_service_quotes_is_kept_out_of_failures_and_their_raw_bodies():
    api, _ = wired({"detail": "no quota left for sk-secret"})
    state = await api.look(JOB, 30.0)
    assert state == Failed(reason="no quota left for [API key]")
    assert "sk-secret" not in str(state.raw)


@pytest.mark.parametrize("dialect", [QueueDialect(), Gateway()], ids=lambda dialect: dialect.name)
def test_both_dialects_answer_everything_that_the_seam_asks(dialect):
    asked = {name for name in vars(Dialect) if not name.startswith("_")}
    assert asked == {
        "name",
        "default_base_url",
        "encode_submit",
        "decode_submit",
        "encode_poll",
        "decode_poll",
    }
    assert all(hasattr(dialect, name) for name in asked)
    assert dialect.default_base_url.startswith("https://")
