"""Pika's own API as a simulated service: jobs with keys, uploads, prices, an account."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from attrs import evolve

from pika_async.simulator._services._service import (
    Call,
    Reply,
    Service,
    UnknownJob,
    with_retry_after,
)
from pika_async.simulator._services.pika import answers, requests
from pika_async.simulator._services.pika.answers import REFUSALS, Sold
from pika_async.simulator._services.pika.faults import FAULTS, TOO_MANY, message
from pika_async.simulator._services.pika.uploads import ADDRESS, LASTING, Uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async.simulator._jobs import Look, SimulatedJob
    from pika_async.simulator._services._service import Arrived, World

_LIBRARIES: Final = ("python/", "python-requests/", "python-urllib", "python-httpx/", "curl/")
_BALANCE: Final = 100_000_000
_DRY: Final = (402, "insufficient_balance", "Insufficient balance")


class Pika(Service):
    """Pika's own API, and the models of other vendors behind it.

    A failed job's code is written in front of the reason: `failure="content_moderation: no"`.

    Attributes:
        balance_micro_usd: What is left in the account; jobs beyond it fail at their submit. None:
            none is refused, and the balance is told as 100 dollars less what was spent.
        most_in_flight: Beyond so many jobs that have not ended submits get a 429, and requests for
            an address to upload to as well; None: no limit.
        postpaid: What stands under that name beside the balance.
        spent_micro_usd: What the jobs of this simulator cost, failed ones nothing.
    """

    name = "pika"
    id_prefix = "media_"
    faults = FAULTS
    variants = answers.VARIANTS

    def __init__(self) -> None:
        self.balance_micro_usd: int | None = None
        self.most_in_flight: int | None = None
        self.postpaid: dict[str, Any] | None = None
        self.uploads = Uploads()
        self.quotes: list[str] = []
        """The API ids that were asked for their price."""
        self._sold: dict[str, Sold] = {}
        # By API key and idempotency key: the body byte for byte with the API id, and the job.
        self._known: dict[tuple[str, str], tuple[tuple[str, bytes], str]] = {}
        self._asked_apart: dict[str, int] = {}

    @property
    def spent_micro_usd(self) -> int:
        """What the jobs that were not refused cost."""
        return sum(sold.charge for sold in self._sold.values() if sold.refusal is None)

    def route(self, method: str, path: str) -> Call | None:
        """Jobs, their links apart, uploads, prices and the balance."""
        parts = path.strip("/").split("/")
        return self._of_jobs(method, parts) or self._of_the_rest(method, parts)

    def _of_jobs(self, method: str, parts: list[str]) -> Call | None:
        match [method, *parts]:
            case ["GET", "v1", "media", "jobs", job_id]:
                job_id = unquote(job_id)
                return Call("poll", partial(self.look, job_id), job_id)
            case ["GET", "v1", "media", "jobs", job_id, "content"]:
                job_id = unquote(job_id)
                return Call(None, self.with_key(partial(self._content, job_id)), job_id)
            case ["POST", "v1", "media", vendor, model, function]:
                api_id = "/".join(map(unquote, (vendor, model, function)))
                return Call("submit", self.with_key(partial(self._submit, api_id)))
            case _:
                return None

    def _of_the_rest(self, method: str, parts: list[str]) -> Call | None:
        match [method, *parts]:
            case ["POST", "v1", "media", "uploads"]:
                return Call("ticket", self.with_key(self._ticket))
            case ["POST", "catalog", "apis", api_id, "quote"]:
                return Call(None, partial(self._quote, unquote(api_id)))
            case ["GET", "billing", "balance"]:
                return Call(None, self.with_key(self._balance))
            case _:
                return None

    def route_elsewhere(self, method: str, path: str) -> Call | None:
        """The bytes of an upload, and a file that was uploaded."""
        if method == "PUT" and path.startswith(ADDRESS):
            return Call("upload", self.uploads.put)
        if method == "GET" and path.startswith(LASTING):
            return Call(None, self._stored)
        return None

    def turns_away(self, headers: Mapping[str, str]) -> bool:
        """Links are signed, and a key beside them is refused; so are libraries by their names."""
        agent = headers.get("User-Agent", "").lower()
        return "X-API-Key" in headers or agent.startswith(_LIBRARIES)

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The key; an empty one is none."""
        return headers.get("X-API-Key", "").strip() or None

    def prompt(self, body: Mapping[str, Any]) -> str | None:
        """The prompt in a submitted body; of an effect on a video its name stands for it."""
        names = ("prompt", "prompt_override", "pikaffect")
        return next((body[name] for name in names if isinstance(body.get(name), str)), None)

    def complaint(self, body: Mapping[str, Any] | None) -> str | None:
        """What is wrong with a body at any model."""
        return requests.complaint("", body)

    def encode(self, body: Mapping[str, Any] | list[Any], request_id: str) -> bytes:
        """A body as JSON."""
        return answers.encode(body)

    def headers(self, request_id: str) -> Mapping[str, str]:
        """The header in which the service names a request."""
        return {"X-Request-ID": request_id}

    def accepted(self, job: SimulatedJob) -> Reply:
        """200 with the job's document, or the status that goes with its refusal."""
        sold = self._sold[job.id]
        status = 200 if sold.refusal is None else sold.refusal[0]
        return Reply(status, answers.created(job, sold))

    def seen(self, job: SimulatedJob, look: Look, media_origin: str) -> Reply:
        """200 with the job's document."""
        return Reply(200, answers.document(job, self._sold[job.id], look, media_origin))

    def unknown_job(self, how: UnknownJob) -> Reply:
        """404, or nothing where that is asked for."""
        return Reply(200) if how == "empty" else Reply(404, message("Job not found"))

    def unauthorized(self, key: str | None) -> Reply:
        """401."""
        return Reply(401, message("Missing API key" if key is None else "Invalid API key"))

    def too_many(self) -> Reply:
        """429 with the text that was seen."""
        return Reply(429, TOO_MANY)

    def refused(self, complaint: str) -> Reply:
        """422 with the complaint."""
        return Reply(422, message(complaint))

    def no_such_path(self, method: str, path: str) -> Reply:
        """404."""
        return Reply(404, message(f"Cannot {method} {path}"))

    def _submit(self, api_id: str, arrived: Arrived, world: World) -> Reply:
        key = self.key(arrived.headers) or ""
        complaint = requests.complaint(api_id, arrived.json)
        if complaint is not None:
            return self.refused(complaint)
        sent = (api_id, arrived.body)
        name = arrived.headers.get("Idempotency-Key", "")
        if name and (known := self._known.get((key, name))) is not None:
            return self._again(known, sent, world)
        wait = world.wait_for_submit()
        if wait or self._is_full(world):
            return with_retry_after(self.too_many(), wait, told=world.limit_retry_after)
        job = world.create_job(key, arrived.json or {})
        self._sell(job, api_id)
        if name:
            self._known[key, name] = sent, job.id
        return evolve(self.accepted(job), job=job)

    def _again(
        self, known: tuple[tuple[str, bytes], str], sent: tuple[str, bytes], world: World
    ) -> Reply:
        first, job_id = known
        if first != sent:
            return Reply(409, message("Idempotency-Key was used with another body"))
        job = world.jobs[job_id]
        # On a copy: this is not a poll, and must not count as one.
        look = copy.copy(job).look(world.clock())
        return Reply(
            200, answers.document(job, self._sold[job_id], look, world.media_origin), job=job
        )

    def _ticket(self, arrived: Arrived, world: World) -> Reply:
        return self.too_many() if self._is_full(world) else self.uploads.ticket(arrived, world)

    def _is_full(self, world: World) -> bool:
        if self.most_in_flight is None:
            return False
        now = world.clock()
        going = sum(not job.has_ended(now) for job in world.jobs.values())
        return going >= self.most_in_flight

    def _sell(self, job: SimulatedJob, api_id: str) -> None:
        price = requests.price(api_id, job.body)
        refusal = next((REFUSALS[name] for name in REFUSALS if name in job.variants), None)
        if refusal is None and self.balance_micro_usd is not None:
            refusal = _DRY if price > self.balance_micro_usd else None
        charge = 0 if refusal is not None or job.outcome == "error" else price
        self._sold[job.id] = Sold(api_id=api_id, charge=charge, refusal=refusal)
        if self.balance_micro_usd is not None:
            self.balance_micro_usd -= charge
        if refusal is not None:
            job.outcome, job.reason = "error", refusal[2]
            job.duration, job.finished_at = 0.0, job.submitted_at

    def _content(self, job_id: str, arrived: Arrived, world: World) -> Reply:
        job = world.jobs.get(job_id)
        if job is None or job.key != self.key(arrived.headers):
            return self.unknown_job("404")
        asked = self._asked_apart[job_id] = self._asked_apart.get(job_id, 0) + 1
        late = "output-late" in job.variants and asked < answers.LATE
        if not job.has_ended(world.clock()) or job.outcome == "error" or late:
            return Reply(409, message("Content is not ready"))
        return Reply(200, {"url": answers.url_of(job, job.polls, world.media_origin)})

    def _quote(self, api_id: str, arrived: Arrived, _: World) -> Reply:
        self.quotes.append(api_id)
        if api_id not in requests.SCHEMAS:
            return Reply(404, message("API not found"))
        complaint = requests.complaint(api_id, arrived.json)
        if complaint is not None or arrived.json is None:
            return self.refused(str(complaint))
        micros = requests.price(api_id, arrived.json)
        return Reply(200, {"micro_usd": micros, "sell_usd": f"{micros / 1_000_000:.4f}"})

    def _balance(self, _: Arrived, __: World) -> Reply:
        left = self.balance_micro_usd
        if left is None:
            left = max(0, _BALANCE - self.spent_micro_usd)
        return Reply(200, {"balance_micro_usd": left, "postpaid": self.postpaid})

    def _stored(self, arrived: Arrived, _: World) -> Reply:
        content = self.uploads.stored.get(arrived.path)
        return Reply(404) if content is None else Reply(200, content)
