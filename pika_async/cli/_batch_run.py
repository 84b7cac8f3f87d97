"""A batch as it runs: requests from a file, results to a report."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import asdict, frozen

from pika_async.cli._batch_progress import Progress
from pika_async.cli._batch_report import BatchReport
from pika_async.cli._batch_trail import BatchTrail
from pika_async.cli._clients import client_for
from pika_async.cli._prompts import PromptFile

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import anyio

    from pika_async import GenerationRequest

_SECONDS_BETWEEN_LINES: Final = 30.0
_LEARNING: Final = (
    "interrupted: waiting for the answers of submits under way, which tell whether there are more "
    "paid jobs (Ctrl-C again leaves at once)"
)


@frozen(kw_only=True)
class Settings:
    """What the batch is given as it is, by the names of its arguments."""

    journal: Path | None
    output_dir: Path | None
    max_in_flight: int
    timeout: float
    resubmit_uncertain: bool
    retry_failed: bool


@frozen(kw_only=True)
class BatchRun:
    """A batch that is about to begin."""

    prompts: PromptFile
    total: int
    settings: Settings
    report: BatchReport
    trail: BatchTrail

    async def __call__(self, scope: anyio.CancelScope) -> None:
        """Run it; what is cancelled by ``scope`` leaves jobs that run on."""
        from pika_async import Batch  # noqa: PLC0415 - see _clients

        report, trail = self.report, self.trail
        progress = Progress(total=self.total, now=time.monotonic)
        # From the places of requests to the lines from which they come.
        numbers: dict[int, int] = {}
        with closing(self._requests(numbers, progress)) as requests:
            async with client_for(trail) as client:
                batch = Batch(
                    client, requests, on_transition=progress.transition, **asdict(self.settings)
                )
                async with batch:
                    progress.batch = batch
                    trail.progress = progress
                    report.begins(self.total, self.settings.max_in_flight, self.settings.journal)
                    with scope, report.live(), _lines_of_progress(report):
                        async for result in batch:
                            progress.result(result)
                            report.result(result, numbers.pop(result.index))
                    if scope.cancelled_caught and progress.submitting and not trail.simulated:
                        report.note(_LEARNING)

    def _requests(
        self, numbers: dict[int, int], progress: Progress
    ) -> Generator[GenerationRequest]:
        """The requests, from a second reading of the file.

        What it has more by now has not been checked, and waits for the next run; what cannot be
        used any more, an image that has gone, fails by itself.
        """
        index = 0
        with closing(self.prompts.lines()) as lines:
            for line in islice(lines, self.total):
                if line.request is None:
                    progress.unusable += 1
                    why = f"changed since it was checked: {line.problem}"
                    self.report.unusable(line.number, why)
                    continue
                numbers[index] = line.number
                index += 1
                yield line.request


@contextmanager
def _lines_of_progress(report: BatchReport) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    later: asyncio.TimerHandle | None = None

    def wait() -> None:
        nonlocal later
        later = loop.call_later(_SECONDS_BETWEEN_LINES, progressed)

    def progressed() -> None:
        report.progressed()
        wait()

    wait()
    try:
        yield
    finally:
        if later is not None:
            later.cancel()
