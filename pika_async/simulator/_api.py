"""The API's origin: every request goes through its service, its fault and its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import ClientPayloadError, web

from pika_async.simulator._delivery import Answer, answer_of, deliver, fault_answer, sent_status
from pika_async.simulator._records import Poll, Submission
from pika_async.simulator._services._service import Arrived, Reply, read_object

if TYPE_CHECKING:
    import asyncio

    from pika_async.simulator._faults import Fault
    from pika_async.simulator._services._service import Call
    from pika_async.simulator._state import State

ELSEWHERE: Final = "/elsewhere"
"""Redirects of API calls lead below this path of the other origin."""

_UPLOAD_BROKE_OFF: Final = (ConnectionError, ClientPayloadError, web.RequestPayloadError)
_EMPTY: Final = Reply(200)


class Api:
    """Answers requests to the API's origin; redirects lead to the other, below ELSEWHERE."""

    def __init__(self, state: State, closing: asyncio.Event) -> None:
        self._state = state
        self._closing = closing

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        service, prefix = self._state.service_at_work, self._state.prefix
        inside = path.removeprefix(prefix) if path.startswith(f"{prefix}/") else None
        call = None if inside is None else service.route(request.method, inside)
        if inside is None or call is None:
            return await self._send(
                request, self._answer(service.no_such_path(request.method, path)), None
            )
        return await self.serve(request, call, inside, query)

    async def serve(
        self, request: web.BaseRequest, call: Call, path: str, query: str
    ) -> web.StreamResponse:
        """Answer a request that asks for `call`."""
        at = self._state.now()
        arrived = await _read_whole(request, path, query)
        if arrived is None:
            return web.Response(status=400)
        # Nothing is awaited from here to the answer, so nobody else's name gets into it.
        self._state.is_called(request.host)
        fault = self._state.fault_for(call, arrived)
        reply = None
        if fault is None or fault.started:
            reply = call.answer(arrived, self._state)
        elif fault.row.does == "other-key":
            reply = self._state.service_at_work.unknown_job(self._state.unknown_job)
        answer = self._choose(request, fault, reply)
        if self._state.record:
            self._record(call, arrived, at, fault=fault, reply=reply, answer=answer)
        return await self._send(request, answer, fault)

    def _choose(self, request: web.BaseRequest, fault: Fault | None, reply: Reply | None) -> Answer:
        if fault is None or fault.spoils_true_answer:
            # What is not sent at all (a reset, before the work was done) may be empty.
            return self._answer(_EMPTY if reply is None else reply)
        return fault_answer(
            fault,
            self._state.service_at_work,
            self._request_id(),
            location=self._state.media_origin + ELSEWHERE + request.raw_path,
            job=None if reply is None else reply.job,
        )

    def _record(
        self,
        call: Call,
        arrived: Arrived,
        at: float,
        *,
        fault: Fault | None,
        reply: Reply | None,
        answer: Answer,
    ) -> None:
        status = sent_status(answer, fault)
        if call.place == "submit":
            job = None if reply is None else reply.job
            submission = Submission(
                at=at,
                body=arrived.json,
                headers=arrived.headers,
                job_id=None if job is None else job.id,
                fault=fault,
                status=status,
            )
            self._state.submissions.append(submission)
        elif call.place == "poll":
            poll = Poll(
                at=at, job_id=call.job_id, headers=arrived.headers, fault=fault, status=status
            )
            self._state.polls.append(poll)

    def _answer(self, reply: Reply) -> Answer:
        return answer_of(reply, self._state.service_at_work, self._request_id())

    def _request_id(self) -> str:
        return self._state.next_request_id()

    async def _send(
        self, request: web.BaseRequest, answer: Answer, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is None:
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        return await deliver(request, answer, fault, self._closing)


async def _read_whole(request: web.BaseRequest, path: str, query: str) -> Arrived | None:
    """The request with its body, or None where the body broke off on the way."""
    raw = b""
    if request.can_read_body:
        try:
            # Not request.read(): that has a limit, and images are many megabytes.
            raw = await request.content.read()
        except _UPLOAD_BROKE_OFF:
            return None
    return Arrived(
        method=request.method,
        path=path,
        query=query,
        headers=request.headers,
        body=raw,
        json=read_object(raw) if raw else None,
    )
