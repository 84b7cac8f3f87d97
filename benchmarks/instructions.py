"""Instructions per request in place of time, which does not depend on who else uses the machine.

    python -m benchmarks.instructions [--jobs 2000] [--polled 100]

Needs valgrind (``apt-get install valgrind``): it counts what the client's process executes outside
the kernel, all its threads together. First instant jobs, 64 at once; then jobs that are polled
every two seconds until their twelfth poll. Counting begins when a few jobs have been run already,
so that neither the start nor what is loaded at the first use is counted.
"""

from __future__ import annotations

import importlib
import os
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

QUICK = {"jobs": 100, "at_once": 16, "polled": 0}

_FEW: Final = 20
_POLLS: Final = 12
_INTERVAL: Final = 2.0
# What a database does in the kernel is not counted.
_INSTANT: Final = {
    name: batch_throughput.CLIENTS[name] for name in ("loop", "batch", "batch with journal")
}
_UNIT: Final = "k instructions a request"
_COUNTING: Final = (
    *("valgrind", "--tool=callgrind", "--instr-atstart=no"),
    "--callgrind-out-file=/dev/null",
)
_SWITCHED: Final = ("callgrind_control", "-i")


def run(*, jobs: int = 2000, at_once: int = 64, polled: int = 100) -> list[Row]:
    """Zero leaves a part out."""
    if shutil.which("valgrind") is None:
        note = "not measured: valgrind is not installed (apt-get install valgrind)"
        return [Row("instructions", _UNIT, (), "throughput", note=note)]
    rows = []
    # Nothing here is hurried, so two at a time disturb nothing.
    with ThreadPoolExecutor(2) as pool:
        for kind, count, clients, number in (
            ("instant jobs", partial(instant, at_once=at_once), _INSTANT, jobs),
            (f"{_POLLS} polls", watched, batch_overhead.CLIENTS, polled),
        ):
            if number:
                counts = pool.map(partial(count, jobs=number), clients.values())
                figures = {name: [found] for name, found in zip(clients, counts, strict=True)}
                targets = {"batch": "throughput"} if clients is _INSTANT else None
                rows += compared(figures, _UNIT, targets=targets, about=f", {kind}")
    return rows


def instant(function: Callable[..., Any], jobs: int, at_once: int) -> float:
    """Thousands a request; each job is a submit and one poll."""
    return _counted(function, 1, jobs, at_once) / (2 * jobs * 1000)


def watched(function: Callable[..., Any], jobs: int) -> float:
    """Thousands a request."""
    return _counted(function, _POLLS, jobs, _INTERVAL) / ((1 + _POLLS) * jobs * 1000)


def _counted(function: Callable[..., Any], polls: int, jobs: int, option: float) -> int:
    """How many instructions so many jobs take."""
    with server(polls) as url, server(1) as instant_jobs:
        asked = (function.__module__, function.__name__, instant_jobs, url, jobs, option)
        done = subprocess.run(
            [*_COUNTING, *calling(warmed_up, *asked)], capture_output=True, text=True, check=False
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(done.stderr)
    return int(found[1])


async def warmed_up(  # noqa: PLR0917 - as it stands in a command
    module: str, name: str, instant_jobs: str, url: str, jobs: int, option: float
) -> None:
    """Run a few jobs, then so many that are counted, under valgrind."""
    function = getattr(importlib.import_module(module), name)
    await function(instant_jobs, _FEW, _FEW if module == batch_throughput.__name__ else 0.0)
    _count("on")
    await function(url, jobs, option)
    _count("off")


def _count(switched: str) -> None:
    subprocess.run([*_SWITCHED, switched, str(os.getpid())], check=True)


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
