"""What workflows of a campaign tell each other, where the other one may have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.exceptions import FailureError

if TYPE_CHECKING:
    from collections.abc import Awaitable


async def heard(telling: Awaitable[None]) -> bool:
    """Whether a signal has reached somebody; one whose receiver has ended has not."""
    try:
        await telling
    except FailureError:
        return False
    return True
