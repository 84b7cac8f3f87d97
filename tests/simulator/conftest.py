from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import pytest
from attrs import define, evolve, frozen
from support.faults import gateway
from support.faults.table import Table

from pika_async.simulator._jobs import SimulatedJob

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

BODY = gateway.TABLE.body


@frozen
class Reply:
    """What a raw client saw."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def video(self) -> dict[str, Any]:
        return self.json["videos"][0]


@frozen
class Caller:
    """A client that knows nothing: one connection for each request, no retries, no redirects."""

    session: aiohttp.ClientSession
    key: str | None = "key"
    table: Table = gateway.TABLE

    def at(self, table: Table) -> Caller:
        """The same client, for another service."""
        return evolve(self, table=table)

    def with_key(self, key: str | None) -> Caller:
        return evolve(self, key=key)

    async def request(self, method: str, url: str, **options: Any) -> Reply:
        name, value = self.table.key_header
        headers = {name: value.format(key=self.key)} if self.key is not None else {}
        headers |= options.pop("headers", {})
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False, **options
        ) as response:
            return Reply(response.status, response.headers, await response.read())

    async def submit(self, url: str, **changes: Any) -> Reply:
        body = {**self.table.body, **changes}
        return await self.request("POST", url + self.table.submit_path, json=body)

    async def poll(self, url: str, job_id: str) -> Reply:
        return await self.request("GET", url + self.table.poll_path.format(job_id=job_id))

    async def fetch(self, url: str, **headers: str) -> Reply:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.with_key(None).request("GET", url, headers=names)


@pytest.fixture
def body() -> dict[str, Any]:
    return json.loads(json.dumps(BODY))


@pytest.fixture
async def call() -> AsyncIterator[Caller]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        # aiohttp sends a GET whose connection broke again by itself; its own TestClient does this.
        session._retry_connection = False
        yield Caller(session)


@pytest.fixture
def arrival() -> Callable[[list[Any]], Any]:
    async def wait(records: list[Any]) -> None:
        """Until something is recorded; a list has no event to wait for."""
        with anyio.fail_after(10):
            while not records:  # noqa: ASYNC110
                await anyio.sleep(0.001)

    return wait


@define
class Clock:
    """A clock that moves when it is told to."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_job() -> Callable[..., SimulatedJob]:
    def make(*variants: str, **changes: Any) -> SimulatedJob:
        fields = {
            "id": "job-1",
            "number": 0,
            "body": BODY,
            "key": "key",
            "submitted_at": 0.0,
            "duration": 100.0,
            "queue": 0.2,
            "seed": 3183047765,
            "variants": frozenset(variants),
        }
        return SimulatedJob(**(fields | changes))

    return make
