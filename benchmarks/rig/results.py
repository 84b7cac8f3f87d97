"""What all benchmarks came to, kept for machines (JSON) and shown to people (Markdown, PNG)."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from benchmarks.rig.plots import draw
from benchmarks.rig.rows import Row, decoded, encoded
from benchmarks.rig.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = (
    "pika-async",
    "aiohttp",
    "attrs",
    "cattrs",
    "anyio",
    "fal-client",
    "openai",
    "runwayml",
)


def versions() -> dict[str, str]:
    """Of what is installed, and of Python."""
    found = {"Python": f"{platform.python_implementation()} {platform.python_version()}"}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@frozen
class Measurement:
    """One benchmark's rows, and under which circumstances they were taken."""

    rows: list[Row]
    date: str
    quick: bool
    seconds: float
    cores: int
    versions: dict[str, str]

    @classmethod
    def now(cls, rows: list[Row], *, quick: bool, seconds: float) -> Measurement:
        date = datetime.now(UTC).date().isoformat()
        return cls(rows, date, quick, round(seconds, 1), cores(), versions())

    def encoded(self) -> dict[str, Any]:
        return {
            "date": self.date,
            "quick": self.quick,
            "seconds": self.seconds,
            "cores": self.cores,
            "versions": self.versions,
            "rows": [encoded(row) for row in self.rows],
        }

    @classmethod
    def decoded(cls, value: dict[str, Any]) -> Measurement:
        return cls(**{**value, "rows": [decoded(row) for row in value["rows"]]})


@define
class Results:
    """The measurements in one folder."""

    folder: Path
    measured: dict[str, Measurement] = field(factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Results:
        """What was written there, if anything was."""
        file = folder / "results.json"
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return cls(folder, {name: Measurement.decoded(value) for name, value in found.items()})

    def draw(self) -> None:
        """The plots, which the tables show once they are there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draw({name: one.rows for name, one in self.measured.items()}, self.folder)

    def write(self) -> None:
        """What was measured, for machines, and the tables."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found = {name: measurement.encoded() for name, measurement in self.measured.items()}
        text = json.dumps(found, indent=1, ensure_ascii=False)
        (self.folder / "results.json").write_text(f"{text}\n", encoding="utf-8")
        lines = [*self._head(), *self._targets(), *self._details()]
        (self.folder / "RESULTS.md").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _head(self) -> Iterator[str]:
        every = self.measured.values()
        yield "# Results"
        yield ""
        if any(one.quick for one in every):
            yield "**Partly a quick run: a rough look, not figures to quote.**"
            yield ""
        yield (
            "Written by `python -m benchmarks`. Ratios are taken round by round, with those that "
            "are compared in turn; shown are the median and, in brackets, the range over the "
            "rounds. CPU is user + system time of the client's process."
        )
        yield ""
        yield f"- Date: {_all(one.date for one in every)}"
        yield f"- Machine: {_all(str(one.cores) for one in every)} cores"
        for name in dict.fromkeys(name for one in every for name in one.versions):
            yield f"- {name}: {_all(one.versions[name] for one in every if name in one.versions)}"
        taken = [f"{name} {one.seconds:.0f}" for name, one in self.measured.items()]
        total = sum(one.seconds for one in every)
        yield f"- Seconds: {total:,.0f} in all ({', '.join(taken)})"

    def _targets(self) -> Iterator[str]:
        """Every target, with whatever was measured of it."""
        yield from ("", "## Targets", "")
        yield "| what | how | at least | aim | measured | |"
        yield "|---|---|---|---|---|---|"
        rows = [row for one in self.measured.values() for row in one.rows]
        for key, target in TARGETS.items():
            cells = [target.what, target.how, target.limit(target.bound), target.limit(target.aim)]
            found = [row for row in rows if row.target == key]
            for row in found:
                yield _line(*cells, f"{row.what}: {row.spread}", row.verdict)
            if not found:
                yield _line(*cells, target.elsewhere, "" if target.elsewhere else "not measured")

    def _details(self) -> Iterator[str]:
        for name, measurement in self.measured.items():
            yield from ("", f"## {name}", "")
            quick = "a quick run, " if measurement.quick else ""
            yield f"{measurement.date}, {quick}{measurement.seconds:.0f} s"
            for plot in sorted(self.folder.glob(f"{name}*.png")):
                yield from ("", f"![{plot.stem}]({plot.name})")
            yield from ("", "| what | median (range) | unit | rounds | |", "|---|---|---|---|---|")
            for row in measurement.rows:
                rounds = str(len(row.figures))
                said = row.note if row.figures else ""
                yield _line(row.what, row.spread, row.unit, rounds, said or row.verdict)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.strip() for cell in cells)} |"


def _all(values: Iterator[str]) -> str:
    """Different ones, if parts were measured again with something else."""
    return ", ".join(dict.fromkeys(values))
