"""Memory that is freed stays at hand, so that the next that needs as much does not wait for it.

asyncio reads from a socket into 256 KiB, and cuts off what did not come. glibc maps blocks of that
size afresh, and gives them back when they are freed: each answer costs three calls of the system
and two pages that are made anew, a twelfth of what a poll costs. It does so only until a larger
block has been freed. That is what it takes for the usual size from then on:
https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD.

Elsewhere, and where the user has set glibc's own variables, nothing comes of it.
"""

from __future__ import annotations

from functools import cache
from typing import Final

FOR_ANSWERS: Final = 512 * 1024
"""Bytes: more than asyncio reads at once."""


@cache
def keep_freed(size: int) -> None:
    """Let the process keep up to twice ``size`` bytes that are freed, from now on."""
    # Nothing touches the block, so it is never really there.
    bytes(size)
