"""The gateway as a simulated service: two paths, a bearer key, and its answers (WIRE 1 to 5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from pika_async.simulator._services._service import Call, Reply, Service, UnknownJob
from pika_async.simulator._services.gateway import answers, requests
from pika_async.simulator._services.gateway.faults import FAULTS, TOO_MANY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async.simulator._jobs import Look, SimulatedJob

_GENERATE: Final = "/pika/generate"
_FEED: Final = "/pika/feed/"


class Gateway(Service):
    """The gateway of the specification, and its siblings."""

    name = "gateway"
    faults = FAULTS
    variants = answers.VARIANTS

    def route(self, method: str, path: str) -> Call | None:
        """Two paths: one makes a job, the other looks at one."""
        if method == "GET" and path.startswith(_FEED) and len(path) > len(_FEED):
            job_id = unquote(path[len(_FEED) :])
            return Call("poll", partial(self.look, job_id), job_id)
        if method == "POST" and path == _GENERATE:
            return Call("submit", self.submit)
        return None

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The bearer token; an empty one is none."""
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        return key.strip() or None if scheme.lower() == "bearer" else None

    def prompt(self, body: Mapping[str, Any]) -> str | None:
        """The prompt in a submitted body."""
        prompt = body.get("promptText")
        return prompt if isinstance(prompt, str) else None

    def complaint(self, body: Mapping[str, Any] | None) -> str | None:
        """The first field that is missing or wrong."""
        return requests.complaint(body)

    def encode(self, body: Mapping[str, Any] | list[Any], request_id: str) -> bytes:
        """A body as JSON; messages of errors mention the request."""
        return answers.encode(body, request_id)

    def headers(self, request_id: str) -> Mapping[str, str]:
        """The header in which this software names a request."""
        return {"X-Oneapi-Request-Id": request_id}

    def accepted(self, job: SimulatedJob) -> Reply:
        """200 with the id, wherever the job's variants put it."""
        return Reply(200, answers.created(job))

    def seen(self, job: SimulatedJob, look: Look, media_origin: str) -> Reply:
        """200 with the job's videos."""
        return Reply(200, answers.feed(job, look, media_origin))

    def unknown_job(self, how: UnknownJob) -> Reply:
        """One of three answers, all of which have been seen."""
        if how == "empty":
            return Reply(200)
        return Reply(int(how), answers.task_error("task_not_exist", "task_not_exist"))

    def unauthorized(self, key: str | None) -> Reply:
        """401 in the shape of the gateway software itself."""
        message = "No token provided" if key is None else "Invalid token"
        return Reply(401, answers.new_api_error(message))

    def too_many(self) -> Reply:
        """429 in the shape that OpenAI made common."""
        return Reply(429, TOO_MANY)

    def refused(self, complaint: str) -> Reply:
        """400 with the complaint."""
        return Reply(400, answers.task_error("invalid_request", complaint))

    def no_such_path(self, method: str, path: str) -> Reply:
        """404 with method and path."""
        return Reply(404, answers.openai_error(f"Invalid URL ({method} {path})"))
