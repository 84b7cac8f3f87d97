"""The client of a command. Help and wrong arguments are answered without loading aiohttp."""

from __future__ import annotations

import os
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pika_async._wire.endpoint import endpoint
from pika_async._wire.proxies import Proxies
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.journals import SIMULATED_PATH
from pika_async.cli._running.services import dialect_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pika_async import Event, PikaClient
    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Show

_SIMULATED_SECONDS: Final = 6.0
# Seconds between two looks: so often that the bar of a simulated job moves.
_SIMULATED_INTERVAL: Final = 0.5


def has_key(service: str) -> bool:
    """Whether the environment has a key for this service.

    Raises:
        UsageError: There is no such service.
    """
    return any(
        all(os.environ.get(name, "").strip() for name in names)
        for names in dialect_of(service).key_variables
    )


def check_key(service: str, *, instead: str = "") -> None:
    """Refuse to begin without a key for this service.

    Raises:
        UsageError: There is none, or no such service.
    """
    if not has_key(service):
        variables = dialect_of(service).key_variables
        named = " or ".join(" with ".join(names) for names in variables)
        whose = f"for the service {service!r}"
        raise UsageError(f"there is no API key {whose}: set {named} in the environment{instead}.")


def check_way(trail: Trail) -> None:
    """Refuse what would keep every request of a command from leaving. Sends nothing.

    A simulated service is always reached.

    Raises:
        UsageError: There is no key, or no such service.
        ConfigurationError: The key, the address or the proxy cannot be used.
    """
    if trail.simulated:
        return
    check_key(trail.service, instead=", or add --simulate to try it without paying")
    dialect = dialect_of(trail.service)
    place = endpoint(
        api_key=None,
        base_url=trail.base_url,
        environment=os.environ,
        dialect=dialect,
        allow_insecure=trail.allow_insecure,
    )
    for host in (place.base_url, *place.hosts.values()):
        parts = urlsplit(host)
        Proxies(trust_env=True).of(parts.scheme, parts.hostname or "")


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
        async with _simulated(trail.service, ear) as client:
            yield client
    else:
        async with PikaClient(
            base_url=trail.base_url,
            dialect=dialect_of(trail.service),
            allow_insecure=trail.allow_insecure,
            observer=ear,
        ) as client:
            yield client
    if ear.problem is not None:
        raise ear.problem


@asynccontextmanager
async def _simulated(service: str, ear: Ear) -> AsyncIterator[PikaClient]:
    from pika_async import AdaptivePolling, PikaClient  # noqa: PLC0415 - see above
    from pika_async.simulator import Simulator  # noqa: PLC0415 - see above

    # A new seed each time makes new ids, by which files are named.
    seed = secrets.randbits(32)
    polling = AdaptivePolling(
        expected=_SIMULATED_SECONDS,
        min_interval=_SIMULATED_INTERVAL,
        max_interval=_SIMULATED_INTERVAL,
    )
    async with (
        Simulator(
            service=service,
            duration=_SIMULATED_SECONDS,
            prefix=SIMULATED_PATH,
            seed=seed,
            record=False,
        ) as simulator,
        PikaClient(
            "simulated",
            base_url=simulator.url,
            dialect=simulator.dialect,
            polling=polling,
            observer=ear,
        ) as client,
    ):
        yield client
