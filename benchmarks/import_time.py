"""Import time of pika_async against aiohttp's, each in fresh interpreters, alternating.

python -m benchmarks.import_time [--rounds 15]
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.rig.clients import alternating
from benchmarks.rig.command import command
from benchmarks.rig.rows import Row, compared

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = {"rounds": 5}

STATEMENTS = {
    "aiohttp": "import aiohttp",
    "pika_async": "import pika_async",
    "the client in use": "from pika_async import PikaClient",
}

TIMED = "import time; begun = time.perf_counter(); {}; print(time.perf_counter() - begun)"


def measure(statement: str) -> float:
    """Milliseconds."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(statement)], capture_output=True, text=True, check=True
    )
    return 1000 * float(done.stdout)


def run(*, rounds: int = 15) -> list[Row]:
    measures = {name: partial(measure, statement) for name, statement in STATEMENTS.items()}
    figures = alternating(rounds, measures)
    return compared(figures, "ms", base="aiohttp", targets={"pika_async": "import"})


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
