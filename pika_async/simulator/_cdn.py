"""The other origin: media files, what a service has there, and a trap for what should not come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from aiohttp import web
from attrs import evolve
from multidict import CIMultiDict

from pika_async.simulator import _media
from pika_async.simulator._api import ELSEWHERE
from pika_async.simulator._delivery import Answer, deliver, fault_answer, sent_status
from pika_async.simulator._faults import Fault
from pika_async.simulator._links import job_in
from pika_async.simulator._records import Download, Stray

if TYPE_CHECKING:
    import asyncio

    from pika_async.simulator._api import Api
    from pika_async.simulator._rows import Does
    from pika_async.simulator._state import State

_GREW: Final = 64
"""Bytes by which a file that was replaced is longer."""


class Cdn:
    """Answers requests to the media's origin."""

    def __init__(self, state: State, api: Api, closing: asyncio.Event) -> None:
        self._state = state
        self._api = api
        self._closing = closing
        self._used_up: set[str] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        at = self._state.now()
        path, _, query = request.raw_path.partition("?")
        call = self._state.service_at_work.route_elsewhere(request.method, path)
        if call is not None:
            return await self._api.serve(request, call, path, query)
        file = _media.find(path, self._state.media_bytes)
        if file is None or path.startswith(ELSEWHERE) or request.method not in ("GET", "HEAD"):
            return self._stray(request, at)
        job_id = job_in(path)
        fault = self._state.fault_of_job("download", job_id)
        refused = (
            self._has_expired(job_id, query)
            or request.raw_path in self._used_up
            or self._refuses_key(job_id, request)
            or self._state.service_at_work.turns_away(request.headers)
        )
        answer = self._answer(request, file, fault, refused=refused)
        if self._state.record:
            record = Download(
                at=at,
                path=request.raw_path,
                headers=request.headers,
                range=request.headers.get("Range"),
                status=sent_status(answer, fault),
                fault=fault,
            )
            self._state.downloads.append(record)
        if fault is None and self._is_for_once(job_id):
            self._used_up.add(request.raw_path)
            if answer.length > file.size * 2 // 5:
                answer, fault = evolve(answer, cut_after=file.size * 2 // 5), _CUT_SHORT
        return await deliver(request, answer, fault, self._closing)

    def _stray(self, request: web.BaseRequest, at: float) -> web.StreamResponse:
        if self._state.record:
            record = Stray(
                at=at, method=request.method, path=request.raw_path, headers=request.headers
            )
            self._state.strays.append(record)
        # A client that follows the redirect is to believe that it has a job.
        return web.json_response({"id": "elsewhere"})

    def _has_expired(self, job_id: str, query: str) -> bool:
        job = self._state.jobs.get(job_id)
        if job is None or not job.links_expire:
            return False
        return parse_qs(query).get("signature") != [str(job.polls)]

    def _refuses_key(self, job_id: str, request: web.BaseRequest) -> bool:
        job = self._state.jobs.get(job_id)
        if job is None or "links-refuse-keys" not in job.variants:
            return False
        return self._state.service_at_work.key(request.headers) is not None

    def _is_for_once(self, job_id: str) -> bool:
        job = self._state.jobs.get(job_id)
        return job is not None and "links-for-once" in job.variants

    def _answer(
        self,
        request: web.BaseRequest,
        file: _media.MediaFile,
        fault: Fault | None,
        *,
        refused: bool,
    ) -> Answer:
        if fault is not None and not fault.spoils_true_answer:
            return fault_answer(fault, None, "", _location(request, fault.row.does))
        if refused:
            return fault_answer(_EXPIRED, None, "", "")
        return _file_answer(request, file, "answer" if fault is None else fault.row.does)


_EXPIRED: Final = Fault("403-expired")
_CUT_SHORT: Final = Fault("cut")


def _file_answer(request: web.BaseRequest, file: _media.MediaFile, does: Does) -> Answer:
    if does == "changed":
        file = _media.longer(file, _GREW)
    served = _media.serve(file, {} if does == "ignore-range" else request.headers)
    if does == "wrong-range" and served.content_range:
        served = _media.shifted(file, served)
    mislabelled = does == "mislabelled"
    headers = CIMultiDict({"Content-Type": "text/html" if mislabelled else file.content_type})
    if does != "ignore-range":
        headers["Accept-Ranges"] = "bytes"
    if does != "no-validators":
        headers["ETag"], headers["Last-Modified"] = file.etag, file.modified
    if served.content_range is not None:
        headers["Content-Range"] = served.content_range
    return Answer(served.status, headers, file, served.start, served.stop)


def _location(request: web.BaseRequest, does: Does) -> str:
    if does == "redirect-loop":
        return request.raw_path
    # The same file under the other name of this machine, which makes it another origin.
    here = request.url
    other = "127.0.0.1" if here.host == "localhost" else "localhost"
    return str(here.with_host(other))
