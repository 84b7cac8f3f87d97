"""Run the benchmarks and write what they came to: a table, a file for machines, and plots.

    python -m benchmarks [--quick] [--only NAME ...] [--list] [--results FOLDER]

Everything is written to benchmarks/results: RESULTS.md, results.json and the plots, of which
README.md shows one. It takes less than half an hour on two quiet cores. With --quick everything is
small and a rough look only, takes less than three minutes, and goes to benchmarks/results/quick.
With --only, what was measured before of the others stays.

What needs something that is not there is left out, and its row says how to get it: ``pip install
pika-async[bench]`` and ``apt-get install valgrind`` are all. Each benchmark runs alone too, and
takes more options then: ``python -m benchmarks.NAME --help``.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import sys
import time
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rig.results import Measurement, Results
from benchmarks.rig.rows import Row, not_installed, show

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
RESULTS = HERE / "results"

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
    """What it measures; it is not imported, since it may need what is not installed."""
    text = (HERE / f"{name}.py").read_text(encoding="utf-8")
    documented = ast.get_docstring(ast.parse(text)) or ""
    return documented.partition("\n\n")[0].replace("\n", " ")


def measure(name: str, folder: Path, *, quick: bool) -> Measurement:
    """Its rows; ``folder`` is where it draws, if it draws more than its rows tell."""
    begun = time.perf_counter()
    try:
        module = importlib.import_module(f"benchmarks.{name}")
        options = dict(module.QUICK) if quick else {}
        if "plot" in inspect.signature(module.run).parameters:
            options["plot"] = str(folder / f"{name}.png")
        rows = module.run(**options)
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package in {"pika_async", "benchmarks", ""}:
            raise
        rows = [Row(name, "", (), note=not_installed(package))]
    return Measurement.now(rows, quick=quick, seconds=time.perf_counter() - begun)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a rough look, in three minutes")
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
            measurement = measure(name, folder, quick=quick)
        except Exception:  # noqa: BLE001 - the others are still to be measured
            traceback.print_exc()
            failed += 1
            continue
        show(measurement.rows)
        print(f"   in {measurement.seconds:.0f} s", flush=True)
        results.measured[name] = measurement
        results.write()
    if results.measured:
        # A second each time, so at the end; the tables show the plots that are there.
        results.draw()
        results.write()
    seconds = sum(results.measured[name].seconds for name in names if name in results.measured)
    print(f"\nin {seconds:.0f} s; written to {folder}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
