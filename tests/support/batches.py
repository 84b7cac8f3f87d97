"""Batches against the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from pika_async import FixedPolling, PikaClient, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async.simulator import Simulator

KEY = "sk-secret-0123456789"


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
    """Let the event loop go on until something is so; a minute is for ever."""
    with anyio.fail_after(60):
        while not condition():
            await anyio.lowlevel.checkpoint()
