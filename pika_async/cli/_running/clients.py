"""The client of a command. Help and wrong arguments are answered without loading aiohttp."""

from __future__ import annotations

import os
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from pika_async.cli._running.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pika_async import Event, PikaClient
    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Show

_KEY: Final = "PIKA_API_KEY"
_SIMULATED_SECONDS: Final = 6.0
# Seconds between two looks: the bar of a simulated job is seen to move.
_SIMULATED_INTERVAL: Final = 0.5


def check_key(*, instead: str = "") -> None:
    """Refuse to begin without a key.

    Raises:
        UsageError: There is none.
    """
    if not os.environ.get(_KEY, "").strip():
        raise UsageError(f"there is no API key: set {_KEY} in the environment{instead}.")


class Ear:
    """Hears the events of a client: the trail notes them, and what it does not keep is shown."""

    def __init__(self, trail: Trail, show: Show) -> None:
        self._trail = trail
        self._show = show
        self.problem: Exception | None = None
        """What went wrong here, which the library would only log."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
        try:
            if self._trail.hears(event):
                self._show(event)
        except Exception as error:
            self.problem = self.problem or error
            raise


@asynccontextmanager
async def client_for(trail: Trail, show: Show) -> AsyncIterator[PikaClient]:
    """An open client: of the service, or of a simulated one that lives as long as this.

    Raises:
        ConfigurationError: The key or the address cannot be used; nothing was sent.
    """
    from pika_async import PikaClient  # noqa: PLC0415 - see above

    ear = Ear(trail, show)
    if trail.simulated:
        async with _simulated(ear) as client:
            yield client
    else:
        async with PikaClient(
            base_url=trail.base_url, allow_insecure=trail.allow_insecure, observer=ear
        ) as client:
            yield client
    if ear.problem is not None:
        raise ear.problem


@asynccontextmanager
async def _simulated(ear: Ear) -> AsyncIterator[PikaClient]:
    from pika_async import AdaptivePolling, PikaClient  # noqa: PLC0415 - see above
    from pika_async.simulator import Simulator  # noqa: PLC0415 - see above

    # Another seed each time, for other ids: files are named by them.
    seed = secrets.randbits(32)
    polling = AdaptivePolling(
        expected=_SIMULATED_SECONDS,
        min_interval=_SIMULATED_INTERVAL,
        max_interval=_SIMULATED_INTERVAL,
    )
    async with (
        Simulator(duration=_SIMULATED_SECONDS, seed=seed, record=False) as simulator,
        PikaClient("simulated", base_url=simulator.url, polling=polling, observer=ear) as client,
    ):
        yield client
