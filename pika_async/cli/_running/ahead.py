"""How much longer a job may take: asked of the policy, again and again."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import anyio

from pika_async import AdaptivePolling, Running
from pika_async.cli._showing.shown import Expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pika_async import Estimate, Job, Observation, PikaClient
    from pika_async.cli._showing.shown import Show

# Seconds within which an answer that changed nothing is taken into account: no transition tells.
_INTERVAL: Final = 0.5


@contextmanager
def looking_ahead(client: PikaClient, job: Job, show: Show) -> Iterator[Callable[[], None]]:
    """Keep the estimate that is shown fresh; what it yields does so at once.

    Readers never ask by themselves: a line that moves is drawn by another thread, and policies
    belong to the event loop. A policy that learns nothing estimates nothing.
    """
    polling = client.polling
    if not isinstance(polling, AdaptivePolling):
        yield lambda: None
        return

    def look() -> None:
        observation = job.observation
        show(Expected(_estimate(polling, observation), observation.elapsed))

    async def keep_looking() -> None:
        while True:
            look()
            await anyio.sleep(_INTERVAL)

    # No task group: it would wrap the errors of the waiting.
    looking = asyncio.create_task(keep_looking())
    try:
        yield look
    finally:
        looking.cancel()


def _estimate(polling: AdaptivePolling, observation: Observation) -> Estimate | None:
    state = observation.state
    # A job nobody has looked at may have ended long ago.
    if state is None or state.is_terminal:
        return None
    estimate = polling.estimate(observation)
    # Of a re-attached job the age is not known: its percentage says more than a guess without.
    seen_to_move = isinstance(state, Running) and bool(state.progress)
    guessed = estimate.basis == "assumed" and observation.request is None
    return None if guessed and seen_to_move else estimate
