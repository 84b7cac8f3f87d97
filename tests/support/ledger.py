"""What the service knows of a campaign, held against what the campaign says."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import Factory, define
from temporalio.api.enums.v1 import EventType

from pika_async import GenerationRequest
from pika_async.simulator import Simulator
from pika_async.temporal import Declined, Finished, Uncertain

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

    from temporalio.client import Client

    from pika_async.temporal import Campaign

_LINE = re.compile(r"a red panda (\d+)")


def pandas(count: int, first: int = 0) -> list[GenerationRequest]:
    """Requests that a job at the service can be told by."""
    return [GenerationRequest(f"a red panda {number:05}") for number in range(first, first + count)]


def line_of(job: Any) -> int:
    """The number of the request that a job is of."""
    found = _LINE.search(str(job.body))
    assert found is not None
    return int(found[1])


def most_at_once(jobs: Iterable[Any]) -> int:
    """The most of them that ran at any instant, by the service's own clock."""
    moments = [moment for job in jobs for moment in ((job.submitted_at, 1), (job.finished_at, -1))]
    running = most = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most


@define
class Ledger:
    """One service, and all that its campaigns say of their lines.

    Attributes:
        sim: The service.
        outcomes: By the number of the line; None where nobody has written one down.
    """

    sim: Simulator
    outcomes: dict[int, Any] = Factory(dict)

    async def read(self, results: AsyncIterable[Any], first: int = 0) -> None:
        """Take down the results of a campaign whose first line has this number."""
        async for result in results:
            self.outcomes[first + result.index] = result.outcome

    @property
    def twice(self) -> list[int]:
        """Lines that were paid for twice."""
        counted = Counter(map(line_of, self.sim.jobs.values()))
        return sorted(line for line, jobs in counted.items() if jobs > 1)

    @property
    def uncertain(self) -> set[int]:
        """Lines of which the campaign says that a job may exist."""
        return {line for line, it in self.outcomes.items() if isinstance(it, Uncertain)}

    @property
    def lost(self) -> list[str]:
        """Jobs at the service that no result names, and no uncertain line may account for."""
        return [
            job.id
            for job in self.sim.jobs.values()
            if job.id not in self.named and line_of(job) not in self.uncertain
        ]

    @property
    def named(self) -> dict[str, int]:
        """The jobs that results name, with their lines."""
        return {
            it.job_id: line
            for line, it in self.outcomes.items()
            if isinstance(it, Finished | Declined)
        }

    @property
    def wrong(self) -> list[int]:
        """Lines without an outcome, or whose job is not at the service, or is another line's."""
        jobs = {job.id: line_of(job) for job in self.sim.jobs.values()}
        mistaken = {line for job_id, line in self.named.items() if jobs.get(job_id) != line}
        return sorted(mistaken | {line for line, it in self.outcomes.items() if it is None})

    @property
    def counted(self) -> list[Any]:
        """The jobs that a campaign knows of, and so can count as in flight."""
        return [job for job in self.sim.jobs.values() if line_of(job) not in self.uncertain]


async def ends_of_submits(engine: Client, campaign: Campaign) -> Counter[str]:
    """How submits ended whose worker was lost, by what their records say.

    "adopted": the job was named; "leaving": it may have left; "nothing": it had not left.
    """
    ends: Counter[str] = Counter()
    state = await campaign.progress()
    for page in range(state.prompts):
        handle = engine.get_workflow_handle(f"{campaign.id}/page/{page:06}")
        try:
            history = await handle.fetch_history()
        except Exception:  # noqa: BLE001 - there is no such page
            break
        submits = {
            event.event_id
            for event in history.events
            if event.activity_task_scheduled_event_attributes.activity_type.name == "pika_submit"
        }
        for event in history.events:
            if event.event_type != EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
                continue
            attributes = event.activity_task_timed_out_event_attributes
            if attributes.scheduled_event_id not in submits:
                continue
            details = attributes.failure.timeout_failure_info.last_heartbeat_details.payloads
            data = details[0].data if details else b""
            ends["adopted" if b'"job_id"' in data else "leaving" if data else "nothing"] += 1
    return ends
