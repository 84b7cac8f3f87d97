"""What a benchmark returns: rows of figures, one figure a round, and how they are shown."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

from benchmarks.rig.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Figures = dict[str, list[float]]


@frozen
class Row:
    """One thing that was measured, ``what`` in ``unit``, once a round."""

    what: str
    unit: str
    figures: tuple[float, ...]
    """Empty if it could not be measured; the note says why."""
    target: str | None = None
    """A key of ``TARGETS``."""
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.figures)

    @property
    def spread(self) -> str:
        """The median, and from where to where the figures go."""
        if not self.figures:
            return self.note or "none"
        if len(self.figures) == 1:
            return number(self.median)
        low, high = min(self.figures), max(self.figures)
        return f"{number(self.median)} ({number(low)} to {number(high)})"

    @property
    def verdict(self) -> str:
        return TARGETS[self.target].verdict(self.median) if self.target and self.figures else ""


def number(value: float) -> str:
    """Three digits, and more only before the point."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    for bound, digits in ((0.1, 4), (1, 3), (10, 2), (100, 1)):
        if abs(value) < bound:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def encoded(row: Row) -> dict[str, Any]:
    return asdict(row)


def decoded(value: Mapping[str, Any]) -> Row:
    return Row(**{**value, "figures": tuple(value["figures"])})


def not_installed(package: str) -> str:
    """The note of a row that needs ``package`` and has no figures."""
    return f"not measured: {package} is not installed (pip install pika-async[bench])"


def ratio(
    what: str,
    figures: Sequence[float],
    base: Sequence[float],
    unit: str = "× loop",
    target: str | None = None,
) -> Row:
    """``figures`` over ``base``, round by round."""
    ratios = tuple(one / other for one, other in zip(figures, base, strict=True))
    return Row(what, unit, ratios, target)


def compared(
    figures: Figures,
    unit: str,
    base: str = "loop",
    targets: Mapping[str, str] | None = None,
    about: str = "",
) -> list[Row]:
    """Rows of what each came to, and of its ratio to ``base``, round by round."""
    rows = []
    for name, measured in figures.items():
        rows.append(Row(name + about, unit, tuple(measured)))
        if name != base:
            target = (targets or {}).get(name)
            rows.append(ratio(name + about, measured, figures[base], f"× {base}", target))
    return rows


def show(rows: Iterable[Row]) -> None:
    """Print ``rows`` as a table."""
    lines = [("", "median (range)", "unit", "target")]
    for row in rows:
        target = TARGETS[row.target] if row.target else None
        held = f"{target.leading}: {row.verdict}" if target else ""
        lines.append((row.what, row.spread, row.unit, held or row.note))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip(), flush=True)
