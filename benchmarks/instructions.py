"""Instructions per request in place of time, which does not depend on who else uses the machine.

    python -m benchmarks.instructions [--jobs 500] [--polled 200]

Needs valgrind (``apt-get install valgrind``): it counts what the client's process executes outside
the kernel. First instant jobs, 64 at once; then jobs that are polled every two seconds until their
twelfth poll. What it takes to start and to stop is left out: it is the difference of two runs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from benchmarks import batch_overhead, batch_throughput
from benchmarks.rig.command import command
from benchmarks.rig.processes import calling
from benchmarks.rig.rows import Row, compared
from benchmarks.rig.server import server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

QUICK = {"jobs": 200, "polled": 40}

_AT_ONCE: Final = 64
_FEW: Final = 20
_POLLS: Final = 12
_INTERVAL: Final = 2.0
# What a database does in the kernel is not counted.
_INSTANT: Final = {
    name: batch_throughput.CLIENTS[name] for name in ("loop", "batch", "batch with journal")
}
_UNIT: Final = "k instructions a request"


def run(*, jobs: int = 500, polled: int = 200) -> list[Row]:
    if shutil.which("valgrind") is None:
        return [Row("instructions", _UNIT, (), note="valgrind is not installed")]
    rows = []
    # Nothing here is hurried, so two at a time disturb nothing.
    with ThreadPoolExecutor(2) as pool:
        for kind, count, clients, number in (
            ("instant jobs", instant, _INSTANT, jobs),
            (f"{_POLLS} polls", watched, batch_overhead.CLIENTS, polled),
        ):
            counts = pool.map(partial(count, jobs=number), clients.values())
            figures = {name: [found] for name, found in zip(clients, counts, strict=True)}
            targets = {"batch": "throughput"} if count is instant else None
            rows += compared(figures, _UNIT, targets=targets, about=f", {kind}")
    return rows


def instant(function: Callable[..., Any], jobs: int) -> float:
    """Thousands a request; each job is a submit and one poll."""
    return _more(function, 1, jobs, _AT_ONCE) / (2 * jobs * 1000)


def watched(function: Callable[..., Any], jobs: int) -> float:
    """Thousands a request."""
    return _more(function, _POLLS, jobs, _INTERVAL) / ((1 + _POLLS) * jobs * 1000)


def _more(function: Callable[..., Any], polls: int, jobs: int, option: float) -> int:
    """How many instructions so many jobs take more than a few do."""
    counts = []
    for number in (_FEW, _FEW + jobs):
        with server(polls) as url:
            counts.append(_counted(function, url, number, option))
    return counts[1] - counts[0]


def _counted(function: Callable[..., Any], *arguments: Any) -> int:
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*valgrind, *calling(function, *arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1])


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
