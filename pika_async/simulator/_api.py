"""The API's two calls: submit a job, look at a job."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from aiohttp import ClientPayloadError, web

from pika_async.simulator._delivery import (
    Answer,
    deliver,
    fault_answer,
    json_headers,
    sent_status,
)
from pika_async.simulator._records import Poll, Submission
from pika_async.simulator._services.gateway import answers, requests

if TYPE_CHECKING:
    import asyncio

    from pika_async.simulator._faults import Fault
    from pika_async.simulator._jobs import SimulatedJob
    from pika_async.simulator._state import State

_OK: Final = 200
_UPLOAD_BROKE_OFF: Final = (ConnectionError, ClientPayloadError, web.RequestPayloadError)


class Api:
    """Answers requests to the API's origin; redirects lead to `elsewhere`, a URL at another."""

    def __init__(
        self, state: State, elsewhere: str, media_url: str, closing: asyncio.Event
    ) -> None:
        self._state = state
        self._elsewhere = elsewhere
        self._media_url = media_url
        self._closing = closing
        self._generate = f"{state.prefix}/pika/generate"
        self._feed = f"{state.prefix}/pika/feed/"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.raw_path.partition("?")[0]
        if request.method == "GET" and path.startswith(self._feed) and len(path) > len(self._feed):
            return await self._poll(request, unquote(path[len(self._feed) :]))
        if request.method == "POST" and path == self._generate:
            return await self._submit(request)
        wrong = answers.openai_error(f"Invalid URL ({request.method} {path})")
        return await self._send(request, self._json(404, wrong), None)

    async def _submit(self, request: web.BaseRequest) -> web.StreamResponse:
        state, at = self._state, self._state.now()
        try:
            # Not request.read(): that has a limit, and images are many megabytes.
            raw = await request.content.read()
        except _UPLOAD_BROKE_OFF:
            return web.Response(status=400)
        body = requests.read_body(raw)
        fault = state.ledger.pick(state.faults, "submit", body=body)
        job, answer = None, None
        if fault is None or fault.started:
            job, answer = self._create(request, body)
        answer = self._choose(request, fault, answer)
        if state.record:
            record = Submission(
                at=at,
                body=body,
                headers=request.headers,
                job_id=None if job is None else job.id,
                fault=fault,
                status=sent_status(answer, fault),
            )
            state.submissions.append(record)
        return await self._send(request, answer, fault)

    def _create(
        self, request: web.BaseRequest, body: dict[str, Any] | None
    ) -> tuple[SimulatedJob | None, Answer]:
        key = _key(request)
        if key is None or self._state.api_key not in (None, key):
            return None, self._unauthorized(key)
        wait = self._state.wait_for_submit()
        if wait:
            return None, self._too_many(wait)
        complaint = requests.complaint(body)
        if body is None or complaint is not None:
            return None, self._json(400, answers.task_error("invalid_request", str(complaint)))
        job = self._state.create_job(key, body)
        return job, self._ok(answers.created(job))

    async def _poll(self, request: web.BaseRequest, job_id: str) -> web.StreamResponse:
        state, at = self._state, self._state.now()
        body = state.submitted(job_id)
        fault = state.ledger.pick(state.faults, "poll", job_id, body) if state.faults else None
        answer = None
        if fault is None or fault.started:
            answer = self._look(request, job_id)
        elif fault.row.does == "other-key":
            answer = self._unknown_job()
        answer = self._choose(request, fault, answer)
        if state.record:
            record = Poll(
                at=at,
                job_id=job_id,
                headers=request.headers,
                fault=fault,
                status=sent_status(answer, fault),
            )
            state.polls.append(record)
        return await self._send(request, answer, fault)

    def _look(self, request: web.BaseRequest, job_id: str) -> Answer:
        key = _key(request)
        if key is None or self._state.api_key not in (None, key):
            return self._unauthorized(key)
        job = self._state.jobs.get(job_id)
        if job is None or job.key != key:
            return self._unknown_job()
        return self._ok(answers.feed(job, job.look(self._state.now()), self._media_url))

    def _unknown_job(self) -> Answer:
        if self._state.unknown_job == "empty":
            return self._ok(b"")
        gone = answers.task_error("task_not_exist", "task_not_exist")
        return self._json(int(self._state.unknown_job), gone)

    def _unauthorized(self, key: str | None) -> Answer:
        message = "No token provided" if key is None else "Invalid token"
        return self._json(401, answers.new_api_error(message))

    def _too_many(self, wait: float) -> Answer:
        error = answers.openai_error("Too many requests", "rate_limit_error", "rate_limit_exceeded")
        answer = self._json(429, error)
        if self._state.limit_retry_after:
            answer.headers["Retry-After"] = str(math.ceil(wait))
        return answer

    def _choose(
        self, request: web.BaseRequest, fault: Fault | None, true_answer: Answer | None
    ) -> Answer:
        if fault is None or fault.spoils_true_answer:
            # What is not sent at all (a reset, before the work was done) may be empty.
            return self._ok(b"") if true_answer is None else true_answer
        location = self._elsewhere + request.raw_path
        return fault_answer(fault, self._state.next_request_id(), location)

    def _ok(self, body: bytes) -> Answer:
        return Answer(_OK, json_headers(self._state.next_request_id()), body, 0, len(body))

    def _json(self, status: int, body: dict[str, Any]) -> Answer:
        request_id = self._state.next_request_id()
        raw = answers.encode(body, request_id)
        return Answer(status, json_headers(request_id), raw, 0, len(raw))

    async def _send(
        self, request: web.BaseRequest, answer: Answer, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is None:
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        return await deliver(request, answer, fault, self._closing)


def _key(request: web.BaseRequest) -> str | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None
