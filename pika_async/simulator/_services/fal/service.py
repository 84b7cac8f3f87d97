"""fal's queue as a simulated service: queue, storage and platform at one address."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from attrs import define, evolve, field

from pika_async.simulator._services._service import Call, Reply, Service, UnknownJob
from pika_async.simulator._services.fal import answers, requests
from pika_async.simulator._services.fal.faults import FAULTS, TOO_MANY
from pika_async.simulator._services.fal.platform import Platform, is_started

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pika_async.simulator._jobs import Look, SimulatedJob
    from pika_async.simulator._services._service import Answering, Arrived, World

_SPACES: Final = ("workflows", "comfy")
_CANCELLED: Final = {
    "detail": "Request was cancelled by the client",
    "error_type": "client_cancelled",
}
# Above what most clients take for one line, and below the 16 KB that fal allows.
_BIG_HEADERS: Final = {f"X-Fal-Big-{number}": "x" * 6_000 for number in range(2)}


@define(eq=False)
class Fal(Service):
    """https://queue.fal.run, with https://rest.fal.ai and https://api.fal.ai/v1."""

    name = "fal"
    faults = FAULTS
    variants = answers.VARIANTS

    platform: Platform = field(factory=Platform)
    _origin: str = ""
    _cancelled: set[str] = field(factory=set)
    _asked: dict[str, int] = field(factory=dict)

    def route(self, method: str, path: str) -> Call | None:
        """Four verbs of the queue, and the few paths of storage and platform that are needed."""
        beside = self._beside(method, path)
        if beside is not None:
            return beside
        names = path.strip("/").split("/")
        if "requests" in names[2:]:
            return self._of_job(method, names)
        if method == "POST" and len(names) >= 2 and all(names):
            return Call("submit", partial(self._submit, "/".join(names)))
        return None

    def route_elsewhere(self, method: str, path: str) -> Call | None:
        """Files that go up."""
        if method == "PUT" and path in self.platform.files:
            return Call("upload", self.platform.put)
        return None

    def _beside(self, method: str, path: str) -> Call | None:
        match method, path:
            case "POST", "/storage/upload/initiate":
                return Call("upload", self.with_key(self.platform.initiate))
            case "GET", "/models/requests/by-endpoint":
                return Call("platform", self.with_key(self._history))
            case "GET", "/models/pricing":
                return Call("platform", self.with_key(self.platform.prices))
            case "GET", "/account/billing":
                return Call("platform", self.with_key(self.platform.balance))
            case _:
                return None

    def _of_job(self, method: str, names: list[str]) -> Call | None:
        at = names.index("requests", 2)
        app, rest = names[:at], names[at + 1 :]
        if len(app) != 2 + (names[0] in _SPACES) or not rest:
            return Call(None, lambda _, __: Reply(405, {"detail": "Method Not Allowed"}))
        job_id, of = unquote(rest[0]), "/".join(app)
        match method, rest[1:]:
            case "GET", ["status"]:
                return Call("poll", partial(self._look, job_id, of), job_id)
            case "GET", [] | ["response"]:
                return Call("result", self._for_owner(job_id, of, self._result), job_id)
            case "PUT", ["cancel"]:
                return Call(None, self._for_owner(job_id, of, self._cancel), job_id)
            case _:
                return None

    def _submit(self, endpoint: str, arrived: Arrived, world: World) -> Reply:
        self._origin = f"http://{arrived.headers.get('Host', '')}{world.base_path}"
        reply = self.submit(arrived, world)
        if reply.job is None:
            return reply
        self.platform.note(reply.job, endpoint)
        body = answers.created(reply.job, self._addresses(reply.job))
        return evolve(reply, body=body, headers=_naming(reply.job))

    def _addresses(self, job: SimulatedJob) -> dict[str, Any]:
        endpoint = self.platform.endpoint_of(job)
        return answers.addresses(job, self._origin, _app(endpoint), endpoint)

    def _look(self, job_id: str, app: str, arrived: Arrived, world: World) -> Reply:
        job = world.jobs.get(job_id)
        if job is not None and _app(self.platform.endpoint_of(job)) != app:
            return self.unknown_job(world.unknown_job)
        return self.look(job_id, arrived, world)

    def _result(self, job: SimulatedJob, world: World) -> Reply:
        asked = self._asked[job.id] = self._asked.get(job.id, 0) + 1
        failure = self._failure(job)
        ended = job.has_ended(world.clock()) or job.id in self._cancelled
        if not ended or _is_first("result-early", job, asked):
            return Reply(400, answers.EARLY, _naming(job))
        if failure is not None:
            status, body = failure
            return Reply(status, body, _naming(job))
        body = answers.result(job, world.media_origin)
        if _is_first("video-null-first", job, asked):
            body = {"video": None}
        big = _BIG_HEADERS if "big-headers" in job.variants else {}
        return Reply(200, body, {**_naming(job), "X-Fal-Billable-Units": "5", **big})

    def _failure(self, job: SimulatedJob) -> tuple[int, dict[str, Any]] | None:
        if job.id in self._cancelled:
            return 499, _CANCELLED
        if job.outcome == "error":
            return answers.failed(job)
        wrong = requests.complaints(self.platform.endpoint_of(job), job.body)
        return (422, {"detail": wrong}) if wrong else None

    def _cancel(self, job: SimulatedJob, world: World) -> Reply:
        if job.has_ended(world.clock()):
            return Reply(400, {"status": "ALREADY_COMPLETED"}, _naming(job))
        if not is_started(job, world.clock()):
            # A job that runs may go on and be billed.
            self._cancelled.add(job.id)
        status = 202 if "cancel-202" in job.variants else 200
        return Reply(status, {"status": "CANCELLATION_REQUESTED"}, _naming(job))

    def _history(self, arrived: Arrived, world: World) -> Reply:
        return self.platform.history(self.key(arrived.headers) or "", arrived, world)

    def _for_owner(
        self, job_id: str, app: str, answer: Callable[[SimulatedJob, World], Reply]
    ) -> Answering:
        def guarded(arrived: Arrived, world: World) -> Reply:
            job = world.jobs.get(job_id)
            mine = job is not None and job.key == self.key(arrived.headers)
            if job is None or not mine or _app(self.platform.endpoint_of(job)) != app:
                return Reply(404, answers.NOT_FOUND)
            return answer(job, world)

        return self.with_key(guarded)

    def key(self, headers: Mapping[str, str]) -> str | None:
        """What follows the word Key; an empty one is none."""
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        return key.strip() or None if scheme.lower() == "key" else None

    def prompt(self, body: Mapping[str, Any]) -> str | None:
        """The prompt in a submitted body."""
        prompt = body.get("prompt")
        return prompt if isinstance(prompt, str) else None

    def complaint(self, body: Mapping[str, Any] | None) -> str | None:
        """Nothing but JSON is looked for at a submit."""
        return "The body is no JSON object" if body is None else None

    def encode(self, body: Mapping[str, Any] | list[Any], request_id: str) -> bytes:
        """A body as JSON."""
        return json.dumps(body).encode()

    def headers(self, request_id: str) -> Mapping[str, str]:
        """None of its own: a request is named by the id of its job, where it has one."""
        return {}

    def accepted(self, job: SimulatedJob) -> Reply:
        """200; what it says depends on the endpoint, too."""
        return Reply(200)

    def seen(self, job: SimulatedJob, look: Look, media_origin: str) -> Reply:
        """200, or 202 until it is done."""
        failure = self._failure(job)
        if job.id in self._cancelled:
            look = evolve(look, moments=tuple(evolve(m, status="error") for m in look.moments))
        body = answers.seen(job, look, self._addresses(job), failure and failure[1])
        pending = "status-202" in job.variants and body["status"] != "COMPLETED"
        return Reply(202 if pending else 200, body, _naming(job))

    def unknown_job(self, how: UnknownJob) -> Reply:
        """404, whatever the gateway's ways are; or nothing."""
        return Reply(200) if how == "empty" else Reply(404, answers.NOT_FOUND)

    def unauthorized(self, key: str | None) -> Reply:
        """401 with a text."""
        said = "Authentication is required" if key is None else "Invalid API key"
        return Reply(401, {"detail": f"{said} to access this application"})

    def too_many(self) -> Reply:
        """429 with a text."""
        return Reply(429, TOO_MANY)

    def refused(self, complaint: str) -> Reply:
        """422 with a text."""
        return Reply(422, {"detail": complaint})

    def no_such_path(self, method: str, path: str) -> Reply:
        """404 with the path."""
        return Reply(404, {"detail": f"Path {path} not found"})


def _app(endpoint: str) -> str:
    names = endpoint.split("/")
    return "/".join(names[: 2 + (names[0] in _SPACES)])


def _naming(job: SimulatedJob) -> dict[str, str]:
    # Ids of some variants hold what no header may.
    return {"x-fal-request-id": job.id} if job.id.isascii() else {}


def _is_first(variant: str, job: SimulatedJob, asked: int) -> bool:
    return variant in job.variants and asked == 1
