"""The fixtures. Until a test asks for one, nothing but pytest is imported."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pika_async import PikaClient
    from pika_async.simulator import Simulator


@pytest.fixture
def pika_simulator() -> Iterator[Simulator]:
    """A running Simulator, for synchronous and asynchronous tests alike.

    A job is queued at its first poll and finished at its second. Change it as the test needs:
    `pika_simulator.faults.append(Fault("502-html"))`, `pika_simulator.duration = Polls(5)`.
    """
    yield from _running("gateway")


@pytest.fixture
def pika_client(pika_simulator: Simulator) -> PikaClient:
    """A client of `pika_simulator`, to be opened with `async with pika_client as client:`.

    It polls fast and gives up fast: a test in which all goes wrong takes a second, and no minutes.
    """
    from pika_async import FixedPolling, PikaClient, RetryPolicy  # noqa: PLC0415

    return PikaClient(
        "test-key",
        base_url=pika_simulator.url,
        dialect=pika_simulator.dialect,
        polling=FixedPolling(0.01),
        retry=RetryPolicy(attempts=3, initial=0.01, maximum=0.1, outage_budget=1.0, appearance=0.5),
        request_timeout=5.0,
    )


@pytest.fixture
def pika_simulator_for() -> Iterator[Callable[[str], Simulator]]:
    """Makes a running Simulator of a service: `pika_simulator_for("fal")`.

    Its `dialect` is the one that the client needs:
    `PikaClient("key", base_url=simulator.url, dialect=simulator.dialect)`.
    """
    with ExitStack() as running:

        def start(service: str) -> Simulator:
            return running.enter_context(contextmanager(_running)(service))

        yield start


def _running(service: str) -> Iterator[Simulator]:
    # Here and not above: plugins are imported by every pytest run of whoever has this package.
    from pika_async.simulator import Polls, Simulator  # noqa: PLC0415

    with Simulator(service=service, duration=Polls(2)) as simulator:
        yield simulator
