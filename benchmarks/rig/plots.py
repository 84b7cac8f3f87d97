"""The plots of the results; nothing without matplotlib."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from benchmarks.rig.rows import number
from benchmarks.rig.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.rig.rows import Row

_DOTS_PER_INCH = 120
_OURS, _OTHERS, _BAD = "#0b6e4f", "#8a8f98", "#c0392b"
# Twice what is allowed is bad enough.
_WIDEST = 2.0
_LINES = {
    "pika_async": _OURS,
    "loop": "#222222",
    "fal-client": "#d35400",
    "openai": "#2471a3",
    "runwayml": "#884ea0",
}


def draw(measured: Mapping[str, Sequence[Row]], folder: Path) -> None:
    """Whatever can be drawn of what was measured."""
    if not find_spec("matplotlib"):
        print("no plots: matplotlib is not installed (pip install pika-async[bench])")
        return
    importlib.import_module("matplotlib").use("agg")
    rows = [row for one in measured.values() for row in one]
    if held := worst_of_each(rows):
        _save(_targets(held), folder / "targets.png")
    if "peers" in measured:
        _save(_peers(measured["peers"]), folder / "peers.png")
    if "memory" in measured:
        _save(_memory(measured["memory"]), folder / "memory.png")
        if curves := [row for row in measured["memory"] if row.unit == "MB"]:
            _save(_memory_as_it_goes(curves), folder / "memory_as_it_goes.png")


def _axes(width: float, height: float) -> Any:
    plots = importlib.import_module("matplotlib.pyplot")
    _, axes = plots.subplots(figsize=(width, height), layout="constrained")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return axes


def _save(axes: Any, file: Path) -> None:
    # Without the version that drew it: a plot that did not change stays the same file.
    axes.figure.savefig(file, dpi=_DOTS_PER_INCH, metadata={"Software": None})
    importlib.import_module("matplotlib.pyplot").close(axes.figure)


def worst_of_each(rows: Sequence[Row]) -> list[Row]:
    """One row for each target with a bound: the worst of those that are held against it."""
    found: dict[str, Row] = {}
    for row in rows:
        key = row.target or ""
        if key and row.figures and TARGETS[key].bound:
            found[key] = max(found.get(key, row), row, key=lambda one: _share(one.median, key))
    return [found[key] for key in TARGETS if key in found]


def _targets(rows: Sequence[Row]) -> Any:
    """Each as a share of its bound, so that what is left of 1 is kept."""
    axes = _axes(9, 1.0 + 0.27 * len(rows))
    for place, row in enumerate(reversed(rows)):
        key = row.target or ""
        target = TARGETS[key]
        shares = [min(_share(figure, key), _WIDEST) for figure in row.figures]
        middle = min(_share(row.median, key), _WIDEST)
        colour = _OURS if middle <= 1 else _BAD
        axes.plot([min(shares), max(shares)], [place, place], color=colour, linewidth=2)
        axes.plot(middle, place, "o", color=colour)
        if target.aim:
            axes.plot(_share(target.aim, key), place, "|", color="#222222", markersize=11)
        said = f"{number(row.median)}, to be {target.limit(target.bound)}"
        axes.text(_WIDEST + 0.05, place, said, fontsize=8, va="center", color=colour)
    labels = [TARGETS[row.target or ""].title for row in reversed(rows)]
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.axvline(1, color="#222222", linewidth=1)
    axes.set_xlim(0, _WIDEST + 0.02)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlabel("measured, as a share of what must be kept; left of the line is better", size=9)
    axes.set_title("● median and range    | aim    — the line: what must be kept", size=9)
    return axes


def _share(figure: float, key: str) -> float:
    target = TARGETS[key]
    bound = target.bound or 1.0
    if target.at_most:
        return figure / bound
    return bound / figure if figure else _WIDEST


def name_and_jobs(row: Row) -> tuple[str, int]:
    """Who is measured, with how many jobs; a name may have commas, too."""
    name, _, about = row.what.rpartition(", ")
    return name, int(about.split()[0].replace(",", ""))


def _peers(rows: Sequence[Row]) -> Any:
    """CPU per request over the number of jobs."""
    axes = _axes(7, 4.5)
    lines: dict[str, list[tuple[int, Row]]] = {}
    for row in rows:
        if row.unit == "ms a request" and row.figures:
            name, jobs = name_and_jobs(row)
            lines.setdefault(name, []).append((jobs, row))
    for name, points in lines.items():
        sizes = [jobs for jobs, _ in points]
        middles = [row.median for _, row in points]
        below = [row.median - min(row.figures) for _, row in points]
        above = [max(row.figures) - row.median for _, row in points]
        label = "hand-written aiohttp loop" if name == "loop" else name
        axes.errorbar(
            sizes,
            middles,
            yerr=[below, above],
            label=label,
            color=_LINES.get(name, _OTHERS),
            linewidth=3 if name == "pika_async" else 1.5,
            marker="o",
            capsize=3,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("jobs at once")
    axes.set_ylabel("CPU per request, ms")
    axes.legend(frameon=False)
    return axes


def _memory(rows: Sequence[Row]) -> Any:
    """A job in flight, what malloc gave, with and without its pooled connection."""
    shown = [row for row in rows if row.unit == "KB a job"]
    axes = _axes(8, 1.2 + 0.34 * max(1, len(shown)))
    colours = [_OTHERS if row.what.startswith("loop") else _OURS for row in shown]
    axes.barh([row.what for row in shown], [row.median for row in shown], color=colours)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("KB a job in flight, over the idle client")
    return axes


def _memory_as_it_goes(rows: Sequence[Row]) -> Any:
    """A long batch's memory at each tenth of its way."""
    axes = _axes(7, 4)
    for row in rows:
        tenths = [100 * place / (len(row.figures) - 1) for place in range(len(row.figures))]
        colour = _OTHERS if "journal" in row.what else _OURS
        axes.plot(tenths, row.figures, marker="o", color=colour, label=row.what)
    axes.set_ylim(0, 1.1 * max(max(row.figures) for row in rows))
    axes.set_xlabel("percent of the prompts")
    axes.set_ylabel("resident, MB")
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    return axes
