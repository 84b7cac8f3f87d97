"""What stands beside the queue: files, the history of requests, prices and the balance."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from attrs import define, field

from pika_async.simulator._jobs import Polls
from pika_async.simulator._services._service import Reply

if TYPE_CHECKING:
    from pika_async.simulator._jobs import SimulatedJob
    from pika_async.simulator._services._service import Arrived, World

BALANCE: Final = 24.5
_BY_SECOND: Final = 0.04
_BY_REQUEST: Final = 0.465
_LATE: Final = 2
"""How many looks do not find a job yet that is late in the history."""


@define
class Platform:
    """Remembers what was made with which endpoint, and which files came up."""

    files: dict[str, bytes] = field(factory=dict)
    """What was uploaded, by its path."""
    _made: dict[str, tuple[str, datetime]] = field(factory=dict)
    _looks: int = 0

    def note(self, job: SimulatedJob, endpoint: str) -> None:
        """A job was made."""
        self._made[job.id] = (endpoint, datetime.fromtimestamp(time.time(), UTC))

    def endpoint_of(self, job: SimulatedJob) -> str:
        """With which endpoint a job was made."""
        return self._made[job.id][0]

    def initiate(self, arrived: Arrived, world: World) -> Reply:
        """Say where a file goes, and where it will lie."""
        name = (arrived.json or {}).get("file_name", "file")
        path = f"/files/{len(self.files)}/{name}"
        self.files[path] = b""
        url = f"{world.media_origin}{path}"
        return Reply(200, {"upload_url": f"{url}?signature=1", "file_url": url})

    def put(self, arrived: Arrived, _: World) -> Reply:
        """Keep a file; whoever brings a key along is refused, as storage hosts do."""
        if "Authorization" in arrived.headers:
            return Reply(400)
        self.files[arrived.path] = arrived.body
        return Reply(200)

    def history(self, key: str, arrived: Arrived, world: World) -> Reply:
        """The requests of one endpoint by one key, some at a time."""
        self._looks += 1
        query = {name: values[0] for name, values in parse_qs(arrived.query).items()}
        rows = [
            row
            for job in world.jobs.values()
            if job.key == key and self._is_listed(job, world)
            for row in self._rows(job, query)
        ]
        first = int(query.get("cursor", "0"))
        last = first + int(query.get("limit", "50"))
        more = last < len(rows)
        return Reply(
            200,
            {
                "items": rows[first:last],
                "next_cursor": str(last) if more else None,
                "has_more": more,
            },
        )

    def _is_listed(self, job: SimulatedJob, world: World) -> bool:
        if job.id not in self._made or ("history-late" in job.variants and self._looks <= _LATE):
            return False
        return is_started(job, world.clock())

    def _rows(self, job: SimulatedJob, query: dict[str, str]) -> list[dict[str, Any]]:
        endpoint, sent_at = self._made[job.id]
        start, end = (_moment(query.get(name)) for name in ("start", "end"))
        if query.get("endpoint_id") != endpoint or not (
            (start is None or start <= sent_at) and (end is None or sent_at < end)
        ):
            return []
        told = query.get("expand") == "payloads" and "history-without-payload" not in job.variants
        row = {
            "request_id": job.id,
            "endpoint_id": endpoint,
            "sent_at": sent_at.isoformat(),
            "started_at": (sent_at + timedelta(seconds=1)).isoformat(),
            "json_input": dict(job.body) if told else None,
            "json_output": None,
        }
        equal = {**row, "request_id": str(uuid.uuid5(uuid.NAMESPACE_URL, job.id))}
        return [row, equal] if "history-twice" in job.variants else [row]

    def prices(self, arrived: Arrived, _: World) -> Reply:
        """What the endpoint costs that is asked about."""
        endpoint = parse_qs(arrived.query).get("endpoint_id", [""])[0]
        by_second = endpoint.rpartition("/")[2] not in ("pikaffects", "pikadditions", "pikaswaps")
        price = {
            "endpoint_id": endpoint,
            "unit_price": _BY_SECOND if by_second else _BY_REQUEST,
            "unit": "second" if by_second else "request",
            "currency": "USD",
        }
        return Reply(200, {"prices": [price], "next_cursor": None, "has_more": False})

    def balance(self, _: Arrived, __: World) -> Reply:
        """What is left."""
        return Reply(200, {"credits": {"current_balance": BALANCE, "currency": "USD"}})


def is_started(job: SimulatedJob, now: float) -> bool:
    """Whether a job has left the queue; one whose life is counted in polls leaves it at once."""
    if isinstance(job.duration, Polls):
        return True
    return now - job.submitted_at >= job.queue * job.duration


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
