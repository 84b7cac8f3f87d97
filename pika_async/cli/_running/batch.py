"""A batch as it runs: requests from a file, results to whoever shows them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from pika_async.cli._prompts.file import PromptFile
from pika_async.cli._running.clients import client_for
from pika_async.cli._running.plan import Fate, Plan
from pika_async.cli._running.progress import Progress
from pika_async.cli._running.run import repeating
from pika_async.cli._running.table import ResultsTable
from pika_async.cli._running.trail import BatchTrail
from pika_async.cli._showing.shown import Begins, Came, Note, StandsNow
from pika_async.cli._showing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Generator

    import anyio

    from pika_async import GenerationRequest

_SECONDS_BETWEEN_LINES: Final = 30.0
_LEARNING: Final = (
    "interrupted: waiting for the answers of submits under way, which tell whether there are more "
    "paid jobs (Ctrl-C again leaves at once)"
)


@frozen(kw_only=True)
class BatchRun:
    """A batch that is about to begin."""

    prompts: PromptFile
    plan: Plan
    table: ResultsTable
    settings: Mapping[str, Any]
    """What the batch is given as it is, by the names of its arguments."""
    show: Stage
    trail: BatchTrail

    async def __call__(self, scope: anyio.CancelScope) -> None:
        """Run it; what is cancelled by ``scope`` leaves jobs that run on."""
        from pika_async import Batch  # noqa: PLC0415 - see clients
        from pika_async._batch.batch import bound_submits  # noqa: PLC0415 - see clients

        show, trail, settings = self.show, self.trail, self.settings
        total = len(self.plan.fates) - self.plan.count(Fate.LEFT)
        progress = Progress(total=total, now=time.monotonic)
        # By the index of a request: its line in the file, and its row in the table.
        numbers: dict[int, tuple[int, int]] = {}
        with closing(self._requests(numbers, progress)) as requests:
            async with client_for(trail, show) as client:
                batch = Batch(client, requests, on_transition=progress.transition, **settings)
                if trail.limit is not None:
                    # The file may have changed since, and a job may turn out to be unknown.
                    bound_submits(batch, trail.limit, self.plan.perhaps)
                async with batch:
                    progress.batch = batch
                    self.table.running = lambda: {
                        numbers[index][1]: job_id for index, job_id in batch.in_flight.items()
                    }
                    trail.progress = progress
                    show(
                        Begins(
                            total=total,
                            max_in_flight=settings["max_in_flight"],
                            saved_in=trail.saved_in,
                            journal=settings["journal"],
                        )
                    )
                    with (
                        scope,
                        show.live(),
                        self.table.kept(),
                        repeating(partial(show, StandsNow()), _SECONDS_BETWEEN_LINES),
                    ):
                        async for result in batch:
                            progress.result(result)
                            line, row = numbers.pop(result.index)
                            self.table.came(row, result)
                            show(Came(line, result))
                    if scope.cancelled_caught and progress.submitting and not trail.simulated:
                        show(Note(_LEARNING))

    def _requests(
        self, numbers: dict[int, tuple[int, int]], progress: Progress
    ) -> Generator[GenerationRequest]:
        """The requests, from a second reading of the file.

        What it has more by now has not been checked, and waits for the next run; what cannot be
        used any more, an image that has gone, fails by itself.
        """
        index = 0
        with closing(self.prompts.lines()) as lines:
            for row, (fate, line) in enumerate(zip(self.plan.fates, lines, strict=False)):
                if fate == Fate.LEFT:
                    continue
                if line.request is None:
                    progress.unusable += 1
                    why = f"changed since it was checked: {line.problem}"
                    self.table.came(row, why)
                    self.show(Came(line.number, why))
                    continue
                numbers[index] = line.number, row
                index += 1
                yield line.request
