"""Let glibc keep the memory that answers are read into, so that the next answer finds it ready.

asyncio reads from a socket into 256 KiB, and cuts off what did not come. glibc asks the system for
each block of that size, and gives it back when it is freed. That costs each answer three system
calls and two new pages: a twelfth of what a poll costs. But glibc adapts: once a larger block has
been freed, it keeps blocks up to that size for the next use:
https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD.

On other systems, and where the user has set glibc's own variables, this does nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Final

FOR_ANSWERS: Final = 512 * 1024
"""Bytes: more than asyncio reads at once."""


@cache
def keep_freed(size: int) -> None:
    """Let the process keep up to twice ``size`` bytes that are freed, from now on."""
    # Nothing writes to the block, so the system never provides its pages.
    bytes(size)
