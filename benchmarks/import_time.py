"""Import time of pika_async against aiohttp's, each in fresh interpreters, alternating.

python -m benchmarks.import_time [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

STATEMENTS = {
    "import aiohttp": "import aiohttp",
    "import pika_async": "import pika_async",
    "the client in use": "from pika_async import PikaClient",
}

TIMED = "import time; begun = time.perf_counter(); {}; print(time.perf_counter() - begun)"


def measure(statement: str) -> float:
    """Milliseconds."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(statement)], capture_output=True, text=True, check=True
    )
    return 1000 * float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(rounds):
        for name, statement in STATEMENTS.items():
            times[name].append(measure(statement))
    base = statistics.median(times["import aiohttp"])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:>18}: {median:6.1f} ms, {median / base:.2f} × aiohttp")


if __name__ == "__main__":
    main()
