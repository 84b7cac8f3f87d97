"""What arrived: one record for each request, to be counted and read by tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from pika_async.simulator._faults import Fault


@frozen(kw_only=True)
class Submission:
    """A request that asks for a job, whatever became of it."""

    at: float
    """When it arrived, in seconds of the simulator's clock."""
    body: dict[str, Any] | None
    """The JSON object that was sent; None when the body was something else."""
    headers: Mapping[str, str]
    """The request's headers; lookups ignore case."""
    job_id: str | None
    """The job that was created, also when the client was never told; None: none was."""
    fault: Fault | None
    """The fault this request met."""
    status: int | None
    """The HTTP status that was sent; None when the connection was dropped without one."""


@frozen(kw_only=True)
class Poll:
    """A look at a job."""

    at: float
    """When it arrived, in seconds of the simulator's clock."""
    job_id: str
    """The id that was asked for, whether or not there is such a job."""
    headers: Mapping[str, str]
    """The request's headers; lookups ignore case."""
    fault: Fault | None
    """The fault this request met."""
    status: int | None
    """The HTTP status that was sent; None when the connection was dropped without one."""


@frozen(kw_only=True)
class Download:
    """A request for a video, a poster or a thumbnail."""

    at: float
    """When it arrived, in seconds of the simulator's clock."""
    path: str
    """Path and query of the link."""
    headers: Mapping[str, str]
    """The request's headers; lookups ignore case."""
    range: str | None
    """The Range header as it was sent."""
    status: int | None
    """The HTTP status that was sent; None when the connection was dropped without one."""
    fault: Fault | None
    """The fault this request met."""


@frozen(kw_only=True)
class Stray:
    """A request where none should arrive: at the other origin, on a path that is no media file."""

    at: float
    """When it arrived, in seconds of the simulator's clock."""
    method: str
    """GET, POST, ..."""
    path: str
    """Path and query."""
    headers: Mapping[str, str]
    """The request's headers; lookups ignore case."""
