"""The curves of the schedules: polls a job against the mean delay."""

from __future__ import annotations

import importlib
import statistics
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from attrs import frozen

from benchmarks.rig.virtual_jobs import DURATIONS, IN_FLIGHT, JOBS, TITLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "fixed interval": {"color": "#d35400", "marker": "s"},
    "exponential backoff": {"color": "#2471a3", "marker": "^"},
    "AdaptivePolling": {"color": "#0b6e4f", "marker": "o", "linewidth": 2.4},
    "AdaptivePolling, progress reported": {
        "color": "#0b6e4f",
        "marker": "o",
        "markerfacecolor": "white",
        "linestyle": "-.",
    },
    "optimum, known distribution": {"color": "#222222", "linestyle": "--"},
}


@frozen
class Schedule:
    """A schedule on one distribution: each figure once for each seed."""

    durations: str
    """A key of ``DURATIONS``."""
    progress: str | None
    """A key of ``PROGRESS``."""
    family: str
    schedule: str
    polls: tuple[float, ...]
    """A job."""
    delays: tuple[float, ...]
    """Seconds, on average."""
    ratios: tuple[float, ...]
    """Polls, over those of the fixed interval of the same mean delay."""
    target: str | None = None
    """Which line of the targets this is."""


def plot(rows: Sequence[Schedule], path: Path) -> Path | None:
    """Draw the curves; None where matplotlib is not installed."""
    if not find_spec("matplotlib"):
        return None
    importlib.import_module("matplotlib").use("agg")
    plots = importlib.import_module("matplotlib.pyplot")
    figure, grid = plots.subplots(2, 3, figsize=(13, 8), sharex=True, sharey=True)
    for axes, name in zip(grid.flat, DURATIONS, strict=True):
        _panel(axes, name, [row for row in rows if row.durations == name])
    for axes in grid[1]:
        axes.set_xlabel("mean delay, seconds")
    for axes in grid[:, 0]:
        axes.set_ylabel("polls a job")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(
        f"Polls a job against the delay in seeing its end ({JOBS} jobs, {IN_FLIGHT} in flight, "
        "cold start; lower left is better)"
    )
    figure.tight_layout(rect=(0.0, 0.07, 1.0, 1.0))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plots.close(figure)
    return path


def _panel(axes: Any, name: str, rows: Sequence[Schedule]) -> None:
    axes.set_title(TITLES[name])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(visible=True, which="major", alpha=0.25)
    for family, looks in _LOOKS.items():
        points = sorted(
            (statistics.median(row.delays), statistics.median(row.polls), row.schedule)
            for row in rows
            if row.family == family
        )
        if not points:
            continue
        axes.plot(
            [delay for delay, _, _ in points],
            [polls for _, polls, _ in points],
            label=family,
            markersize=5,
            **looks,
        )
        if family == "fixed interval":
            for delay, polls, schedule in points:
                axes.annotate(
                    schedule, (delay, polls), (4, 4), textcoords="offset points", fontsize=7
                )
