"""A batch as it runs: requests from a file, results to whoever shows them."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import asdict, frozen

from pika_async.cli._prompts.file import PromptFile
from pika_async.cli._running.clients import client_for
from pika_async.cli._running.progress import Progress
from pika_async.cli._running.trail import BatchTrail
from pika_async.cli._showing.shown import Begins, Came, Note, StandsNow
from pika_async.cli._showing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import anyio

    from pika_async import GenerationRequest
    from pika_async.cli._showing.shown import Show

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
    show: Stage
    trail: BatchTrail

    async def __call__(self, scope: anyio.CancelScope) -> None:
        """Run it; what is cancelled by ``scope`` leaves jobs that run on."""
        from pika_async import Batch  # noqa: PLC0415 - see clients

        show, trail, settings = self.show, self.trail, self.settings
        progress = Progress(total=self.total, now=time.monotonic)
        # From the places of requests to the lines from which they come.
        numbers: dict[int, int] = {}
        with closing(self._requests(numbers, progress)) as requests:
            async with client_for(trail, show) as client:
                batch = Batch(
                    client, requests, on_transition=progress.transition, **asdict(settings)
                )
                async with batch:
                    progress.batch = batch
                    trail.progress = progress
                    show(
                        Begins(
                            total=self.total,
                            max_in_flight=settings.max_in_flight,
                            journal=settings.journal,
                        )
                    )
                    with scope, show.live(), _now_and_then(show):
                        async for result in batch:
                            progress.result(result)
                            show(Came(numbers.pop(result.index), result))
                    if scope.cancelled_caught and progress.submitting and not trail.simulated:
                        show(Note(_LEARNING))

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
                    self.show(Came(line.number, why))
                    continue
                numbers[index] = line.number
                index += 1
                yield line.request


@contextmanager
def _now_and_then(show: Show) -> Iterator[None]:
    """Show where the batch stands, again and again."""
    loop = asyncio.get_running_loop()
    later: asyncio.TimerHandle | None = None

    def wait() -> None:
        nonlocal later
        later = loop.call_later(_SECONDS_BETWEEN_LINES, stands)

    def stands() -> None:
        show(StandsNow())
        wait()

    wait()
    try:
        yield
    finally:
        if later is not None:
            later.cancel()
