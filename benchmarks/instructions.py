"""Instructions per request in place of time, which does not depend on who else uses the machine.

    python -m benchmarks.instructions [--jobs 2000] [--polled 50] [--timed 150]

Needs valgrind (``apt-get install valgrind``): it counts what the client's process executes outside
the kernel, all its threads together. First instant jobs, 64 at once; then jobs that are polled
every two seconds until their twelfth poll; then those of ``benchmarks.equal_delay``, with a median
of 30 s, 50 in flight. Counting begins when a few jobs have been run already, so that neither the
start nor what is loaded at the first use is counted.

At equal delay the loop and the batch run at the same time, the loop at twice the delay that is
usual for AdaptivePolling. Where the two delays differ in the end, the loop is given as many
requests as the delay of the batch takes: two, and the rest of them in inverse proportion.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from benchmarks import batch_overhead, batch_throughput, equal_delay
from benchmarks.rig.command import command
from benchmarks.rig.processes import calling
from benchmarks.rig.rows import Row, compared
from benchmarks.rig.server import NEVER, mean_delay, requests_answered, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

QUICK = {"jobs": 100, "at_once": 16, "polled": 0, "timed": 0}

_FEW: Final = 20
_POLLS: Final = 12
_INTERVAL: Final = 2.0
_MEDIAN: Final = 30.0
_IN_FLIGHT: Final = 50
# The mean delay of AdaptivePolling, as a share of the median.
_USUAL_DELAY: Final = 0.02
# A job takes so many however seldom it is looked at: the submit, and the last look.
_SURE_REQUESTS: Final = 2
# What a database does in the kernel is not counted.
_INSTANT: Final = {
    name: batch_throughput.CLIENTS[name] for name in ("loop", "batch", "batch with journal")
}
# Each with what it is paced by: an interval, or the median of the jobs.
_TIMED: Final = (
    (equal_delay.loop_by_hand, 2.0 * _USUAL_DELAY * _MEDIAN),
    (equal_delay.pika_async_batch, _MEDIAN),
)
_UNIT: Final = "k instructions a request"
_COUNTING: Final = (
    *("valgrind", "--tool=callgrind", "--instr-atstart=no"),
    "--callgrind-out-file=/dev/null",
)
_SWITCHED: Final = ("callgrind_control", "-i")


@frozen
class Counted:
    """What some jobs took."""

    instructions: int
    requests: int
    delay: float
    """Seconds from the end of a job to the look that saw it; 0 for jobs that end at a poll."""

    @property
    def thousands_a_request(self) -> float:
        return self.instructions / self.requests / 1000


def run(*, jobs: int = 2000, at_once: int = 64, polled: int = 50, timed: int = 150) -> list[Row]:
    """Zero leaves a part out."""
    if shutil.which("valgrind") is None:
        note = "not measured: valgrind is not installed (apt-get install valgrind)"
        return [Row("instructions", _UNIT, (), "throughput", note=note)]
    rows = []
    # Nothing here is hurried, so two at a time disturb nothing.
    with ThreadPoolExecutor(2) as pool:
        if jobs:
            counts = pool.map(lambda each: instant(each, jobs, at_once), _INSTANT.values())
            rows += _compared(_INSTANT, counts, "throughput", ", instant jobs")
        if polled:
            clients = batch_overhead.CLIENTS
            counts = pool.map(lambda each: watched(each, polled), clients.values())
            rows += _compared(clients, counts, None, f", {_POLLS} polls")
        if timed:
            the_loop, the_batch = pool.map(lambda each: at_a_delay(each, timed), _TIMED)
            rows += at_equal_delay(the_loop, the_batch, timed)
    return rows


def _compared(
    names: Iterable[str], counts: Iterable[Counted], target: str | None, about: str
) -> list[Row]:
    figures = {name: [found.thousands_a_request] for name, found in zip(names, counts, strict=True)}
    targets = {"batch": target} if target else None
    return compared(figures, _UNIT, targets=targets, about=about)


def instant(function: Callable[..., Any], jobs: int, at_once: int) -> Counted:
    """Each job is a submit and one poll."""
    return counted(function, [_FEW, _FEW], [jobs, at_once], polls=1)


def watched(function: Callable[..., Any], jobs: int) -> Counted:
    """Each job is looked at so many times."""
    return counted(function, [_FEW, 0.0], [jobs, _INTERVAL], polls=_POLLS)


def at_a_delay(timed: tuple[Callable[..., Any], float], jobs: int) -> Counted:
    """Each job ends when its time has come."""
    function, paced_by = timed
    return counted(
        function,
        [_FEW, _FEW, 0.1],
        [jobs, _IN_FLIGHT, paced_by],
        seconds=_MEDIAN,
        sigma=equal_delay.SIGMA,
    )


def at_equal_delay(loop: Counted, batch: Counted, jobs: int) -> list[Row]:
    """The loop as it would be with the delay of the batch."""
    rest = (loop.requests / jobs - _SURE_REQUESTS) * loop.delay / batch.delay
    figures = {
        "loop": [loop.thousands_a_request * (_SURE_REQUESTS + rest)],
        "batch": [batch.instructions / jobs / 1000],
    }
    targets, about = {"batch": "equal-delay-instructions"}, f", {jobs} jobs of {_MEDIAN:g} s"
    return [
        *compared(figures, "k instructions a job", targets=targets, about=about),
        *(
            Row(f"{name}{about}", unit, (figure,))
            for name, one in (("loop, as it ran", loop), ("batch", batch))
            for unit, figure in (
                ("s late", one.delay),
                ("requests a job", one.requests / jobs),
                (_UNIT, one.thousands_a_request),
            )
        ),
    ]


def counted(
    function: Callable[..., Any],
    few: Sequence[float],
    options: Sequence[float],
    *,
    polls: int = NEVER,
    seconds: float = 0.0,
    sigma: float = 0.0,
) -> Counted:
    """What ``function`` takes with some ``options``, once it has run a ``few`` jobs.

    ``polls``, ``seconds``, ``sigma``: when jobs end, see :func:`benchmarks.rig.server.server`.
    """
    with server(polls, seconds=seconds, sigma=sigma) as url, server(1) as instant_jobs:
        name = (function.__module__, function.__name__)
        done = subprocess.run(
            [*_COUNTING, *calling(warmed_up, *name, instant_jobs, few, url, options)],
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode or found is None:
            raise RuntimeError(done.stderr)
        delay = mean_delay(url) if seconds else 0.0
        return Counted(int(found[1]), requests_answered(url), delay)


async def warmed_up(  # noqa: PLR0917 - as it stands in a command
    module: str,
    name: str,
    instant_jobs: str,
    few: Sequence[float],
    url: str,
    options: Sequence[float],
) -> None:
    """Run a few jobs, then those that are counted, under valgrind."""
    function = getattr(importlib.import_module(module), name)
    await function(instant_jobs, *few)
    _count("on")
    await function(url, *options)
    _count("off")


def _count(switched: str) -> None:
    subprocess.run([*_SWITCHED, switched, str(os.getpid())], check=True)


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
