"""An event loop on which waiting takes no time: ten minutes pass in a millisecond."""

from __future__ import annotations

import asyncio
import functools
import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class VirtualLoop(asyncio.SelectorEventLoop):
    """Where others sleep until the next timer, this one moves its clock there."""

    def __init__(self) -> None:
        self.moment = 1000.0
        super().__init__(_LeapingSelector(self))

    def time(self) -> float:
        return self.moment


class _LeapingSelector(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everyone waits, and nothing is left that could wake anyone")
        self._loop.moment += max(timeout, 0.0)
        return super().select(0)


def in_virtual_time(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Run an async test on a loop of its own whose clock leaps."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))
            left = asyncio.all_tasks(runner.get_loop())
        assert not left, f"tasks left behind: {left}"

    return run


def now() -> float:
    """The running loop's clock, virtual or not."""
    return asyncio.get_running_loop().time()
