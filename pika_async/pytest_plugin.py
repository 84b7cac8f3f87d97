"""The fixture `pika_simulator`. Until a test asks for it, nothing but pytest is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async.simulator import Simulator


@pytest.fixture
def pika_simulator() -> Iterator[Simulator]:
    """A running Simulator, for synchronous and asynchronous tests alike.

    A job is queued at its first poll and finished at its second. Change it as the test needs:
    `pika_simulator.faults.append(Fault("502-html"))`, `pika_simulator.duration = Polls(5)`.
    """
    # Here and not above: plugins are imported by every pytest run of whoever has this package.
    from pika_async.simulator import Polls, Simulator  # noqa: PLC0415

    with Simulator(duration=Polls(2)) as simulator:
        yield simulator
