"""Batches against the simulator."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from pika_async import FixedPolling, PikaClient, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async.simulator import Simulator

KEY = "sk-secret-0123456789"

_TURNS = 1000


def client_for(sim: Simulator, **options: Any) -> PikaClient:
    quick: dict[str, Any] = {
        "dialect": sim.dialect,
        "polling": FixedPolling(0),
        "retry": RetryPolicy(initial=0.0, maximum=0.0),
    }
    return PikaClient(KEY, base_url=sim.url, **(quick | options))


def prompts(count: int) -> list[str]:
    return [f"prompt {number}" for number in range(count)]


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop go on until something is so; a minute is for ever.

    It is looked at every turn of the loop to begin with, then every millisecond: what takes longer
    is done by other threads and processes, which the turns would keep from their work.
    """
    with anyio.fail_after(60):
        for turn in itertools.count():
            if condition():
                return
            await (anyio.lowlevel.checkpoint() if turn < _TURNS else anyio.sleep(0.001))
