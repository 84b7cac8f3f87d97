"""The seam of a simulated service: what the engine asks it, and what it may ask the engine.

A service knows its paths, its bodies and its words. The engine knows jobs, faults, records and
connections, and no service's words. For each request the engine asks the service which call it is
(`route`), decides which fault strikes it, lets the call answer where the server does its work, and
sends the answer, whole or spoilt.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

from attrs import evolve, field, frozen

from pika_async.simulator._jobs import SimulatedJob
from pika_async.simulator._rows import Body, FaultRow, Place

if TYPE_CHECKING:
    from pika_async.simulator._jobs import Look

UnknownJob: TypeAlias = Literal["400", "404", "empty"]


@frozen
class Arrived:
    """A request, read whole."""

    method: str
    path: str
    """As it stands in the request line, quoted, without the simulator's prefix and the query."""
    query: str
    headers: Mapping[str, str]
    """Lookups ignore case."""
    body: bytes
    json: dict[str, Any] | None
    """The JSON object in the body; None where there is none."""


@frozen
class Reply:
    """What a service answers."""

    status: int
    body: Body = b""
    """A mapping or list is sent as JSON; so are bytes, which are JSON already, or nothing."""
    headers: Mapping[str, str] = field(factory=dict)
    """Headers beside Content-Type and those of every answer."""
    job: SimulatedJob | None = None
    """The job that the request made, or that it was told of."""


class World(Protocol):
    """What a service may know of the simulator that it runs in, and do in it."""

    api_key: str | None
    unknown_job: UnknownJob
    limit_retry_after: bool
    jobs: dict[str, SimulatedJob]
    media_origin: str

    @property
    def base_path(self) -> str:
        """What stands in front of the API's paths."""
        ...

    def clock(self) -> float:
        """Seconds on the clock of the jobs."""
        ...

    def wait_for_submit(self) -> float:
        """0.0 when one more submit is allowed now, else the seconds until it will be."""
        ...

    def create_job(self, key: str, body: Mapping[str, Any]) -> SimulatedJob:
        """Make the job that a valid submit asks for."""
        ...


Answering: TypeAlias = Callable[[Arrived, World], Reply]
"""Does the work of the server for a request, and says its answer."""


@frozen
class Call:
    """What a request asks for, as `route` has understood it."""

    place: Place | None
    """Which faults can meet it and which record it goes to; None: none of either."""
    answer: Answering
    """The engine does not call it where a fault keeps the server from its work."""
    job_id: str = ""
    """The job that is asked about, whether or not there is such a job."""


class Service(ABC):
    """One service. It is made anew for each simulator, so it may remember what it was told."""

    name: ClassVar[str]
    faults: ClassVar[tuple[FaultRow, ...]]
    """What goes wrong in this service's own words."""
    variants: ClassVar[Mapping[str, str]]
    """How its bodies may differ, by name, with what each does."""
    id_prefix: ClassVar[str] = ""
    """What its names for jobs begin with."""

    @abstractmethod
    def route(self, method: str, path: str) -> Call | None:
        """What a request to the API's origin asks for; None: the service has no such path."""

    def route_elsewhere(self, method: str, path: str) -> Call | None:
        """The same for the other origin, where media are: an upload, for example."""
        return None

    def turns_away(self, headers: Mapping[str, str]) -> bool:
        """Whether the media's host refuses a request for a file because of its headers."""
        return False

    @abstractmethod
    def key(self, headers: Mapping[str, str]) -> str | None:
        """The API key that a request carries."""

    @abstractmethod
    def prompt(self, body: Mapping[str, Any]) -> str | None:
        """The prompt in a submitted body."""

    @abstractmethod
    def complaint(self, body: Mapping[str, Any] | None) -> str | None:
        """Why the service refuses a submitted body; None where it does not."""

    @abstractmethod
    def encode(self, body: Mapping[str, Any] | list[Any], request_id: str) -> bytes:
        """A body as JSON, with the id of the request where the text mentions it."""

    @abstractmethod
    def headers(self, request_id: str) -> Mapping[str, str]:
        """Headers of every answer, by which the service names the request."""

    @abstractmethod
    def accepted(self, job: SimulatedJob) -> Reply:
        """The answer to a submit that made `job`."""

    @abstractmethod
    def seen(self, job: SimulatedJob, look: Look, media_origin: str) -> Reply:
        """The answer to a poll of `job` that saw `look`."""

    @abstractmethod
    def unknown_job(self, how: UnknownJob) -> Reply:
        """The answer to a poll of a job that does not exist, or is another key's."""

    @abstractmethod
    def unauthorized(self, key: str | None) -> Reply:
        """The answer to a request without a key (None), or with one that is not accepted."""

    @abstractmethod
    def too_many(self) -> Reply:
        """The answer to a submit beyond the rate that is allowed."""

    @abstractmethod
    def refused(self, complaint: str) -> Reply:
        """The answer to a submit whose body is refused."""

    @abstractmethod
    def no_such_path(self, method: str, path: str) -> Reply:
        """The answer to a request that `route` does not know."""

    def with_key(self, answer: Answering) -> Answering:
        """`answer` to whoever brings a key that is accepted; to others `unauthorized`."""

        def guarded(arrived: Arrived, world: World) -> Reply:
            key = self.key(arrived.headers)
            if key is None or world.api_key not in (None, key):
                return self.unauthorized(key)
            return answer(arrived, world)

        return guarded

    def submit(self, arrived: Arrived, world: World) -> Reply:
        """Make a job, unless key, rate or body forbid it."""
        key = self.key(arrived.headers)
        if key is None or world.api_key not in (None, key):
            return self.unauthorized(key)
        wait = world.wait_for_submit()
        if wait:
            return with_retry_after(self.too_many(), wait, told=world.limit_retry_after)
        complaint = self.complaint(arrived.json)
        if complaint is not None or arrived.json is None:
            return self.refused(str(complaint))
        job = world.create_job(key, arrived.json)
        return evolve(self.accepted(job), job=job)

    def look(self, job_id: str, arrived: Arrived, world: World) -> Reply:
        """Say how a job stands, to the key that made it."""
        key = self.key(arrived.headers)
        if key is None or world.api_key not in (None, key):
            return self.unauthorized(key)
        job = world.jobs.get(job_id)
        if job is None or job.key != key:
            return self.unknown_job(world.unknown_job)
        return self.seen(job, job.look(world.clock()), world.media_origin)


def with_retry_after(reply: Reply, wait: float, *, told: bool) -> Reply:
    """`reply` with the seconds to wait in a header, where that is told."""
    if not told:
        return reply
    return evolve(reply, headers={**reply.headers, "Retry-After": str(math.ceil(wait))})


def read_object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in `raw`, or None when there is none."""
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
