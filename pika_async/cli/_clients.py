"""The client of a command. Help and wrong arguments are answered without loading aiohttp."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pika_async import PikaClient
    from pika_async.cli._trail import Trail

_SIMULATED_SECONDS: Final = 6.0
# Seconds between two looks: the bar of a simulated job is seen to move.
_SIMULATED_INTERVAL: Final = 0.5


@asynccontextmanager
async def client_for(trail: Trail) -> AsyncIterator[PikaClient]:
    """An open client: of the service, or of a simulated one that lives as long as this.

    Raises:
        ConfigurationError: The key or the address cannot be used; nothing was sent.
    """
    from pika_async import PikaClient  # noqa: PLC0415 - see above

    if not trail.simulated:
        async with PikaClient(
            base_url=trail.base_url, allow_insecure=trail.allow_insecure
        ) as client:
            yield client
        return
    from pika_async import AdaptivePolling  # noqa: PLC0415 - see above
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
        PikaClient("simulated", base_url=simulator.url, polling=polling) as client,
    ):
        yield client
