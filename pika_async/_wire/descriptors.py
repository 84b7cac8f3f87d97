"""How many connections a client may have, of all that its process may have open at once.

Every connection and every open file takes one file descriptor of the process, and a process has
only so many: 256 on a Mac, 1,024 on most Linux machines, unless somebody has allowed more
(``ulimit -n``). Where none is left, everything breaks: no video can be written, no journal opened,
not even a module imported. So a client leaves an eighth of them to the rest of its process, for
videos, journals and whatever else is open.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

# Of all descriptors. Polls are many and short; a submit keeps its connection for seconds.
_FOR_POLLS: Final = 2
_FOR_SUBMITS: Final = 4
# Prices and histories, addresses of uploads and their bytes may lie at a machine each, and a
# connection to each is kept for the next one.
_ASIDE: Final = 32


@frozen
class Connections:
    """The most connections at once; None: no bound is known."""

    for_polls: int | None
    for_submits: int | None
    aside: int | None
    """For all else, to each machine that it takes."""


def connections() -> Connections:
    """As many as the process leaves to a client today."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return shares(None)
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return shares(None if descriptors == resource.RLIM_INFINITY else descriptors)


def shares(descriptors: int | None) -> Connections:
    """The shares of so many descriptors; None: any number."""
    if descriptors is None:
        return Connections(None, None, None)
    return Connections(
        *(max(1, descriptors // share) for share in (_FOR_POLLS, _FOR_SUBMITS, _ASIDE))
    )
