"""The fixtures. Until a test asks for one, nothing but pytest is imported."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pika_async.simulator import Simulator


@pytest.fixture
def pika_simulator() -> Iterator[Simulator]:
    """A running Simulator, for synchronous and asynchronous tests alike.

    A job is queued at its first poll and finished at its second. Change it as the test needs:
    `pika_simulator.faults.append(Fault("502-html"))`, `pika_simulator.duration = Polls(5)`.
    """
    yield from _running("gateway")


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
