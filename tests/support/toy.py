"""A toy service and its dialect, as unlike the gateway as services are.

It knows idempotency keys: a repeated key with the same body names the first job, in whatever state
that is by now; with another body it is refused. A look takes two requests. Media go up first, to
another origin that must not see the key. A job may have failed at its submit.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from attrs import define, field, frozen

from pika_async import (
    APIError,
    DecodeError,
    Failed,
    InvalidRequestError,
    Money,
    NotFoundError,
    Queued,
    QuotaExceededError,
    RateLimitError,
    Running,
    ServerError,
    Succeeded,
    Unknown,
    Video,
)
from pika_async._checks import FieldError
from pika_async._meaning import Started
from pika_async.dialects import Accepted, Handle, HTTPRequest, Lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pika_async import GenerationRequest, JobState
    from pika_async.dialects import Conversation, Endpoint, HTTPResponse


@frozen(kw_only=True)
class Toy:
    """The dialect of the toy service."""

    name: str = "toy"
    hosts: Mapping[str, str] = field(factory=lambda: {"api": "https://toy.example"})
    key_variables: tuple[tuple[str, ...], ...] = (("TOY_KEY",), ("TOY_KEY_ID", "TOY_KEY_SECRET"))
    repeatable: bool = True

    def check(self, request: GenerationRequest) -> None:
        if request.motion is not None:
            raise FieldError("motion", request.motion, "nothing: this service has no such field")

    def encode_submit(
        self, endpoint: Endpoint, request: GenerationRequest, key: str
    ) -> HTTPRequest:
        body = {"prompt": request.prompt, "image": request.image, **request.extra}
        return HTTPRequest(
            method="POST",
            url=f"{endpoint.base_url}/jobs",
            headers={**_headers(endpoint), "X-Once": key, "Content-Type": "application/json"},
            body=json.dumps(body).encode(),
        )

    def decode_submit(self, response: HTTPResponse) -> Accepted:
        body = _object(response)
        if "id" not in body:
            raise _error(response)
        handle = Handle(body["id"], {"status": body["status_url"]} if "status_url" in body else {})
        return Accepted(handle=handle, state=_state(handle.job_id, body, {}), raw=body)

    def poll(self, endpoint: Endpoint, handle: Handle) -> Conversation[JobState | None]:
        address = handle.hints.get("status", f"{endpoint.base_url}/jobs/{handle.job_id}")
        known = _object((yield HTTPRequest(method="GET", url=address, headers=_headers(endpoint))))
        result: dict[str, Any] = {}
        if known["status"] == "done":
            where = known.get("result_url", f"{endpoint.base_url}/jobs/{handle.job_id}/result")
            result = _object(
                (yield HTTPRequest(method="GET", url=where, headers=_headers(endpoint)))
            )
        return _state(handle.job_id, known, result)

    def upload(self, endpoint: Endpoint, content: bytes, media_type: str) -> Conversation[str]:
        ticket = _object(
            (
                yield HTTPRequest(
                    method="POST",
                    url=f"{endpoint.base_url}/uploads",
                    headers={**_headers(endpoint), "Content-Type": "application/json"},
                    body=json.dumps({"type": media_type, "size": len(content)}).encode(),
                )
            )
        )
        stored = yield HTTPRequest(
            method="PUT",
            url=ticket["put_url"],
            headers={"Content-Type": media_type},
            body=content,
            host=None,
        )
        if stored.status >= 300:
            raise ServerError(status=stored.status)
        address: str = ticket["url"]
        return address


@frozen(kw_only=True)
class Ledgered(Toy):
    """The same where no key can be repeated, and a ledger tells of jobs, prices and money."""

    name: str = "ledgered"
    repeatable: bool = False
    most_bytes: Mapping[str, int] = field(factory=lambda: {"image": 100})

    def decode_submit(self, response: HTTPResponse) -> Accepted:
        try:
            return super().decode_submit(response)
        except APIError as error:
            error.job_id = response.headers.get("X-Job")
            raise

    def cancel(self, endpoint: Endpoint, handle: Handle) -> Conversation[bool]:
        response = yield HTTPRequest(
            method="DELETE",
            url=f"{endpoint.base_url}/jobs/{handle.job_id}",
            headers=_headers(endpoint),
        )
        if response.status == 409:
            return False
        _object(response)
        return True

    def find(self, endpoint: Endpoint, lost: Lost) -> Conversation[tuple[Handle, ...]]:
        wanted = json.loads(lost.request.body or b"{}")
        found: list[Handle] = []
        for page in (0, 1):
            rows = _object(
                (
                    yield HTTPRequest(
                        method="GET",
                        url=f"{endpoint.base_url}/ledger/{page}",
                        headers=_headers(endpoint),
                    )
                )
            )["rows"]
            found += [Handle(row["id"]) for row in rows if row["body"] == wanted]
        return tuple(found)

    def quote(self, endpoint: Endpoint, request: GenerationRequest) -> Conversation[Money | None]:
        image = "with-image" if request.image else "plain"
        response = yield HTTPRequest(
            method="GET",
            url=f"{endpoint.base_url}/price/{image}",
            headers=_headers(endpoint),
        )
        return Money(_object(response)["micros"])

    def balance(self, endpoint: Endpoint) -> Conversation[Money | None]:
        response = yield HTTPRequest(
            method="GET", url=f"{endpoint.base_url}/balance", headers=_headers(endpoint)
        )
        return Money(_object(response)["micros"])


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {"X-Key": endpoint.api_key}


def _object(response: HTTPResponse) -> dict[str, Any]:
    if response.status >= 400:
        raise _error(response)
    try:
        body = json.loads(response.body)
    except ValueError:
        raise DecodeError("no JSON", status=response.status, started=Started.MAYBE) from None
    return body if isinstance(body, dict) else {}


def _error(response: HTTPResponse) -> APIError | DecodeError:
    status = response.status
    if status < 300:
        return DecodeError("no job id", status=status, started=Started.MAYBE)
    kinds = {
        402: QuotaExceededError,
        404: NotFoundError,
        409: InvalidRequestError,
        422: InvalidRequestError,
    }
    if status == 429:
        return RateLimitError(status=429)
    if status >= 500:
        return ServerError(status=status, started=Started.MAYBE)
    return kinds.get(status, APIError)("refused", status=status)


def _state(job_id: str, known: dict[str, Any], result: dict[str, Any]) -> JobState:
    match known["status"]:
        case "waiting":
            return Queued(position=known.get("ahead"), raw=known)
        case "working":
            return Running(raw=known)
        case "done":
            url = (result or known).get("video", "")
            return Succeeded(videos=(Video(id=job_id, job_id=job_id, url=url),), raw=known)
        case "broken":
            return Failed(reason=known.get("why", "broken"), raw=known)
        case other:
            return Unknown(status=other, raw=known)


@define
class ToyJob:
    """A job of the toy service, by its key."""

    id: str
    body: bytes
    looks: int = 0


@define
class ToyService:
    """The toy service: what it was sent, and what goes wrong."""

    lose_answers: int = 0
    """So many submits create their job, and the connection is closed without an answer."""
    answers: list[Callable[[], web.Response]] = field(factory=list)
    """What the next submits are answered with, in place of the truth; no job is made."""
    fail_at_once: bool = False
    looks: int = 2
    """How many looks a job takes."""
    lose_uploads: int = 0
    held: asyncio.Event | None = None
    """Submits make their job, and these, prices and uploads are answered once this is set."""
    names_lost: bool = False
    """A submit whose answer would be lost is answered with a 500 that names its job."""
    hide: int = 0
    """So many of the latest jobs are not in the ledger yet."""
    ledger_fails: int = 0
    """So many looks into the ledger fail."""
    forgets: bool = False
    """No job is known to those who ask for it."""
    prices_asked: int = 0
    price_fails: int = 0
    jobs: dict[str, ToyJob] = field(factory=dict)
    """By key."""
    posts: list[tuple[str, bytes]] = field(factory=list)
    """Key and body of every submit."""
    paths: list[str] = field(factory=list)
    """Every request to the API."""
    stored: list[tuple[dict[str, str], bytes]] = field(factory=list)
    """Headers and body of every upload to the other origin."""
    url: str = ""
    elsewhere: str = ""

    async def submit(self, request: web.Request) -> web.Response:
        key, body = request.headers["X-Once"], await request.read()
        self.posts.append((key, body))
        if self.answers:
            return self.answers.pop(0)()
        job = self.jobs.get(key)
        if job is not None and job.body != body:
            return web.json_response({"message": "key used for another body"}, status=409)
        if job is None:
            job = self.jobs[key] = ToyJob(f"toy-{len(self.jobs) + 1}", body)
        if self.held is not None:
            await self.held.wait()
        if self.lose_answers and self.names_lost:
            self.lose_answers -= 1
            return web.json_response({"message": "broken"}, status=500, headers={"X-Job": job.id})
        if self.lose_answers:
            self.lose_answers -= 1
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.json_response(self.document(job))

    def document(self, job: ToyJob) -> dict[str, Any]:
        here = f"{self.url}/jobs/{job.id}"
        if self.fail_at_once:
            return {"id": job.id, "status": "broken", "why": "no balance"}
        if job.looks >= self.looks:
            return {"id": job.id, "status": "done", "result_url": f"{here}/result"}
        return {"id": job.id, "status": "waiting", "status_url": here}

    def job(self, request: web.Request) -> ToyJob | None:
        if self.forgets:
            return None
        named = request.match_info["id"]
        return next((job for job in self.jobs.values() if job.id == named), None)

    async def status(self, request: web.Request) -> web.Response:
        job = self.job(request)
        if job is None:
            return web.json_response({}, status=404)
        job.looks += 1
        return web.json_response(self.document(job))

    async def cancel(self, request: web.Request) -> web.Response:
        job = self.job(request)
        assert job is not None
        ended = job.looks >= self.looks
        return web.json_response({}, status=409 if ended else 202)

    async def ledger(self, request: web.Request) -> web.Response:
        if self.ledger_fails:
            self.ledger_fails -= 1
            return web.json_response({}, status=503)
        page = int(request.match_info["page"])
        told = list(self.jobs.values())[: len(self.jobs) - self.hide]
        rows = [{"id": job.id, "body": json.loads(job.body)} for job in told]
        return web.json_response({"rows": rows[page::2]})

    async def price(self, request: web.Request) -> web.Response:
        self.prices_asked += 1
        if self.held is not None:
            await self.held.wait()
        if self.price_fails:
            self.price_fails -= 1
            return web.json_response({}, status=422)
        dear = request.match_info["what"] == "with-image"
        return web.json_response({"micros": 450_000 if dear else 200_000})

    async def balance(self, _: web.Request) -> web.Response:
        return web.json_response({"micros": 12_500_000})

    async def result(self, _: web.Request) -> web.Response:
        return web.json_response({"video": f"{self.elsewhere}/v.mp4"})

    async def ticket(self, _: web.Request) -> web.Response:
        if self.held is not None:
            await self.held.wait()
        number = len(self.stored) + 1
        return web.json_response(
            {
                "put_url": f"{self.elsewhere}/put/{number}",
                "url": f"https://files.example/{number}.png",
            }
        )

    async def put(self, request: web.Request) -> web.Response:
        content = await request.read()
        if self.lose_uploads:
            self.lose_uploads -= 1
            return web.Response(status=503)
        self.stored.append((dict(request.headers), content))
        return web.Response()


@asynccontextmanager
async def toy_service(**settings: Any) -> AsyncIterator[ToyService]:
    service = ToyService(**settings)

    @web.middleware
    async def noted(request: web.Request, handler: Any) -> web.StreamResponse:
        service.paths.append(f"{request.method} {request.path}")
        answer: web.StreamResponse = await handler(request)
        return answer

    api = web.Application(middlewares=[noted])
    api.router.add_post("/jobs", service.submit)
    api.router.add_get("/jobs/{id}", service.status)
    api.router.add_get("/jobs/{id}/result", service.result)
    api.router.add_delete("/jobs/{id}", service.cancel)
    api.router.add_get("/ledger/{page}", service.ledger)
    api.router.add_get("/price/{what}", service.price)
    api.router.add_get("/balance", service.balance)
    api.router.add_post("/uploads", service.ticket)
    elsewhere = web.Application()
    elsewhere.router.add_put("/put/{number}", service.put)
    async with TestServer(api) as here, TestServer(elsewhere) as there:
        service.url = str(here.make_url("")).rstrip("/")
        service.elsewhere = str(there.make_url("")).rstrip("/")
        yield service
