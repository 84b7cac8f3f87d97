"""Run the benchmarks and write what they came to: a table, a file for machines, and plots.

    python -m benchmarks [--quick] [--only NAME ...] [--list] [--results FOLDER]

Everything is written to benchmarks/results: RESULTS.md, results.json and the plots, which need
matplotlib (``pip install pika-async[bench]``, as the comparison with other SDKs does). With
--quick everything is small and a rough look only, and goes to benchmarks/results/quick. With
--only, what was measured before of the others stays. Each benchmark runs alone too, and takes
more options then: ``python -m benchmarks.NAME --help``.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rig.results import Measurement, Results
from benchmarks.rig.rows import Row, show

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results"

# The cheap ones first: what is wrong shows early.
NAMES = (
    "import_time",
    "schedule",
    "download",
    "latency",
    "overhead",
    "batch_throughput",
    "rate_limited",
    "batch_overhead",
    "equal_delay",
    "telemetry",
    "instructions",
    "memory",
    "visitors",
    "peers",
    "campaign",
)


def available() -> list[str]:
    """The benchmarks that are there, in the order in which they run."""
    return [name for name in NAMES if find_spec(f"benchmarks.{name}")]


def summary(name: str) -> str:
    module = importlib.import_module(f"benchmarks.{name}")
    return (module.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def measure(name: str, *, quick: bool) -> Measurement:
    module = importlib.import_module(f"benchmarks.{name}")
    begun = time.perf_counter()
    found = module.run(**(getattr(module, "QUICK", {}) if quick else {}))
    # A benchmark may draw more than it tells in figures.
    rows = [row for row in found or () if isinstance(row, Row)]
    return Measurement.now(rows, quick=quick, seconds=time.perf_counter() - begun)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a rough look, in a few minutes")
    parser.add_argument("--only", nargs="+", choices=available(), metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and stop")
    parser.add_argument("--results", type=Path, metavar="FOLDER")
    given = parser.parse_args(argv)
    if given.list:
        for name in available():
            print(f"{name:>16}  {summary(name)}")
        return 0
    folder = given.results or (RESULTS / "quick" if given.quick else RESULTS)
    return run_all(given.only or available(), folder, quick=given.quick, anew=not given.only)


def run_all(names: Sequence[str], folder: Path, *, quick: bool, anew: bool) -> int:
    """Write after each, so that an interruption loses one; how many went wrong."""
    results = Results(folder) if anew else Results.read(folder)
    failed = 0
    for name in names:
        print(f"\n== {name}: {summary(name)}", flush=True)
        try:
            measurement = measure(name, quick=quick)
        except Exception:  # noqa: BLE001 - the others are still to be measured
            traceback.print_exc()
            failed += 1
            continue
        show(measurement.rows)
        print(f"   in {measurement.seconds:.0f} s", flush=True)
        results.measured[name] = measurement
        results.write()
    print(f"\nwritten to {folder}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
